/** Handing an event that is being processed from thread to thread. Its owner changes with one store; the hint that tells the other may come twice. */

import { HANDED, kindOf, life, ownerOf, PENDING, RUNNING, restOf, SHARED } from './life.ts';
import { LIFE, MAIL, POPPING, ROLE } from './memory.ts';
import { blockOf, isAlive, OP_HAND, OP_RESUME, type Thread } from './thread.ts';

/** Roles of a thread: it turns its event loop, or it blocks while there is nothing to do. */
export const ROLE_TURNING = 0;
export const ROLE_BLOCKING = 1;

export class Post {
  readonly #thread: Thread;

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  /** Makes a record of this thread another's, whose callback is next. False when that thread has ended: it is still this one's. */
  handTo(record: number, home: number, epoch: number): boolean {
    const thread = this.#thread;
    const { words, me, memory } = thread;
    const at = thread.at(record) + LIFE;
    const body = restOf(words[at] as number);
    const theirs = life(HANDED, home, body);
    thread.intend(OP_HAND, record, home, 0);
    Atomics.store(words, at, theirs);
    (thread.mail[home] as (typeof thread.mail)[number]).push(record);
    thread.done();
    // Who recovers a dead thread first says so and then looks at what it owned; here it is the other way round.
    if (!isAlive(memory, home, epoch)) {
      return Atomics.compareExchange(words, at, theirs, life(RUNNING, me, body)) !== theirs;
    }
    this.ring(home);
    return true;
  }

  /** Makes a record of this thread pending again, for whoever runs portable handlers. The pass goes on where it stands. */
  giveBack(record: number): void {
    const thread = this.#thread;
    const { words, work } = thread;
    const at = thread.at(record) + LIFE;
    thread.intend(OP_RESUME, record, 0, 0);
    Atomics.store(words, at, life(PENDING, 0, restOf(words[at] as number)));
    thread.resumed.push(record);
    thread.done();
    work.wakeOne();
  }

  /** Tells a thread that there is mail for it. */
  ring(home: number): void {
    const { words, memory, work } = this.#thread;
    const block = blockOf(memory, home);
    Atomics.add(words, block + MAIL, 1);
    Atomics.notify(words, block + MAIL);
    if (words[block + ROLE] === ROLE_BLOCKING && work.hasSleepers()) work.wakeAll();
  }

  hasMail(): boolean {
    const { mail, me } = this.#thread;
    return (mail[me] as (typeof mail)[number]).first() !== 0;
  }

  /** The next record that was handed to this thread, taken up, or that it is asked to take part in; 0 when there is none. */
  next(): number {
    const { words, me, block, mail } = this.#thread;
    const mine = mail[me] as (typeof mail)[number];
    for (;;) {
      const record = mine.pop(block + POPPING);
      if (record === 0) {
        words[block + POPPING] = 0;
        return 0;
      }
      // It is found by its life word, should this thread die; who looks whether all has ended is not to wait for a hint.
      words[block + POPPING] = 0;
      const at = this.#thread.at(record) + LIFE;
      const word = words[at] as number;
      if (kindOf(word) === SHARED) return record;
      // A hint that came twice finds it taken up already.
      if (kindOf(word) !== HANDED || ownerOf(word) !== me) continue;
      if (Atomics.compareExchange(words, at, word, life(RUNNING, me, restOf(word))) === word) return record;
    }
  }
}
