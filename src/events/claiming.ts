/** Finding the next event and claiming it: one compare-and-swap on its life word, however many threads look at it. */

import { kindOf, life, PENDING, RUNNING, restOf, SHARED } from './life.ts';
import { AT_MS, BODY, HELD, HELD_MAX, LIFE, PASSES, POPPING } from './memory.ts';
import type { Ring } from './ring.ts';
import { blockOf, OP_CLAIM, OPENED, type Thread } from './thread.ts';

export class Claiming {
  readonly #thread: Thread;
  readonly #run: number;
  readonly #ageMs: number;
  readonly #help: (record: number) => void;
  /** Hints taken at once. Grows while events are short, so that the cost of taking is shared. */
  #batch = 1;
  /** Of what was looked at beforehand: without a place for it no looking would be left. */
  seen = 0;

  /** `ageMs`: an event counts one level higher for each such time it has waited; 0: never. `help`: takes part in one that is shared. */
  constructor(thread: Thread, ageMs: number, help: (record: number) => void) {
    this.#thread = thread;
    this.#run = life(RUNNING, thread.me, 0);
    this.#ageMs = ageMs;
    this.#help = help;
  }

  /** The next event, claimed for this thread; 0 when there is none. `takesOver`: also one that another thread has taken from the line and not begun. */
  next(takesOver = true): number {
    const { words, block, resumed } = this.#thread;
    for (;;) {
      let record = this.#nextHeld();
      if (record !== 0) {
        // One that has ended before is seen to be under way until its pass is counted: see `Thread.isDrained`.
        const again = words[this.#thread.at(record) + PASSES] !== 0;
        if (again) Atomics.store(words, block + POPPING, record);
        const claimed = this.claim(record);
        // A hint that another was faster with may stand there as well.
        if (again || (claimed && words[block + POPPING] !== 0)) Atomics.store(words, block + POPPING, 0);
        if (claimed) return record;
        continue;
      }
      record = resumed.pop(block + POPPING);
      if (record === 0) record = this.#pop();
      if (record === 0) {
        words[block + POPPING] = 0;
        return takesOver ? this.#steal() : 0;
      }
      if (this.claim(record)) {
        Atomics.store(words, block + POPPING, 0);
        return record;
      }
      if (kindOf(words[this.#thread.at(record) + LIFE] as number) === SHARED) {
        Atomics.store(words, block + POPPING, 0);
        this.#help(record);
      }
    }
  }

  /** Claims a record that is pending. False: another thread has it, or it is gone. */
  claim(record: number): boolean {
    const words = this.#thread.words;
    const at = this.#thread.at(record) + LIFE;
    let word = words[at] as number;
    while (kindOf(word) === PENDING) {
      const seen = Atomics.compareExchange(words, at, word, this.#run | restOf(word));
      if (seen === word) {
        const passes = words[at - LIFE + PASSES] as number;
        if (passes !== 0 && (passes & 1) === 0) this.#countPass(record, passes);
        return true;
      }
      word = seen;
    }
    return false;
  }

  /** One more pass of an event that had ended already. */
  #countPass(record: number, passes: number): void {
    const thread = this.#thread;
    thread.intend(OP_CLAIM, record, 0, (thread.counted(OPENED) + 1) | 0);
    thread.count(OPENED, 1);
    thread.words[thread.at(record) + PASSES] = passes | 1;
    thread.done();
  }

  /** How many hints to take at once from now on, up to 64. */
  set batch(count: number) {
    this.#batch = count < 1 ? 1 : count > HELD_MAX ? HELD_MAX : count;
  }

  get batch(): number {
    return this.#batch;
  }

  /** True when there is surely nothing to claim: the look before going to sleep. */
  isEmpty(): boolean {
    const { resumed, levels } = this.#thread;
    if (resumed.first() !== 0) return false;
    for (const level of levels) if (level.first() !== 0) return false;
    return true;
  }

  /** 0 when there is no event that a thread has taken from the line and nobody has begun; else a number that says which is the first. */
  held(): number {
    const { words, memory } = this.#thread;
    for (let thread = 1; thread <= memory.shape.threads; thread++) {
      const held = blockOf(memory, thread) + HELD;
      const count = words[held] as number;
      for (let index = words[held + 1] as number; index < count && index < HELD_MAX; index++) {
        const record = words[held + 2 + index] as number;
        if (record !== 0 && kindOf(words[this.#thread.at(record) + LIFE] as number) === PENDING) return (record << 8) | thread;
      }
    }
    return 0;
  }

  #nextHeld(): number {
    const { words, block } = this.#thread;
    const past = words[block + HELD + 1] as number;
    if (past >= (words[block + HELD] as number)) return 0;
    words[block + HELD + 1] = past + 1;
    return words[block + HELD + 2 + past] as number;
  }

  #pop(): number {
    const { words, block, levels, room } = this.#thread;
    const ring = levels.length === 1 ? (levels[0] as Ring) : this.#choose(levels);
    if (ring === undefined) return 0;
    if (this.#batch === 1 || levels.length > 1) {
      const record = ring.pop(block + POPPING);
      if (record !== 0 && room.hasSleepers()) room.wake(1);
      return record;
    }
    words[block + HELD] = 0;
    words[block + HELD + 1] = 0;
    const count = ring.popMany(block + HELD, block + HELD + 2, this.#batch);
    if (count > 0 && room.hasSleepers()) room.wake(count);
    if (count > 1) this.#fetch(count);
    return this.#nextHeld();
  }

  /** Looks at what it holds, so that it comes from the other processors' caches all at once and not one after the other. */
  #fetch(count: number): void {
    const { words, block } = this.#thread;
    let seen = 0;
    for (let index = 0; index < count; index++) {
      const at = this.#thread.at(words[block + HELD + 2 + index] as number);
      seen ^= (words[at + LIFE] as number) ^ (words[at + PASSES] as number) ^ (words[at + BODY] as number);
    }
    this.seen = seen;
  }

  /** The level whose first event ranks highest: its level, and one more for each `ageMs` it has waited. The higher level wins a tie. */
  #choose(levels: readonly Ring[]): Ring | undefined {
    let best: Ring | undefined;
    let bestRank = -1;
    let nowMs = -1;
    for (let level = levels.length - 1; level >= 0; level--) {
      const ring = levels[level] as Ring;
      const first = ring.first();
      if (first === 0) continue;
      let rank = level;
      if (this.#ageMs > 0) {
        if (best === undefined && level === 0) return ring;
        if (nowMs < 0) nowMs = this.#thread.clock.monotonicMs() | 0;
        rank += this.#levelsAged(first, nowMs);
      }
      if (rank > bestRank) {
        best = ring;
        bestRank = rank;
      }
      if (this.#ageMs === 0) return best;
    }
    return best;
  }

  #levelsAged(record: number, nowMs: number): number {
    const thread = this.#thread;
    const body = restOf(thread.words[thread.at(record) + LIFE] as number);
    const waitedMs = (nowMs - (thread.words[thread.at(body) + AT_MS] as number)) | 0;
    return waitedMs < 0 ? 0 : Math.floor(waitedMs / this.#ageMs);
  }

  /** Events that another thread has taken from the line and not begun, as it is busy with one. */
  #steal(): number {
    const thread = this.#thread;
    const { words, memory } = thread;
    for (let other = 1; other <= memory.shape.threads; other++) {
      const held = blockOf(memory, other) + HELD;
      const count = words[held] as number;
      for (let index = words[held + 1] as number; index < count && index < HELD_MAX; index++) {
        const record = words[held + 2 + index] as number;
        if (record !== 0 && this.claim(record)) return record;
      }
    }
    return 0;
  }
}
