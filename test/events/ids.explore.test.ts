/** The index of ids in every order: an id is in it once, what was put in is found, what was taken out is gone, also when records are used again. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HASH, ID_FORM, ID_HIGH, ID_LOW, LIFE, NEXT } from '../../src/events/memory.ts';
import { type Exploration, explore, type Program, runAlone } from './explore.ts';
import { loadStepwise, type Mutant } from './stepwise.ts';

interface StepIds {
  find(hash: number, form: number, low: number, high: number, after: number): Program;
  insert(record: number): Program;
  remove(record: number, word: number): Program;
  has(record: number): Program;
}

/** Two buckets, records of 24 words. */
const BUCKETS = 0;
const BASE = 8;
const STRIDE = 24;
const INTEGER = 1;
/** Both buckets' smallest hashes. */
const LEFT = 1;
const RIGHT = -(2 ** 31) + 1;
const RETIRED_WORD = 77;

function fill(words: Int32Array, record: number, hash: number, id: number): void {
  const at = BASE + record * STRIDE;
  words[at + HASH] = hash;
  words[at + ID_FORM] = INTEGER;
  words[at + ID_LOW] = id;
  words[at + ID_HIGH] = 0;
  words[at + LIFE] = 5;
}

/** Adds an id under a record, if it is not there. Answers the record that has it. */
function* add(ids: StepIds, record: number, hash: number, id: number): Program {
  for (;;) {
    const found = (yield* ids.find(hash, INTEGER, id, 0, 0)) as number;
    if (found !== 0) return found;
    if ((yield* ids.insert(record)) === true) return record;
  }
}

function* remove(ids: StepIds, words: Int32Array, record: number): Program {
  yield { kind: 'store', words, at: BASE + record * STRIDE + LIFE, values: [RETIRED_WORD] };
  yield* ids.remove(record, RETIRED_WORD);
  return undefined;
}

type Threads = (ids: () => StepIds, words: Int32Array) => Program[];

interface Scene {
  /** Records in the index at the beginning: hash and id. */
  readonly before: readonly (readonly [hash: number, id: number])[];
  readonly threads: Threads;
  /** What is wrong with the records found in the chains, or with what the threads answered. */
  readonly check: (chains: readonly (readonly number[])[], results: readonly unknown[]) => boolean;
  readonly isUsedAgain?: boolean;
  readonly mutants?: readonly Mutant[];
}

async function exploreIds({ before, threads, check, isUsedAgain = false, mutants = [] }: Scene): Promise<Exploration> {
  const { Ids } = (await loadStepwise(['ids.ts'], mutants)) as {
    Ids: new (words: Int32Array, buckets: number, bits: number, records: object, match: object) => StepIds;
  };
  return explore(() => {
    const words = new Int32Array(BASE + 6 * STRIDE);
    const ids = () => new Ids(words, BUCKETS, 1, { base: BASE, stride: STRIDE }, { sameText: () => true });
    for (const [index, [hash, id]] of before.entries()) {
      fill(words, index + 1, hash, id);
      runAlone(add(ids(), index + 1, hash, id));
    }
    return {
      words,
      // What a record says of its id changes only where records are used again.
      isPrivate: (at) => !isUsedAgain && at >= BASE && [HASH, ID_FORM, ID_LOW, ID_HIGH].includes((at - BASE) % STRIDE),
      threads: threads(ids, words),
      check: (results) => {
        const chains = [chain(words, 0), chain(words, 1)];
        return check(chains, results) ? undefined : `chains ${JSON.stringify(chains)}, answers ${JSON.stringify(results)}`;
      },
    };
  });
}

/** The records of a bucket that are not leaving. */
function chain(words: Int32Array, bucket: number): number[] {
  const found: number[] = [];
  for (let link = words[BUCKETS + bucket] as number; (link & 0xfffff) !== 0; ) {
    const record = link & 0xfffff;
    if (found.length > 8) throw new Error('the chain is a ring');
    link = words[BASE + record * STRIDE + NEXT] as number;
    if ((link & 0x100000) === 0) found.push(record);
  }
  return found;
}

/** Three add the same id under records of their own. */
const THREE_ADD: Scene = {
  before: [[LEFT, 10]],
  threads: (ids, words) =>
    [2, 3, 4].map((record) => {
      fill(words, record, LEFT, 11);
      return add(ids(), record, LEFT, 11);
    }),
  check: ([left = []], results) => left.length === 2 && new Set(results).size === 1 && left.includes(results[0] as number) && left[0] === 1,
};

