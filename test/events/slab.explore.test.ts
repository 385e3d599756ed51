/** The stock in every order, and with a thread dying at any step: nothing is handed out twice, nothing is lost once the dead are recovered. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Exploration, explore, forget, type Program, runAlone } from './explore.ts';
import { loadStepwise, type Mutant } from './stepwise.ts';

interface StepSlab {
  take(): Program;
  give(thing: number): Program;
  flush(): Program;
  release(): Program;
  reclaim(cache: number, owner: number): Program;
}

interface StepSlabClass {
  new (words: Int32Array, place: typeof PLACE, cache: number, me: number): StepSlab;
  stock(words: Int32Array, place: typeof PLACE): Program;
}

/** Four things in chains of two; a ring of four slots; six words for each of four threads. */
const COUNT = 4;
const PLACE = { base: 72, stride: 2, count: COUNT, free: { at: 0, bits: 2 }, fresh: 70, rest: 0 };
const CACHE = 96;
const CACHE_WORDS = 6;

interface Scene {
  readonly threads: readonly ((slab: StepSlab, held: Set<number>) => Program)[];
  readonly mortals?: readonly number[];
  readonly mutants?: readonly Mutant[];
}

async function exploreSlab({ threads, mortals = [], mutants = [] }: Scene): Promise<Exploration> {
  const { Slab } = (await loadStepwise(['ring.ts', 'slab.ts'], mutants, { CHUNK: 2 })) as { Slab: StepSlabClass };
  return explore(() => {
    const words = new Int32Array(128);
    runAlone(Slab.stock(words, PLACE));
    const open = (me: number) => new Slab(words, PLACE, CACHE + me * CACHE_WORDS, me);
    const held = threads.map(() => new Set<number>());
    return {
      words,
      mortals,
      // Links are read and written by whoever has the chain.
      isPrivate: (at) => at >= CACHE || (at >= PLACE.base && (at - PLACE.base) % PLACE.stride === 1),
      threads: threads.map((thread, index) => thread(open(index + 1), held[index] as Set<number>)),
      recover: (dead) => open(threads.length + 1).reclaim(CACHE + (dead + 1) * CACHE_WORDS, dead + 1),
      check: (_results, dead) => {
        // What everybody keeps for later goes back first, then all that is left is taken out.
        for (let me = 1; me <= threads.length + 1; me++) if (me - 1 !== dead) runAlone(open(me).release());
        const last = open(threads.length + 1);
        const left: number[] = [];
        for (let thing = runAlone(last.take()) as number; thing !== 0 && left.length < 9; thing = runAlone(last.take()) as number)
          left.push(thing);
        const all = [...left, ...held.filter((_, index) => index !== dead).flatMap((things) => [...things])];
        if (new Set(all).size < all.length) return `something is in two hands: ${all}`;
        return all.length === COUNT ? undefined : `of ${COUNT} things ${all} are there`;
      },
    };
  });
}

function takes(count: number) {
  return function* (slab: StepSlab, held: Set<number>): Program {
    for (let index = 0; index < count; index++) {
      const thing = (yield* slab.take()) as number;
      yield forget(thing, ...held);
      if (thing !== 0) held.add(thing);
    }
    return [...held];
  };
}

/** Takes and gives back, so many times. */
function takesAndGives(count: number) {
  return function* (slab: StepSlab): Program {
    for (let index = 0; index < count; index++) {
      const thing = (yield* slab.take()) as number;
      yield forget(index, thing);
      if (thing !== 0) yield* slab.give(thing);
      yield forget(index);
    }
    yield* slab.flush();
    return undefined;
  };
}

describe('the stock in every order', () => {
  test('one takes and keeps, one takes and gives back', async () => {
    const { fault, states } = await exploreSlab({ threads: [takes(2), takesAndGives(2)] });
    assert.equal(fault, undefined);
    assert.ok(states > 200, `${states} states`);
  });

  test('three want from two chains', async () => {
    assert.equal((await exploreSlab({ threads: [takes(1), takes(1), takes(1)] })).fault, undefined);
  });

  for (const mortal of [0, 1]) {
    test(`thread ${mortal} dies at any step and is recovered by a third`, async () => {
      assert.equal((await exploreSlab({ threads: [takes(1), takesAndGives(1)], mortals: [mortal] })).fault, undefined);
    });
  }
});

describe('planted mutants of the stock are found', () => {
  const scenes: Record<string, Scene> = {
    'a chain is taken without comparing': {
      threads: [takes(1), takes(1), takesAndGives(3)],
      mutants: [
        {
          file: 'slab.ts',
          from: 'if (Atomics.compareExchange(words, at, seen, this.#taken | CHAIN) === seen) {',
          to: 'if (Atomics.store(words, at, this.#taken | CHAIN) !== -1) {',
        },
        // Without this hint that comes twice nobody would notice.
        {
          file: 'slab.ts',
          from: 'this.#ring.push(first);\n    words[cache + GOING] = 0;',
          to: 'this.#ring.push(first); this.#ring.push(first);\n    words[cache + GOING] = 0;',
        },
      ],
    },
    'the chain is not written down before it is handed over': {
      threads: [takes(2), takesAndGives(2)],
      mortals: [1],
      mutants: [{ file: 'slab.ts', from: 'words[cache + GOING] = first;', to: '' }],
    },
    'the hint on its way in is not sent again': {
      threads: [takes(2), takesAndGives(2)],
      mortals: [0],
      mutants: [{ file: 'slab.ts', from: 'if (kindOf(word) === LOOSE) this.#ring.push(coming);', to: 'if (kindOf(word) === LOOSE) {}' }],
    },
    'a thing is out of the chain before it has an owner': {
      threads: [takes(2)],
      mortals: [0],
      mutants: [
        {
          file: 'slab.ts',
          from: 'words[at + LIFE] = this.#taken;\n    words[cache + TAKING] = words[at + LINK] as number;',
          to: 'words[cache + TAKING] = words[at + LINK] as number;\n    words[at + LIFE] = this.#taken;',
        },
      ],
    },
  };
  for (const [name, scene] of Object.entries(scenes)) {
    test(name, async () => {
      assert.notEqual((await exploreSlab(scene)).fault, undefined);
    });
  }
});
