/** Registering callbacks for an id, a type or all events, whether portable or a closure of this thread. */

import { Refused } from '../model/refusal.ts';
import type { Callback, CallOptions, Portable } from './callbacks.ts';
import type { EventId } from './keys.ts';
import type { Member } from './member.ts';
import { WATCH } from './memory.ts';
import type { NodeContent } from './nodes.ts';
import type { NodePlace, Registered } from './registering.ts';
import { SCOPE_ALL, SCOPE_ID, SCOPE_TYPE } from './registry.ts';
import type { Result } from './result.ts';

/** Which events a callback is for. */
export type Selector<Type extends string = string> = 'all' | { readonly type: Type } | { readonly id: EventId };

export interface SubscribeOptions extends CallOptions {
  /** Where the queue's order is `priority`: higher first. A whole number, default 0. */
  readonly priority?: number;
}

/** A registered callback. */
export interface Registration extends Disposable {
  /** What became of it at once; `standing` for one that is for every event from now on. */
  readonly answer: Registered | 'standing';
  /** Unregisters it. False when it is gone already: it has run, or has begun. */
  dispose(): boolean;
}

export class Subscribing {
  readonly #member: Member;
  readonly #indexed: boolean;
  readonly #lists = new WeakMap<object, { callbacks: readonly unknown[]; contents: readonly NodeContent[] }>();

  constructor(member: Member, indexed: boolean) {
    this.#member = member;
    this.#indexed = indexed;
  }

  subscribe(selector: Selector, callback: Callback<never> | Portable, once: boolean, options: SubscribeOptions): Registration {
    const { thread, locals, handlers, pump } = this.#member;
    const isLocal = typeof callback === 'function';
    if (!isLocal && (typeof callback?.module !== 'string' || typeof callback.name !== 'string')) {
      throw new Refused('invalid', 'A callback is a function, or what portable(module, name) makes. Give one of the two.');
    }
    const byId = typeof selector === 'object' && 'id' in selector;
    if (byId) this.#refuseUnindexed();
    if (isLocal) pump.start();
    const what = isLocal ? locals.add(callback as Callback, options) : handlers.spec(withOptions(callback as Portable, options));
    const home = isLocal ? thread.me : 0;
    const content: NodeContent = { home, epoch: thread.epoch, what, priority: options.priority ?? 0, entry: 0 };
    try {
      return byId && once ? this.#onceForId(selector.id, content) : this.#standing(selector, content, once);
    } catch (cause) {
      if (isLocal) locals.remove(what);
      throw cause;
    }
  }

  /** The result of the event of an id; undefined when it is over and not retained. */
  settled(id: EventId): Promise<Result | undefined> {
    const { registering, locals, thread, pump } = this.#member;
    this.#refuseUnindexed();
    pump.start();
    return new Promise((resolve) => {
      const what = locals.wait((result) => resolve(result as Result));
      let place: NodePlace;
      try {
        place = registering.register(id, { home: thread.me, epoch: thread.epoch, what, priority: 0, entry: WATCH });
      } catch (cause) {
        locals.remove(what);
        throw cause;
      }
      if (place.answer === 'expired') {
        locals.remove(what);
        resolve(undefined);
      } else if (place.answer === 'late') this.#goOn(place.record);
    });
  }

  /** One-shot callbacks that come with one event. Those of a list of handlers alone are known the next time the same list comes. */
  contentsOf(callbacks: readonly (Callback | Portable)[]): readonly NodeContent[] {
    const known = this.#lists.get(callbacks);
    if (known !== undefined && isSame(known.callbacks, callbacks)) return known.contents;
    this.#refuseUnindexed();
    const contents = callbacks.map((callback) => this.#contentOf(callback));
    if (!hasLocal(contents)) this.#lists.set(callbacks, { callbacks: [...callbacks], contents });
    return contents;
  }

  /** The event that they were for was not accepted. */
  dropContents(contents: readonly NodeContent[]): void {
    for (const { home, what } of contents) if (home !== 0) this.#member.locals.remove(what);
  }

  #contentOf(callback: Callback | Portable): NodeContent {
    const { thread, locals, handlers, pump } = this.#member;
    const isLocal = typeof callback === 'function';
    if (isLocal) pump.start();
    const what = isLocal ? locals.add(callback, {}) : handlers.spec(callback);
    return { home: isLocal ? thread.me : 0, epoch: thread.epoch, what, priority: 0, entry: 0 };
  }

