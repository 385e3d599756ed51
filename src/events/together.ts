/**
 * The callbacks of one event at once, on as many threads as take part. The event is nobody's meanwhile: each callback is claimed by
 * itself, by a compare-and-swap on its node's state, and who finds that none is left takes the event back and goes on with it.
 * Hints that there is something to do may come twice, or late; and one who takes the event back too early shares it once more.
 */

import type { Attempts } from './attempts.ts';
import type { Callable, Handlers, Locals } from './callbacks.ts';
import { SharedEvent } from './event.ts';
import { CallbackError } from './failures.ts';
import { kindOf, life, RUNNING, restOf, SHARED } from './life.ts';
import { isSlot, stampOf } from './list.ts';
import {
  GEN,
  LIFE,
  NODE_BEGUN,
  NODE_DEATHS,
  NODE_DONE,
  NODE_ENTRY,
  NODE_EPOCH,
  NODE_GONE,
  NODE_HOME,
  NODE_STATE,
  NODE_WHAT,
  TYPE,
  WATCH,
} from './memory.ts';
import { originOf } from './nodes.ts';
import type { Post } from './post.ts';
import type { Registry, Standing } from './registry.ts';
import { isAlive, type Thread } from './thread.ts';

export interface TogetherParts {
  readonly thread: Thread;
  readonly registry: Registry;
  readonly handlers: Handlers;
  readonly locals: Locals;
  readonly attempts: Attempts;
  readonly post: Post;
  readonly deathsMax: number;
}

/** An event that this thread takes part in. */
interface Part {
  readonly record: number;
  readonly stamp: number;
  /** True when this thread runs no portable handlers, only closures of its own. */
  readonly visiting: boolean;
}

export class Together {
  readonly #thread: Thread;
  readonly #parts: TogetherParts;
  readonly #goOn: (record: number, visiting: boolean) => Promise<void> | undefined;
  readonly #claimed: number;

  /** `goOn`: takes an event of this thread further, when no callback is left to be run by anybody. */
  constructor(parts: TogetherParts, goOn: (record: number, visiting: boolean) => Promise<void> | undefined) {
    this.#thread = parts.thread;
    this.#parts = parts;
    this.#goOn = goOn;
    this.#claimed = life(RUNNING, parts.thread.me, 0);
  }

  /** True when an event of this thread has more than one callback left, or one that another thread is at. */
  isFor(record: number, stamp: number): boolean {
    const { words, lists } = this.#thread;
    let waiting = 0;
    for (let node = lists.next(record, 0); node !== 0; node = lists.next(record, node)) {
      const at = this.#thread.nodeAt(node);
      const state = words[at + NODE_STATE] as number;
      if (words[at + NODE_ENTRY] === WATCH) continue;
      // One that has begun alone goes on alone.
      if (state === NODE_BEGUN) return false;
      if (kindOf(state) === RUNNING) return true;
      if (state === stamp) waiting++;
    }
    return waiting > 1;
  }

  /** Makes an event of this thread nobody's, and takes part in it. */
  share(record: number, visiting: boolean): Promise<void> | undefined {
    const { words } = this.#thread;
    const at = this.#thread.at(record) + LIFE;
    Atomics.store(words, at, life(SHARED, 0, restOf(words[at] as number)));
    this.#invite({ record, stamp: this.#stampOf(record), visiting }, true);
    return this.help(record, visiting);
  }

