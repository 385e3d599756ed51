/** Sleeping and waking in every order: nobody sleeps on while there is work, and planted mutants that lose a wake-up are found. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Exploration, explore, forget, type Program } from './explore.ts';
import { loadStepwise, type Mutant, type Step } from './stepwise.ts';

interface StepPark {
  enter(): Program;
  sleep(key: number, timeoutMs: number): Program;
  hasSleepers(): Program;
  wake(count: number): Program;
  wakeAll(): Program;
}

const SIGNAL = 0;
const TOKENS = 1;
/** How many things there are to do. */
const WORK = 2;

interface Scene {
  /** How many things each thread that makes work makes. */
  readonly makes: readonly number[];
  readonly sleepers: number;
  readonly mortals?: readonly number[];
  readonly mutants?: readonly Mutant[];
  /** The sleeper's last look, which a mutant leaves out. */
  readonly looksAgain?: boolean;
  /** Whether work is made visible before the tokens are looked at. */
  readonly visibleFirst?: boolean;
}

async function explorePark({
  makes,
  sleepers,
  mortals = [],
  mutants = [],
  looksAgain = true,
  visibleFirst = true,
}: Scene): Promise<Exploration> {
  const { Park } = (await loadStepwise(['park.ts'], mutants)) as {
    Park: new (words: Int32Array, signal: number, tokens: number) => StepPark;
  };
  return explore(() => {
    const words = new Int32Array(16);
    const open = () => new Park(words, SIGNAL, TOKENS);
    let done = 0;
    let made = 0;
    function* make(count: number): Program {
      const park = open();
      for (let index = 0; index < count; index++) {
        yield forget(index);
        if (visibleFirst) yield { kind: 'add', words, at: WORK, values: [1] };
        made++;
        if ((yield* park.hasSleepers()) === true) yield* park.wake(1);
        if (!visibleFirst) yield { kind: 'add', words, at: WORK, values: [1] };
      }
      return undefined;
    }
    const takeOne: Step = { kind: 'take', words, at: WORK, values: [] };
    function* work(): Program {
      const park = open();
      for (;;) {
        yield forget(5);
        if ((yield takeOne) === 1) done++;
        else {
          const key = (yield* park.enter()) as number;
          if (looksAgain && (yield takeOne) === 1) done++;
          else yield* park.sleep(key, 0);
        }
      }
    }
    function* recover(): Program {
      yield* open().wakeAll();
      return undefined;
    }
    return {
      words,
      mortals,
      threads: [...makes.map((count) => make(count)), ...Array.from({ length: sleepers }, work)],
      recover,
      // Whoever died with something in hand takes it along: here only sleeping and waking are looked at.
      check: () => (words[WORK] === 0 ? undefined : `of ${made} things ${done} were done, and all sleep`),
      maySleep: true,
    };
  });
}

describe('sleeping and waking in every order', () => {
  test('two make work, one sleeps', async () => {
    const { fault, states } = await explorePark({ makes: [1, 1], sleepers: 1 });
    assert.equal(fault, undefined);
    assert.ok(states > 100, `${states} states`);
  });

  test('one makes work, two sleep', async () => {
    assert.equal((await explorePark({ makes: [1], sleepers: 2 })).fault, undefined);
  });

  test('the one who wakes dies at any step', async () => {
    assert.equal((await explorePark({ makes: [1], sleepers: 2, mortals: [0] })).fault, undefined);
  });

  test('one of two sleepers dies at any step', async () => {
    assert.equal((await explorePark({ makes: [1], sleepers: 2, mortals: [1] })).fault, undefined);
  });
});

describe('planted mutants of sleeping and waking are found', () => {
  const scenes: Record<string, Scene> = {
    'no notify': {
      makes: [1],
      sleepers: 1,
      mutants: [{ file: 'park.ts', from: 'Atomics.notify(words, this.#signal, taken);', to: '' }],
    },
    'the signal does not change': {
      makes: [1],
      sleepers: 1,
      mutants: [{ file: 'park.ts', from: 'Atomics.add(words, this.#signal, 1);\n        Atomics.notify', to: 'Atomics.notify' }],
    },
    'the sleeper does not look again': { makes: [1], sleepers: 1, looksAgain: false },
    'the waker looks before its work can be seen': { makes: [1], sleepers: 1, visibleFirst: false },
    'the sleeper sleeps on the signal as it is by then': {
      makes: [1],
      sleepers: 1,
      mutants: [
        {
          file: 'park.ts',
          from: 'Atomics.wait(this.#words, this.#signal, key, timeoutMs)',
          to: 'Atomics.wait(this.#words, this.#signal, Atomics.load(this.#words, this.#signal), timeoutMs)',
        },
      ],
    },
    'nobody is woken after a death': {
      makes: [1, 1],
      sleepers: 1,
      mortals: [0],
      mutants: [{ file: 'park.ts', from: 'Atomics.notify(words, this.#signal);', to: '' }],
    },
  };
  for (const [name, scene] of Object.entries(scenes)) {
    test(name, async () => {
      assert.notEqual((await explorePark(scene)).fault, undefined);
    });
  }
});
