/** Defects of how callbacks are run: late ones lost, out of order or at once, locks held over them, what they throw. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { absent, type Face, gate, Ours, type Seen, soon } from './face.ts';
import { Naive, NaivePriorities } from './naive.ts';

const naive = (): Face => new Naive();
const ours = (): Face => new Ours();

/** A face that can be told to forget what is over. */
interface Forgetful extends Face {
  forget(): Promise<void>;
}

class OursForgetful extends Ours implements Forgetful {
  #other = 1_000_000;

  constructor() {
    super({ retain: { count: 0, expired: 0 } });
  }

  /** Nothing is retained, and each event that ends makes room. */
  async forget(): Promise<void> {
    for (let count = 0; count < 100; count++) {
      this.add({ id: this.#other++, type: 'other' });
      await this.process();
    }
  }
}

class NaiveForgetful extends Naive implements Forgetful {
  async forget(): Promise<void> {
    this.cleanUp();
  }
}

describe('defects of callbacks that come late', () => {
  absent<Forgetful>('6: tidying up takes an event away whose callbacks are still running', {
    ours: () => new OursForgetful(),
    faulty: () => new NaiveForgetful(),
    check: async (queue) => {
      const seen: Seen[] = [];
      const first = gate();
      queue.add({ id: 1, type: 'order', data: 'paid' });
      queue.once(1, () => first.opened);
      const processing = queue.process();
      await queue.forget();
      queue.once(1, ({ id, type, data }) => void seen.push({ id, type, data }));
      first.open();
      await processing;
      assert.equal(await queue.process(), false, 'a second event has come out of the registration');
      assert.deepEqual(seen, [{ id: 1, type: 'order', data: 'paid' }]);
    },
  });

  absent<Face>('7: a callback registered after its event was processed never runs', {
    ours,
    faulty: () => new Naive({ late: 'kept' }),
    check: async (queue) => {
      queue.add({ id: 1, type: 't', data: 'kept' });
      await queue.process();
      const late = new Promise<unknown>((resolve) => void queue.once(1, ({ data }) => resolve(data)));
      assert.equal(await soon(late, 'the late callback', 200), 'kept');
    },
  });

  absent<Face>('7: … also where events have priorities', {
    ours: () => new Ours({ levels: 4 }),
    faulty: () => new NaivePriorities(),
    check: async (queue) => {
      queue.add({ id: 1, type: 't', data: 'kept' }, 2);
      await queue.process();
      const late = new Promise<unknown>((resolve) => void queue.once(1, ({ data }) => resolve(data)));
      assert.equal(await soon(late, 'the late callback', 200), 'kept');
    },
  });

  absent<Face>('8: a callback registered while its event is processed overtakes earlier ones and runs inside another', {
    ours,
    faulty: naive,
    check: async (queue) => {
      const steps: string[] = [];
      queue.add({ id: 1, type: 't' });
      queue.once(1, () => {
        steps.push('a begins');
        queue.once(1, () => void steps.push('c'));
        steps.push('a ends');
      });
      queue.once(1, () => void steps.push('b'));
      await queue.process();
      assert.deepEqual(steps, ['a begins', 'a ends', 'b', 'c']);
    },
  });

  absent<Face>('8: … or beside one that is waiting for a promise', {
    ours,
    faulty: naive,
    check: async (queue) => {
      const steps: string[] = [];
      const wait = gate();
      queue.add({ id: 1, type: 't' });
      queue.once(1, async () => {
        steps.push('a begins');
        await wait.opened;
        steps.push('a ends');
      });
      const processing = queue.process();
      queue.once(1, () => void steps.push('b'));
      wait.open();
      await processing;
      assert.deepEqual(steps, ['a begins', 'a ends', 'b']);
    },
  });

  absent<Face>('9: a callback that uses the queue waits for a lock that its own thread holds', {
    ours,
    faulty: () => new Naive({ callsUnderLock: true }),
    check: async (queue) => {
      const steps: string[] = [];
      queue.add({ id: 1, type: 't' });
      await queue.process();
      const inner = gate();
      queue.once(1, () => {
        steps.push('late');
        queue.add({ id: 2, type: 't' });
        queue.once(1, () => {
          steps.push('later');
          inner.open();
        });
      });
      await soon(inner.opened, 'the inner callback');
      assert.equal(await queue.process(), true);
      assert.deepEqual(steps, ['late', 'later']);
    },
  });
});

describe('defects of callbacks that fail', () => {
  const thrown: unknown[] = [new TypeError('wrong'), 42, 'a text', undefined, null, { code: 7 }];

  absent<Face>('10: one that throws takes those behind it with it, and the thread', {
    ours,
    faulty: () => new Naive({ catches: 'nothing' }),
    check: async (queue) => {
      let ran = 0;
      queue.add({ id: 1, type: 't' });
      queue.once(1, () => {
        throw new Error('wrong');
      });
      queue.once(1, () => void ran++);
      queue.add({ id: 2, type: 't' });
      queue.once(2, () => void ran++);
      await assert.doesNotReject(queue.process(), 'it comes out of processing');
      await queue.process();
      assert.equal(ran, 2);
    },
  });

  for (const cause of thrown) {
    for (const how of ['throws', 'rejects with']) {
      absent<Face & { readonly told: () => readonly unknown[] }>(
        `11: one that ${how} ${describeCause(cause)} goes unseen, or ends the process`,
        {
          ours: () => {
            const queue = new Ours();
            return Object.assign(queue, { told: () => queue.failures });
          },
          faulty: () => Object.assign(new Naive(), { told: () => [] }),
          check: async (queue) => {
            let ran = 0;
            queue.add({ id: 1, type: 't' });
            queue.once(1, () => {
              if (how === 'throws') throw cause;
              return Promise.reject(cause);
            });
            queue.once(1, () => void ran++);
            await assert.doesNotReject(queue.process(), 'it comes out of processing');
            assert.equal(ran, 1);
            assert.deepEqual(queue.told(), [cause]);
          },
        },
      );
    }
  }

  absent<{ results: () => Promise<readonly unknown[]> }>('11: what failed cannot be seen from the event', {
    ours: () => {
      const { queue } = new Ours();
      queue.add({ id: 1, type: 't' });
      const results = async (): Promise<readonly unknown[]> => {
        queue.once({ id: 1 }, function careless() {
          throw 42;
        });
        const result = await queue.tryProcess();
        return (result?.failed ?? []).map(({ callback, attempt, cause, final }) => ({ callback, attempt, cause, final }));
      };
      return { results };
    },
    faulty: () => ({ results: async () => [] }),
    check: async ({ results }) => assert.deepEqual(await results(), [{ callback: 'careless', attempt: 1, cause: 42, final: true }]),
  });
});

function describeCause(cause: unknown): string {
  return cause instanceof Error ? 'an error' : JSON.stringify(cause) === undefined ? 'undefined' : JSON.stringify(cause);
}

/** Runs every callback twice: what a check that is content with "at least" lets pass. */
class Doubling extends Naive {
  override once(id: number | string, call: (event: Seen) => void): undefined {
    super.once(id, call);
    super.once(id, call);
  }
}

describe('defects of the checks themselves', () => {
  absent<Face>('28: a callback that runs twice is within what a test accepts', {
    ours,
    faulty: () => new Doubling(),
    check: async (queue) => {
      const counts = new Map<string, number>();
      for (let id = 1; id <= 20; id++) {
        queue.add({ id, type: 't' });
        for (const name of ['a', 'b', 'c']) queue.once(id, () => void counts.set(`${id}${name}`, (counts.get(`${id}${name}`) ?? 0) + 1));
      }
      while (await queue.process());
      assert.equal(counts.size, 60);
      assert.deepEqual([...new Set(counts.values())], [1]);
    },
  });
});