  /** Runs callbacks of an event that is shared, as long as there are such as this thread can run. */
  help(record: number, visiting: boolean): Promise<void> | undefined {
    const part: Part = { record, stamp: this.#stampOf(record), visiting };
    if (kindOf(Atomics.load(this.#thread.words, this.#thread.at(record) + LIFE)) !== SHARED) return undefined;
    let event: SharedEvent | undefined;
    let left = 1;
    const later: Promise<unknown>[] = [];
    const ended = (): Promise<void> | undefined => {
      left--;
      if (left === 0) event?.end();
      return this.#look(part);
    };
    for (let node = this.#claim(part); node !== 0; node = this.#claim(part)) {
      // While this thread has one of its callbacks the event cannot end.
      event ??= this.#open(record);
      const running = this.#run(part, node, event);
      if (running === undefined) continue;
      left++;
      later.push(running.then(ended));
    }
    const last = ended();
    if (later.length === 0) return last;
    return Promise.all([...later, last]).then(() => undefined);
  }

  /** The next callback that waits and that this thread can run, claimed; 0 when there is none. */
  #claim(part: Part): number {
    const { words, lists } = this.#thread;
    for (let node = lists.next(part.record, 0); node !== 0; node = lists.next(part.record, node)) {
      const at = this.#thread.nodeAt(node);
      if (words[at + NODE_STATE] !== part.stamp || words[at + NODE_ENTRY] === WATCH || !this.#canRun(at, part.visiting)) continue;
      if (Atomics.compareExchange(words, at + NODE_STATE, part.stamp, this.#claimed) === part.stamp) {
        this.#invite(part, false);
        return node;
      }
    }
    return 0;
  }

  /** True when a callback has come meanwhile that this thread can run. */
  #isThereForMe({ record, stamp, visiting }: Part): boolean {
    const { words, lists } = this.#thread;
    for (let node = lists.next(record, 0); node !== 0; node = lists.next(record, node)) {
      const at = this.#thread.nodeAt(node);
      if (words[at + NODE_STATE] === stamp && words[at + NODE_ENTRY] !== WATCH && this.#canRun(at, visiting)) return true;
    }
    return false;
  }

  /** One of a thread that has ended is anybody's: it fails. */
  #canRun(at: number, visiting: boolean): boolean {
    const { words, memory, me } = this.#thread;
    const home = words[at + NODE_HOME] as number;
    if (home === 0) return !visiting;
    return home === me || !isAlive(memory, home, words[at + NODE_EPOCH] as number);
  }

  #open(record: number): SharedEvent {
    const { words, names } = this.#thread;
    const body = restOf(words[this.#thread.at(record) + LIFE] as number);
    return new SharedEvent(this.#thread, record, body, names.text(words[this.#thread.at(body) + TYPE] as number));
  }

  #run(part: Part, node: number, event: SharedEvent): Promise<void> | undefined {
    const { words, me, epoch, names } = this.#thread;
    const { registry, handlers, locals } = this.#parts;
    const at = this.#thread.nodeAt(node);
    const isStanding = (words[at + NODE_ENTRY] as number) > 0;
    const origin = isStanding ? originOf(registry.plan(names.number(event.type), event.id), words, at) : undefined;
    if (isStanding && (origin === undefined || !registry.isThere(origin))) {
      Atomics.store(words, at + NODE_STATE, NODE_GONE);
      return undefined;
    }
    const home = words[at + NODE_HOME] as number;
    const what = words[at + NODE_WHAT] as number;
    const isMine = home === me && words[at + NODE_EPOCH] === epoch;
    const callable = home === 0 ? handlers.get(what) : isMine ? locals.get(what) : undefined;
    if (callable !== undefined) return this.#call(part, node, event, callable, origin);
    if (home !== 0) {
      const cause = new CallbackError('home', 'The thread that registered this callback has ended.');
      return this.#fail(part, node, event, `a callback of thread ${home}`, cause, origin);
    }
    return handlers.load(what).then(
      (loaded) => this.#call(part, node, event, loaded, origin),
      (cause) => {
        const name = handlers.name(what);
        const error = new CallbackError('load', `The handler ${name} could not be loaded. Look at its module and export.`, cause);
        this.#fail(part, node, event, name, error, origin);
      },
    );
  }

  #call(part: Part, node: number, event: SharedEvent, callable: Callable, origin: Standing | undefined): Promise<void> | undefined {
    if ((this.#thread.words[this.#thread.nodeAt(node) + NODE_DEATHS] as number) >= this.#parts.deathsMax) {
      const cause = new CallbackError('died', 'The thread that ran this callback ended before it had.');
      return this.#fail(part, node, event, callable.name, cause, origin);
    }
    const later = this.#parts.attempts.run(part.record, node, event, callable);
    if (later !== undefined) return later.then(() => this.#mark(node, origin));
    this.#mark(node, origin);
    return undefined;
  }

  #fail(part: Part, node: number, event: SharedEvent, name: string, cause: CallbackError, origin: Standing | undefined): undefined {
    this.#parts.attempts.failed(part.record, node, event, { name, attempts: 1 }, 1, cause);
    this.#mark(node, origin);
  }

  #mark(node: number, origin: Standing | undefined): void {
    forgetOnce(this.#parts, node, origin);
    Atomics.store(this.#thread.words, this.#thread.nodeAt(node) + NODE_STATE, NODE_DONE);
  }

  /** After this thread's part: others are told of what it cannot run; when nothing is left it takes the event back. */
  #look(part: Part): Promise<void> | undefined {
    const { words, me } = this.#thread;
    if (this.#invite(part, true)) return this.#isThereForMe(part) ? this.help(part.record, part.visiting) : undefined;
    const at = this.#thread.at(part.record) + LIFE;
    const word = Atomics.load(words, at);
    if (kindOf(word) !== SHARED) return undefined;
    const mine = life(RUNNING, me, restOf(word));
    return Atomics.compareExchange(words, at, word, mine) === word ? this.#goOn(part.record, part.visiting) : undefined;
  }

  /** Tells others of callbacks that wait; with `homes` also those whose closures are among them. True when there are such, or one that somebody is at. */
  #invite({ record, stamp, visiting }: Part, homes: boolean): boolean {
    const { words, lists, mail, resumed, work } = this.#thread;
    let isLeft = false;
    let hinted = false;
    const told: number[] = [];
    for (let node = lists.next(record, 0); node !== 0; node = lists.next(record, node)) {
      const at = this.#thread.nodeAt(node);
      const state = Atomics.load(words, at + NODE_STATE);
      if (words[at + NODE_ENTRY] === WATCH || (state !== stamp && kindOf(state) !== RUNNING)) continue;
      isLeft = true;
      const home = words[at + NODE_HOME] as number;
      if (state !== stamp || told.includes(home)) continue;
      if (home === 0 && !hinted) {
        hinted = true;
        resumed.push(record);
        work.wakeOne();
      } else if (homes && home !== 0 && !this.#canRun(at, visiting)) {
        told.push(home);
        mail[home]?.push(record);
        this.#parts.post.ring(home);
      }
    }
    return isLeft;
  }

  #stampOf(record: number): number {
    return stampOf(record, Atomics.load(this.#thread.words, this.#thread.at(record) + GEN));
  }
}

/** What ran once is not needed any more: its registration, and its closure if that is this thread's. `node` 0 or a slot: there is no closure. */
export function forgetOnce(
  { thread, registry, locals }: Pick<TogetherParts, 'thread' | 'registry' | 'locals'>,
  node: number,
  origin: Standing | undefined,
): void {
  if (origin !== undefined && !origin.once) return;
  if (origin !== undefined) registry.remove(origin.entry, origin.word);
  const { words, me } = thread;
  if (origin === undefined && isSlot(node)) return;
  const home = origin === undefined ? words[thread.nodeAt(node) + NODE_HOME] : origin.home;
  if (home === me) locals.remove(origin === undefined ? (words[thread.nodeAt(node) + NODE_WHAT] as number) : origin.what);
}