/** One takes out a record that two others want to add behind. */
const ADD_AND_REMOVE: Scene = {
  before: [[LEFT, 10]],
  threads: (ids, words) => {
    fill(words, 2, LEFT, 11);
    fill(words, 3, LEFT, 11);
    return [add(ids(), 2, LEFT, 11), add(ids(), 3, LEFT, 11), remove(ids(), words, 1)];
  },
  check: ([left = []], [first, second]) => left.length === 1 && first === second && left[0] === first,
};

/** Neighbours leave at once. */
const NEIGHBOURS_LEAVE: Scene = {
  before: [
    [LEFT, 10],
    [LEFT, 11],
    [LEFT, 12],
  ],
  threads: (ids, words) => [remove(ids(), words, 1), remove(ids(), words, 2)],
  check: ([left = []]) => left.join() === '3',
};

/** Takes record 1 out and puts it into the other chain as another id. */
function* move(ids: StepIds, words: Int32Array): Program {
  yield* remove(ids, words, 1);
  const at = BASE + 1 * STRIDE;
  yield { kind: 'set', words, at: at + HASH, values: [RIGHT] };
  yield { kind: 'set', words, at: at + ID_LOW, values: [20] };
  yield { kind: 'store', words, at: at + LIFE, values: [6] };
  return yield* add(ids, 1, RIGHT, 20);
}

/** A record leaves one chain and comes into another while somebody looks for what is behind it. */
const MOVED_BEFORE: Scene = {
  isUsedAgain: true,
  before: [
    [LEFT, 10],
    [LEFT, 11],
  ],
  threads: (ids, words) => [move(ids(), words), ids().find(LEFT, INTEGER, 11, 0, 0)],
  check: ([left = [], right = []], [moved, found]) => left.join() === '2' && right.join() === '1' && moved === 1 && found === 2,
};

/** … while somebody wants to put another behind it. */
const MOVED_AWAY: Scene = {
  isUsedAgain: true,
  before: [[LEFT, 10]],
  threads: (ids, words) => {
    fill(words, 3, LEFT, 12);
    return [move(ids(), words), add(ids(), 3, LEFT, 12)];
  },
  check: ([left = [], right = []], [moved, added]) => left.join() === '3' && right.join() === '1' && moved === 1 && added === 3,
};

const SCENES: Record<string, Scene> = {
  'three add one id': THREE_ADD,
  'two add behind one that leaves': ADD_AND_REMOVE,
  'neighbours leave at once': NEIGHBOURS_LEAVE,
  'a record is used again in another chain, before one that is looked for': MOVED_BEFORE,
  'a record is used again in another chain, behind which another is put': MOVED_AWAY,
};

describe('the index of ids in every order', () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    test(name, async () => {
      const { fault, states } = await exploreIds(scene);
      assert.equal(fault, undefined);
      assert.ok(states > 100, `${states} states`);
    });
  }
});

describe('planted mutants of the index are found', () => {
  const mutants: Record<string, { scene: Scene; mutant: Mutant }> = {
    'a record is put in without comparing': {
      scene: THREE_ADD,
      mutant: {
        file: 'ids.ts',
        from: 'return Atomics.compareExchange(words, this.#before, this.#link, this.#retag(this.#link, record)) === this.#link;',
        to: 'Atomics.store(words, this.#before, this.#retag(this.#link, record)); return true;',
      },
    },
    'a leaving record is not marked first': {
      scene: ADD_AND_REMOVE,
      mutant: { file: 'ids.ts', from: 'this.leave(record, word);', to: '' },
    },
    'a record is put in behind one that leaves': {
      scene: ADD_AND_REMOVE,
      mutant: { file: 'ids.ts', from: '| LEAVING) === next) return;', to: ') === next) return;' },
    },
    'what was read is not checked to be still there': {
      scene: MOVED_BEFORE,
      mutant: { file: 'ids.ts', from: 'if (Atomics.load(words, before) !== link) {', to: 'if (before < 0) {' },
    },
    'links have no tags': {
      scene: MOVED_AWAY,
      mutant: { file: 'ids.ts', from: '(((link >>> TAG_SHIFT) + 1) << TAG_SHIFT)', to: '(link >>> TAG_SHIFT) * 0' },
    },
  };
  for (const [name, { scene, mutant }] of Object.entries(mutants)) {
    test(name, async () => {
      assert.notEqual((await exploreIds({ ...scene, mutants: [mutant] })).fault, undefined);
    });
  }
});
