/** Conformance of request and reply. */

import assert from 'node:assert/strict';
import { Signalbox } from '../../api/api.ts';
import { type Check, numbers, refused } from './trial.ts';

const needs = ['queues', 'exchanges'] as const;

export const requests: readonly Check[] = [
  {
    says: 'brings each answer to who asked for it',
    needs,
    run: async (trial) => {
      const other = new Signalbox(trial.engine);
      const responder = await trial.box.respond('double', (value) => Number(value) * 2);
      const answers = await Promise.all(numbers(20).flatMap((n) => [trial.box.request('double', n), other.request('double', n + 100)]));
      assert.deepEqual(
        answers,
        numbers(20).flatMap((n) => [n * 2, (n + 100) * 2]),
      );
      await responder.stop();
    },
  },
  {
    says: 'shares requests among responders, each answered once',
    needs,
    run: async (trial) => {
      const calls = [0, 0];
      const responders = await Promise.all(
        calls.map((_, i) =>
          trial.box.respond('who', () => {
            calls[i] = (calls[i] ?? 0) + 1;
            return i;
          }),
        ),
      );
      await Promise.all(numbers(20).map(() => trial.box.request('who', null)));
      assert.equal((calls[0] ?? 0) + (calls[1] ?? 0), 20);
      assert.ok((calls[0] ?? 0) > 0 && (calls[1] ?? 0) > 0, `both are asked: ${calls}`);
      for (const responder of responders) await responder.stop();
    },
  },
  {
    says: 'tells who asked what went wrong',
    needs,
    run: async (trial) => {
      const responder = await trial.box.respond('fails', () => {
        throw new Error('There is no such order.');
      });
      await refused('invalid', 'no such order', () => trial.box.request('fails', 1));
      await responder.stop();
      await refused('unrouted', '"nobody"', () => trial.box.request('nobody', 1));
    },
  },
  {
    says: 'gives up when no answer comes in time, or its signal ends',
    needs,
    turns: true,
    run: async (trial) => {
      let asked = 0;
      const silence = Promise.withResolvers<void>();
      const responder = await trial.box.respond('silent', async () => {
        asked++;
        await silence.promise;
      });
      const late = trial.box.request('silent', 1, { timeout: '5s' });
      const never = refused('aborted', '"silent"', () => late);
      await trial.until('it was asked', () => asked === 1);
      await trial.advance(4999);
      const stop = new AbortController();
      const stopped = refused('aborted', '"silent"', () => trial.box.request('silent', 2, { signal: stop.signal }));
      await trial.settle();
      stop.abort();
      await stopped;
      await trial.advance(1);
      await never;
      await refused('aborted', '"silent"', () => trial.box.request('silent', 3, { signal: AbortSignal.abort() }));
      silence.resolve();
      await responder.stop();
    },
  },
  {
    says: 'spares a responder the requests that nobody waits for any more',
    needs,
    turns: true,
    run: async (trial) => {
      const seen: unknown[] = [];
      const busy = Promise.withResolvers<void>();
      const responder = await trial.box.respond('slow', async (value) => {
        seen.push(value);
        if (value === 1) await busy.promise;
        return value;
      });
      const first = trial.box.request('slow', 1, { timeout: '1h' });
      await trial.until('it is busy', () => seen.length === 1);
      const vain = refused('aborted', '"slow"', () => trial.box.request('slow', 2, { timeout: '1s' }));
      await trial.settle();
      await trial.advance(1001);
      await vain;
      busy.resolve();
      assert.equal(await first, 1);
      assert.equal(await trial.box.request('slow', 3), 3);
      assert.deepEqual(seen, [1, 3]);
      await responder.stop();
    },
  },
  {
    says: 'answers as many at once as a responder says it can',
    needs,
    run: async (trial) => {
      const open: (() => void)[] = [];
      const responder = await trial.box.respond('many', (value) => new Promise((resolve) => open.push(() => resolve(value))), {
        concurrency: 3,
      });
      const answers = numbers(5).map((n) => trial.box.request('many', n));
      await trial.until('three are at work', () => open.length === 3);
      await trial.settle();
      assert.equal(open.length, 3);
      for (let done = 0; done < 5; done++) {
        await trial.until('one is at work', () => open.length > done);
        open[done]?.();
      }
      assert.deepEqual(await Promise.all(answers), numbers(5));
      await responder.stop();
    },
  },
  {
    says: 'goes on asking when its queue for answers was removed',
    needs,
    run: async (trial) => {
      const responder = await trial.box.respond('echo', (value) => value);
      assert.equal(await trial.box.request('echo', 1), 1);
      for (const queue of await trial.box.list('queue')) {
        if (queue.kind === 'queue' && queue.spec.name.startsWith('reply-')) await trial.box.remove('queue', queue.spec.name);
      }
      assert.equal(await trial.box.request('echo', 2), 2);
      await responder.stop();
    },
  },
];
