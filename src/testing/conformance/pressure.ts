/** Conformance of back-pressure: memory is bounded, publishers wait, and who is slow slows nobody else. */

import assert from 'node:assert/strict';
import { Signalbox } from '../../api/api.ts';
import type { Engine, Fetch } from '../../model/engine.ts';
import { type Check, holding, numbers } from './trial.ts';

const MIB = 1024 * 1024;

export const pressure: readonly Check[] = [
  {
    says: 'lets publishers wait while too much is under way, and go on afterwards',
    needs: ['topics'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      const body = new Uint8Array(MIB);
      const sent = numbers(40).map(() => topic.publish(body));
      await trial.engine.relief();
      await Promise.all(sent);
      assert.equal(trial.engine.pressed, false);
      assert.equal((await topic.describe()).partitions[0]?.end, 40);
    },
  },
  {
    says: 'lets a slow consumer hold up neither other queues nor publishers',
    needs: ['queues', 'exchanges'],
    run: async (trial) => {
      for (const name of ['slow', 'quick']) {
        await trial.queue(name);
        await trial.box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name }, pattern: 'a' });
      }
      const slow = await holding(trial, 'slow', 4);
      let got = 0;
      const quick = trial.box.queue('quick').consume(() => void got++, { prefetch: 16 });
      for (const n of numbers(300)) await trial.box.publish('a', n);
      await trial.until('the quick one got all', () => got === 300);
      assert.equal(slow.held.length, 4);
      const { ready, inFlight } = await trial.box.queue('slow').describe();
      assert.deepEqual([ready, inFlight], [296, 4], 'what the slow one does not take waits with the engine');
      await quick.stop();
      await slow.consumer.cancel();
    },
  },
  {
    says: 'reads no further ahead of a slow subscriber than it was told to',
    needs: ['topics'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      for (let i = 0; i < 20; i++) await topic.publishMany(numbers(10).map(() => new Uint8Array(20_000)));
      let bytes = 0;
      const counting = new Signalbox(counted(trial.engine, (read) => (bytes += read)));
      const subscription = await counting.topic('t').subscribe({ from: 'earliest', ahead: 10 });
      await subscription.next();
      await trial.settle();
      assert.ok(bytes <= 2.5 * MIB, `it asked for ${bytes} bytes of 4,000,000 ahead of who reads one`);
      let read = 1;
      while (read < 200) {
        await subscription.next();
        read++;
      }
      await subscription.stop();
    },
  },
];

/** The same engine, with the bytes that are fetched told. */
function counted(engine: Engine, tell: (bytes: number) => void): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (name === 'fetch') {
        return async (fetch: Fetch) => {
          const fetched = await target.fetch(fetch);
          const { records } = fetched;
          if (records.count > 0) tell((records.ends[records.count - 1] ?? 0) - records.start);
          return fetched;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
