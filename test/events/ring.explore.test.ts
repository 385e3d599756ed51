/** The ring, every order of three threads' steps: nothing is lost, doubled or out of order, also with a death at any step and near the end of the counters. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ring } from '../../src/events/ring.ts';
import { type Exploration, explore, type Program } from './explore.ts';
import { loadStepwise, type Mutant } from './stepwise.ts';

interface StepRing {
  push(number: number): Program;
  pushMany(list: number, count: number): Program;
  pop(intent: number, left?: number): Program;
  popMany(counter: number, list: number, max: number): Program;
}

/** What the threads of one run have done. */
interface Log {
  readonly memory: Int32Array;
  readonly put: number[];
  readonly taken: number[];
}

type Actor = (ring: StepRing, log: Log) => Program;

const PLACE = { at: 0, bits: 2 };
/** Words beyond the ring: where thread 2 writes what it is taking, and the list that thread 0 puts from. */
const INTENT = 80;
const LIST = 84;
const COUNTER = 88;
const HELD = 89;

/** Laps as the ring counts them. */
const LAPS = 0xfff;

function put(numbers: readonly number[]): Actor {
  return function* (ring, { put }) {
    for (const number of numbers) {
      yield* ring.push(number);
      put.push(number);
    }
    return undefined;
  };
}

function putMany(count: number): Actor {
  return function* (ring, { put, memory }) {
    yield* ring.pushMany(LIST, count);
    for (let index = 0; index < count; index++) put.push(memory[LIST + index] as number);
    return undefined;
  };
}

/** Takes until it has found nothing twice. */
const take: Actor = function* (ring, { taken, memory }) {
  for (let empty = 0; empty < 2; ) {
    const number = (yield* ring.pop(INTENT)) as number;
    if (number === 0) empty++;
    else taken.push(number);
    memory[INTENT] = 0;
  }
  return undefined;
};

/** Takes what is there beyond one, and looks for it twice. */
const takeButOne: Actor = function* (ring, { taken, memory }) {
  for (let time = 0; time < 2; time++) {
    const number = (yield* ring.pop(INTENT, 1)) as number;
    if (number !== 0) taken.push(number);
    memory[INTENT] = 0;
  }
  return undefined;
};

function takeMany(max: number): Actor {
  return function* (ring, { taken, memory }) {
    for (let empty = 0; empty < 2; ) {
      const count = (yield* ring.popMany(COUNTER, HELD, max)) as number;
      if (count === 0) empty++;
      for (let index = 0; index < count; index++) taken.push(memory[HELD + index] as number);
      memory[COUNTER] = 0;
    }
    return undefined;
  };
}

interface Scene {
  readonly actors: readonly Actor[];
  readonly start?: number;
  readonly mutants?: readonly Mutant[];
  readonly mortals?: readonly number[];
  /** How many are to be left in it. */
  readonly leaves?: number;
}

async function exploreRing({ actors, start = 0, mutants = [], mortals = [], leaves = 0 }: Scene): Promise<Exploration> {
  const { Ring: Stepwise } = (await loadStepwise(['ring.ts'], mutants)) as { Ring: new (words: Int32Array, place: object) => StepRing };
  return explore(() => {
    const memory = new Int32Array(128);
    startAt(memory, start);
    for (let index = 0; index < 3; index++) memory[LIST + index] = index + 1;
    const log: Log = { memory, put: [], taken: [] };
    return {
      words: memory,
      mortals,
      isPrivate: (at) => at >= INTENT,
      threads: actors.map((actor) => actor(new Stepwise(memory, PLACE), log)),
      check: (_results, dead) =>
        leaves > 0 && log.put.length - log.taken.length < leaves ? `${log.taken} were taken of ${log.put}` : look(log, dead),
    };
  });
}