  /** Callbacks that wait for the event of an id, standing ones among them. */
  count(id: EventId): number {
    const { registering, registry } = this.#member;
    const { callbacks, type } = registering.count(id);
    return callbacks + registry.plan(type, id).length;
  }

  #refuseUnindexed(): void {
    if (this.#indexed) return;
    throw new Refused(
      'unsupported',
      'With duplicates: "unchecked" ids are not looked at, so nothing can be registered for one. Choose another way with duplicates.',
    );
  }

  #onceForId(id: EventId, content: NodeContent): Registration {
    const { registering, locals } = this.#member;
    const place = registering.register(id, content);
    const local = content.home === 0 ? 0 : content.what;
    if (local !== 0 && place.answer === 'expired') locals.remove(local);
    // A closure of this thread for a finished event: this thread is where it runs, so it need not wait for another to hand it over.
    if (local !== 0 && place.answer === 'late') this.#goOn(place.record);
    return new OnceForId(this.#member, place, local);
  }

  #standing(selector: Selector, content: NodeContent, once: boolean): Registration {
    const { registry } = this.#member;
    const id = typeof selector === 'object' && 'id' in selector ? selector.id : 0;
    const type = typeof selector === 'object' && 'type' in selector ? selector.type : '';
    const scope = selector === 'all' ? SCOPE_ALL : typeof selector === 'object' && 'id' in selector ? SCOPE_ID : SCOPE_TYPE;
    const { entry, word } = registry.add({ ...content, scope, type, id, once });
    if (scope === SCOPE_ID) this.#beginAgain(id);
    return new Lasting(this.#member, entry, word, content.home === 0 ? 0 : content.what);
  }

  /** A standing registration for the id of an event that is finished and retained: its pass goes on with it. */
  #beginAgain(id: EventId): void {
    const record = this.#member.registering.reopenFinished(id);
    if (record !== 0) this.#goOn(record);
  }

  /** Goes on with an event that was begun again, if nobody else does. */
  #goOn(record: number): void {
    const { claiming, pass, underWay, thread } = this.#member;
    if (!claiming.claim(record)) return;
    underWay.add(pass.run(record, true, undefined));
    // Who has looked meanwhile whether all has ended has seen that it goes on.
    thread.tellIdle();
  }
}

/** True when there is a closure among them: it is one event's alone. */
function hasLocal(contents: readonly NodeContent[]): boolean {
  return contents.some(({ home }) => home !== 0);
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** The same object when there is nothing to add: handlers are known by it. */
function withOptions(handler: Portable, options: SubscribeOptions): Portable {
  const { timeoutMs, attempts, backoffMs } = options;
  if (timeoutMs === undefined && attempts === undefined && backoffMs === undefined) return handler;
  return {
    module: handler.module,
    name: handler.name,
    timeoutMs: timeoutMs ?? handler.timeoutMs ?? 0,
    attempts: attempts ?? handler.attempts ?? 1,
    backoffMs: backoffMs ?? handler.backoffMs ?? 0,
  };
}

/** A class and not a literal with closures: there may be several for every event. */
class OnceForId implements Registration {
  readonly #member: Member;
  readonly #place: NodePlace;
  /** Number of the closure, 0 for a portable handler. */
  readonly #local: number;

  constructor(member: Member, place: NodePlace, local: number) {
    this.#member = member;
    this.#place = place;
    this.#local = local;
  }

  get answer(): Registered {
    return this.#place.answer;
  }

  dispose(): boolean {
    const disposed = this.#member.registering.dispose(this.#place);
    if (disposed && this.#local !== 0) this.#member.locals.remove(this.#local);
    return disposed;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class Lasting implements Registration {
  readonly answer = 'standing';
  readonly #member: Member;
  readonly #entry: number;
  readonly #word: number;
  readonly #local: number;

  constructor(member: Member, entry: number, word: number, local: number) {
    this.#member = member;
    this.#entry = entry;
    this.#word = word;
    this.#local = local;
  }

  dispose(): boolean {
    const removed = this.#member.registry.remove(this.#entry, this.#word);
    if (removed && this.#local !== 0) this.#member.locals.remove(this.#local);
    return removed;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
