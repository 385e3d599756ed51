/** Sleeping and waking in every order: nobody sleeps on while there is work, and planted mutants that lose a wake-up are found. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Exploration, explore, forget, type Program, switchesOf, type World } from './explore.ts';
import { loadStepwise, type Mutant, type Step } from './stepwise.ts';

interface StepPark {
  enter(): Program;
  sleep(key: number, timeoutMs: number): Program;
  hasSleepers(): Program;
  wake(count: number): Program;
  wakeAll(): Program;
  beginWatch(me: number): Program;
  endWatch(me: number): Program;
  wakeOne(): Program;
}

const SIGNAL = 0;
const TOKENS = 1;
/** How many things there are to do. */
const WORK = 2;
const WATCH = 3;

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
  /** Where sleepers keep watch before they sleep, and each is busy for ever with the first thing it takes. */
  readonly watched?: { readonly passesOn: boolean; readonly diesWatching?: boolean };
}

async function explorePark({
  makes,
  sleepers,
  mortals = [],
  mutants = [],
  looksAgain = true,
  visibleFirst = true,
  watched,
}: Scene): Promise<Exploration> {
  const { Park } = (await loadStepwise(['park.ts'], mutants)) as {
    Park: new (words: Int32Array, signal: number, tokens: number, watch: number) => StepPark;
  };
  // With one that keeps watch there are too many orders to go into all of them each time.
  const limits = watched === undefined ? {} : { switches: switchesOf(3) };
  const world = (): World => {
    const words = new Int32Array(16);
    const open = () => new Park(words, SIGNAL, TOKENS, WATCH);
    let done = 0;
    let made = 0;
    function* make(count: number): Program {
      const park = open();
      for (let index = 0; index < count; index++) {
        yield forget(index);
        if (visibleFirst) yield { kind: 'add', words, at: WORK, values: [1] };
        made++;
        if (watched !== undefined) yield* park.wakeOne();
        else if ((yield* park.hasSleepers()) === true) yield* park.wake(1);
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
    const look: Step = { kind: 'load', words, at: WORK, values: [] };
    function* keepWatch(me: number): Program {
      const park = open();
      for (;;) {
        yield forget(6);
        if ((yield takeOne) === 1) {
          done++;
          if (watched?.passesOn === true && (yield look) !== 0) yield* park.wakeOne();
          return undefined;
        }
        if ((yield* park.beginWatch(me)) === true) {
          const there = (yield look) !== 0;
          yield* park.endWatch(me);
          if (there) continue;
        }
        const key = (yield* park.enter()) as number;
        if ((yield look) === 0) yield* park.sleep(key, 0);
      }
    }
    function* recover(dead: number): Program {
      if (watched?.diesWatching !== true) yield* open().endWatch(dead + 1);
      yield* open().wakeAll();
      return undefined;
    }
    return {
      words,
      mortals,
      threads: [
        ...makes.map((count) => make(count)),
        ...Array.from({ length: sleepers }, (_, index) => (watched === undefined ? work() : keepWatch(makes.length + index + 1))),
      ],
      recover,
      // Whoever died with something in hand takes it along: here only sleeping and waking are looked at.
      check: () => (words[WORK] === 0 ? undefined : `of ${made} things ${done} were done, and all sleep`),
      maySleep: true,
    };
  };
  return explore(world, limits);
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

  const passesOn = { passesOn: true };

  test('with one that keeps watch, and two that are busy for ever with the first thing they take', async () => {
    const { fault, states } = await explorePark({ makes: [2], sleepers: 2, watched: passesOn });
    assert.equal(fault, undefined);
    assert.ok(states > 500, `${states} states`);
  });

  test('… one that may keep watch dies at any step', async () => {
    assert.equal((await explorePark({ makes: [1], sleepers: 2, mortals: [1], watched: passesOn })).fault, undefined);
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
    'who kept watch does not pass on': { makes: [2], sleepers: 2, watched: { passesOn: false } },
    'a dead one keeps watch for ever': { makes: [1], sleepers: 2, mortals: [1], watched: { passesOn: true, diesWatching: true } },
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