/** Every number put is taken once, or can still be taken, in order; one that a dead thread was taking stands in its words. */
function look({ memory, put, taken }: Log, dead: number): string | undefined {
  const ring = new Ring(memory, PLACE);
  const all = [...taken];
  for (let left = ring.pop(127); left !== 0 && all.length < 9; left = ring.pop(127)) all.push(left);
  if (new Set(all).size < all.length) return `something came twice: ${all}`;
  const held = [memory[INTENT], ...memory.subarray(HELD, HELD + (memory[COUNTER] as number))];
  const lost = put.filter((number) => !all.includes(number) && !(dead >= 0 && held.includes(number)));
  if (lost.length > 0) return `${lost} lost: ${all} came`;
  for (const [index, number] of all.entries()) {
    const next = all[index + 1] ?? 100;
    if (number < 10 && next < number) return `${next} came after ${number}`;
  }
  return undefined;
}

/** A ring whose counters stand at `start`, all slots ready for their lap. */
function startAt(memory: Int32Array, start: number): void {
  memory[0] = start;
  memory[32] = start;
  const size = 2 ** PLACE.bits;
  for (let position = start; position < start + size; position++) {
    memory[64 + (position & (size - 1))] = (((position | 0) >>> PLACE.bits) & LAPS) << 20;
  }
}

const SINGLE: Scene = { actors: [put([1, 2]), put([30]), take] };
const MANY: Scene = { actors: [putMany(2), put([30]), takeMany(2)] };

describe('the ring in every order', () => {
  for (const [name, scene] of Object.entries({ 'one by one': SINGLE, 'many together': MANY })) {
    test(`${name}: two threads put and one takes`, async () => {
      const { fault, states, ends } = await exploreRing(scene);
      assert.equal(fault, undefined);
      assert.ok(states > 500 && ends > 1, `${states} states, ${ends} ends`);
    });

    test(`${name}: across the ends of the 32-bit counters`, async () => {
      for (const start of [-2, 2 ** 31 - 2]) assert.equal((await exploreRing({ ...scene, start })).fault, undefined);
    });

    test(`${name}: a thread dies at any step, and the others go on`, async () => {
      for (const mortal of [0, 2]) assert.equal((await exploreRing({ ...scene, mortals: [mortal] })).fault, undefined);
    });
  }
});

const ALL_BUT_ONE: Scene = { actors: [put([1, 2]), takeButOne, takeButOne], leaves: 1 };

test('of two who both see one too many only one takes it', async () => {
  assert.equal((await exploreRing(ALL_BUT_ONE)).fault, undefined);
});

describe('planted mutants of the ring are found', () => {
  const mutants: Record<string, { scene: Scene; mutant: Mutant }> = {
    'taken without comparing': {
      scene: { actors: [put([1]), take, take] },
      mutant: {
        file: 'ring.ts',
        from: 'Atomics.compareExchange(words, slot, seen, this.#emptyAt((position + this.#mask + 1) | 0)) === seen;',
        to: 'Atomics.store(words, slot, this.#emptyAt((position + this.#mask + 1) | 0)) !== -1;',
      },
    },
    'the next lap is the same': {
      scene: { ...SINGLE, actors: [put([1, 2]), take, take] },
      mutant: { file: 'ring.ts', from: 'this.#emptyAt((position + this.#mask + 1) | 0)', to: 'this.#emptyAt(position)' },
    },
    'laps that do not go on below zero': {
      scene: { ...SINGLE, start: -2 },
      mutant: {
        file: 'ring.ts',
        from: 'return ((position >>> this.#bits) & LAP_MASK) << INDEX_BITS;',
        to: 'return (((position / 2 ** this.#bits) | 0) & LAP_MASK) << INDEX_BITS;',
      },
    },
    'how many are left is asked only once': {
      scene: ALL_BUT_ONE,
      mutant: {
        file: 'ring.ts',
        from: '(left > 0 && ',
        to: '(left > 0 && words[intent] === 0 && ',
      },
    },
    'the tail moved on before the slot is filled': {
      scene: { ...SINGLE, mortals: [0] },
      mutant: {
        file: 'ring.ts',
        from: '      const empty = this.#emptyAt(position);\n      const seen',
        to: '      const empty = this.#emptyAt(position);\n      Atomics.compareExchange(words, this.#tail, position, (position + 1) | 0);\n      const seen',
      },
    },
  };
  for (const [name, { scene, mutant }] of Object.entries(mutants)) {
    test(name, async () => {
      const { fault } = await exploreRing({ ...scene, mutants: [mutant] });
      assert.notEqual(fault, undefined);
    });
  }
});
