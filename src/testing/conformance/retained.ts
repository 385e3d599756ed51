/** Conformance of retained values: the last word of an address, for those who come later. */

import assert from 'node:assert/strict';
import { type Check, drain, refused } from './trial.ts';

const needs = ['retained'] as const;

export const retained: readonly Check[] = [
  {
    says: 'keeps the last value of an address, and only what was to be kept',
    needs,
    run: async ({ box }) => {
      await box.publish('room.a', 20, { retain: true });
      await box.publish('room.a', 21, { retain: true, headers: { unit: 'C' } });
      await box.publish('room.b', { warm: true }, { retain: true });
      await box.publish('room.a', 99);
      assert.deepEqual(
        await box.retained('room.*'),
        new Map<string, unknown>([
          ['room.a', 21],
          ['room.b', { warm: true }],
        ]),
      );
      assert.deepEqual(await box.retained('room.b'), new Map([['room.b', { warm: true }]]));
      assert.equal((await box.retained('#')).size, 2);
      assert.equal((await box.retained('hall.*')).size, 0);
    },
  },
  {
    says: 'forgets the value that is replaced by an empty one',
    needs,
    run: async ({ box }) => {
      await box.publish('a', 1, { retain: true });
      await box.publish('a', new Uint8Array(0), { retain: true });
      assert.equal((await box.retained('a')).size, 0);
    },
  },
  {
    says: 'delivers what is kept to those who are there, as any other message',
    needs: ['retained', 'queues', 'exchanges'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await trial.box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'a' });
      assert.equal((await trial.box.publish('a', 1, { retain: true })).routed, 1);
      assert.deepEqual(await drain(queue, 1), [1]);
    },
  },
  {
    says: 'does not keep what was refused',
    needs: ['retained', 'queues', 'exchanges'],
    run: async (trial) => {
      await trial.queue('q', { countMax: 0 });
      await trial.box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'a' });
      await refused('full', '"q"', () => trial.box.publish('a', 1, { retain: true }));
      assert.equal((await trial.box.retained('a')).size, 0);
    },
  },
  {
    says: 'still has it when it is opened again',
    needs: ['retained', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.publish('a', 1, { retain: true });
      await trial.box.publish('b', 2, { retain: true });
      await trial.box.publish('b', new Uint8Array(0), { retain: true });
      for (const how of ['crashed', 'closed', 'crashed'] as const) {
        await trial.reopen(how);
        assert.deepEqual(await trial.box.retained('#'), new Map([['a', 1]]));
      }
    },
  },
];
