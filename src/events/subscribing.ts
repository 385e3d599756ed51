/** Registering callbacks for an id, a type or all events, whether portable or a closure of this thread. */

import { Refused } from '../model/refusal.ts';
import type { Callback, CallOptions, Portable } from './callbacks.ts';
import type { EventId } from './keys.ts';
import type { Member } from './member.ts';
import { WATCH } from './memory.ts';
import type { NodeContent } from './nodes.ts';
import type { Registered } from './registering.ts';
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
    const what = isLocal ? locals.add(callback as Callback, options) : handlers.spec(withOptions(callback as Portable, options));
    const forget = (): void => {
      if (isLocal) locals.remove(what);
    };
    const target = { home: isLocal ? thread.me : 0, epoch: thread.epoch, what, priority: options.priority ?? 0 };
    try {
      if (isLocal) pump.start();
      if (byId && once) return this.#onceForId(selector.id, target, forget);
      return this.#standing(selector, target, once, forget);
    } catch (cause) {
      forget();
      throw cause;
    }
  }

  /** The result of the event of an id; undefined when it is over and not retained. */
  settled(id: EventId): Promise<Result | undefined> {
    const { registering, claiming, pass, underWay, locals, thread, pump } = this.#member;
    this.#refuseUnindexed();
    pump.start();
    return new Promise((resolve) => {
      const what = locals.wait((result) => resolve(result as Result));
      const place = registering.register(id, { home: thread.me, epoch: thread.epoch, what, priority: 0, entry: WATCH });
      if (place.answer === 'expired') {
        locals.remove(what);
        resolve(undefined);
      } else if (place.answer === 'late' && claiming.claim(place.record)) underWay.add(pass.run(place.record, true, undefined));
    });
  }

  /** One-shot callbacks that come with an event. */
  contentsOf(callbacks: readonly (Callback | Portable)[]): NodeContent[] {
    const { thread, locals, handlers, pump } = this.#member;
    this.#refuseUnindexed();
    return callbacks.map((callback) => {
      const isLocal = typeof callback === 'function';
      if (isLocal) pump.start();
      const what = isLocal ? locals.add(callback, {}) : handlers.spec(callback);
      return { home: isLocal ? thread.me : 0, epoch: thread.epoch, what, priority: 0, entry: 0 };
    });
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

  #onceForId(id: EventId, target: Target, forget: () => void): Registration {
    const { registering, claiming, pass, underWay } = this.#member;
    const place = registering.register(id, { ...target, entry: 0 });
    if (place.answer === 'expired') forget();
    // A closure of this thread for a finished event: this thread is where it runs, so it need not wait for another to hand it over.
    if (place.answer === 'late' && target.home !== 0 && claiming.claim(place.record)) underWay.add(pass.run(place.record, true, undefined));
    return registration(place.answer, () => {
      const disposed = registering.dispose(place);
      if (disposed) forget();
      return disposed;
    });
  }

  #standing(selector: Selector, target: Target, once: boolean, forget: () => void): Registration {
    const { registry } = this.#member;
    const id = typeof selector === 'object' && 'id' in selector ? selector.id : 0;
    const type = typeof selector === 'object' && 'type' in selector ? selector.type : '';
    const scope = selector === 'all' ? SCOPE_ALL : typeof selector === 'object' && 'id' in selector ? SCOPE_ID : SCOPE_TYPE;
    const { entry, word } = registry.add({ ...target, scope, type, id, once });
    if (scope === SCOPE_ID) this.#beginAgain(id);
    return registration('standing', () => {
      const removed = registry.remove(entry, word);
      if (removed) forget();
      return removed;
    });
  }

  /** A standing registration for the id of an event that is finished and retained: its pass goes on with it. */
  #beginAgain(id: EventId): void {
    const { registering, claiming, pass, underWay } = this.#member;
    const record = registering.reopenFinished(id);
    if (record !== 0 && claiming.claim(record)) underWay.add(pass.run(record, true, undefined));
  }
}

interface Target {
  readonly home: number;
  readonly epoch: number;
  readonly what: number;
  readonly priority: number;
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

function registration(answer: Registration['answer'], dispose: () => boolean): Registration {
  return {
    answer,
    dispose,
    [Symbol.dispose]: () => {
      dispose();
    },
  };
}
