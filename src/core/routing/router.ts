/** Exchanges and bindings of one tenant, and the routes they make. */

import type { Binding, ExchangeSpec, ExchangeType } from '../../model/declaration.ts';
import { MAIN_LINE } from '../../model/message.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import { bindingId, exchangeId, hashOfSet } from './binding-id.ts';
import { type Bound, Exchange, type Place } from './exchange.ts';
import { compileExpression, type Expression } from './expression.ts';
import { isExact, PATTERN_WORDS_MAX, wordsOf } from './pattern.ts';
import type { Route } from './route.ts';
import { RouteCache } from './route-cache.ts';
import { weightOf } from './tables.ts';

/** There from the start and for ever. */
const BUILTIN: readonly (readonly [string, ExchangeType])[] = [
  [MAIN_LINE, 'topic'],
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
];

/** Compiled expressions kept, so that many bindings with one filter share it. */
const EXPRESSIONS_MAX = 1000;

/** A binding that may be made. */
interface Prepared<T> {
  readonly from: Exchange<T>;
  readonly to: { readonly next: Exchange<T> } | { readonly found: T };
  readonly filter: Expression | undefined;
  readonly transform: Expression | undefined;
}

/** One per tenant. `T` stands for a queue or a topic and is answered as `find` gave it when it was bound. */
export class Router<T> {
  readonly #find: (kind: 'queue' | 'topic', name: string) => T | undefined;
  readonly #cache = new RouteCache<T>();
  readonly #places = { queue: new Map<string, Place<T>>(), topic: new Map<string, Place<T>>() };
  /** Exchanges by the name of their alternate. */
  readonly #alternates = new Map<string, Set<Exchange<T>>>();
  readonly #expressions = new Map<string, Expression>();

  constructor(find: (kind: 'queue' | 'topic', name: string) => T | undefined) {
    this.#find = find;
    for (const [name, type] of BUILTIN) this.#add(new Exchange({ kind: 'exchange', name, type }, true));
  }

  /** Where messages of an address go. The queue of that name (exchange `''`) is not the router's business. */
  route(exchange: string, address: string): Route<T> {
    return this.#cache.route(exchange, address);
  }

  /** How many routes had to be worked out so far; all others came from the cache. */
  get resolved(): number {
    return this.#cache.resolved;
  }

  /** What `declare` would refuse: `conflict` when it exists with other properties, `invalid` without a name. */
  checkDeclare(spec: ExchangeSpec): Refusal | undefined {
    if (spec.name === '')
      return refuse('invalid', 'The exchange without a name is the way to queues by their names; it cannot be declared.');
    const known = this.#cache.exchange(spec.name);
    if (known === undefined || exchangeId(known.spec) === exchangeId(spec)) return undefined;
    const origin = known.builtin ? 'is built in' : 'exists';
    return refuse('conflict', `Exchange "${spec.name}" ${origin} with other properties. Declare it as it is, or choose another name.`);
  }

  declare(spec: ExchangeSpec): Refusal | undefined {
    const fault = this.checkDeclare(spec);
    if (fault !== undefined || this.#cache.exchange(spec.name) !== undefined) return fault;
    this.#add(new Exchange(spec, false));
    return undefined;
  }

  /** What `remove` would refuse: `unknown`, `forbidden` for a built-in one, `conflict` with `ifUnused` while bindings lead from it. */
  checkRemove(name: string, options?: { ifUnused?: boolean }): Refusal | undefined {
    const exchange = this.#cache.exchange(name);
    if (exchange === undefined) return missing(name);
    if (exchange.builtin) return refuse('forbidden', `Exchange "${name}" is built in and cannot be removed.`);
    if (options?.ifUnused !== true || exchange.outgoing.size === 0) return undefined;
    return refuse(
      'conflict',
      `Exchange "${name}" still has ${exchange.outgoing.size} bindings. Unbind them, or remove it without ifUnused.`,
    );
  }

  /** Removes an exchange with all bindings from and to it. */
  remove(name: string, options?: { ifUnused?: boolean }): Refusal | undefined {
    const fault = this.checkRemove(name, options);
    const exchange = this.#cache.exchange(name);
    if (fault === undefined && exchange !== undefined) this.#remove([exchange], []);
    return fault;
  }

  /** What `bind` would refuse: an unknown exchange or target, a pattern, filter or transform that cannot be. Changes nothing. */
  check(binding: Binding): Refusal | undefined {
    const prepared = this.#prepare(binding);
    return isRefusal(prepared) ? prepared : undefined;
  }

  /** True when just this binding stands already. */
  has(binding: Binding): boolean {
    return this.#cache.exchange(binding.exchange)?.outgoing.has(bindingId(binding)) === true;
  }

  /** Binds; the same binding again is fine and changes nothing. */
  bind(binding: Binding): Refusal | undefined {
    const prepared = this.#prepare(binding);
    if (isRefusal(prepared)) return prepared;
    const { from, to, filter, transform } = prepared;
    const id = bindingId(binding);
    if (from.outgoing.has(id)) return undefined;
    if ('next' in to) {
      const bound: Bound<T> = { id, binding, from, filter, next: to.next, place: undefined, target: undefined };
      to.next.incoming.add(bound);
      from.add(bound);
    } else {
      const place = this.#place(binding, to.found);
      const target = transform === undefined ? place.plain : { to: place.plain.to, transform };
      const bound: Bound<T> = { id, binding, from, filter, next: undefined, place, target };
      place.incoming.add(bound);
      from.add(bound);
    }
    this.#cache.changed();
    return undefined;
  }

  /** Unbinds; a binding that is not there is fine. An exchange declared `autoDelete` goes with its last binding. */
  unbind(binding: Binding): Refusal | undefined {
    const from = this.#cache.exchange(binding.exchange);
    if (from === undefined) return missing(binding.exchange);
    const bound = from.outgoing.get(bindingId(binding));
    if (bound === undefined) return this.#known(binding) ? undefined : missingTarget(binding);
    this.#unbind([bound]);
    return undefined;
  }

  /** A queue or topic is gone: so are its bindings, and exchanges declared `autoDelete` that lost their last one. Answers all that went. */
  forget(kind: 'queue' | 'topic', name: string): Binding[] {
    return this.#unbind([...(this.#places[kind].get(name)?.incoming ?? [])]);
  }

  exchange(name: string): ExchangeSpec | undefined {
    return this.#cache.exchange(name)?.spec;
  }

  isBuiltin(name: string): boolean {
    return this.#cache.exchange(name)?.builtin === true;
  }

  /** All of them, the built-in ones first. */
  exchanges(): ExchangeSpec[] {
    return Array.from(this.#cache.exchanges(), ({ spec }) => spec);
  }

  /** No exchange but those that are always there, and no binding. */
  get isUntouched(): boolean {
    for (const { builtin, outgoing } of this.#cache.exchanges()) if (!builtin || outgoing.size > 0) return false;
    return true;
  }

  bindings(): Binding[] {
    const all: Binding[] = [];
    for (const { outgoing } of this.#cache.exchanges()) for (const { binding } of outgoing.values()) all.push(binding);
    return all;
  }

  bindingsOf(exchange: string): Binding[] {
    return Array.from(this.#cache.exchange(exchange)?.outgoing.values() ?? [], ({ binding }) => binding);
  }

  bindingsTo(kind: Binding['to']['kind'], name: string): Binding[] {
    const end = kind === 'exchange' ? this.#cache.exchange(name) : this.#places[kind].get(name);
    return Array.from(end?.incoming ?? [], ({ binding }) => binding);
  }

  /** A hash of what is declared and bound, in whatever order that happened. Walks everything. */
  digest(): string {
    const texts: string[] = [];
    for (const { spec, builtin, outgoing } of this.#cache.exchanges()) {
      if (!builtin) texts.push(exchangeId(spec));
      for (const id of outgoing.keys()) texts.push(JSON.stringify([spec.name, id]));
    }
    return hashOfSet(texts);
  }

  #add(exchange: Exchange<T>): void {
    const { name, alternate } = exchange.spec;
    this.#cache.add(exchange);
    if (alternate !== undefined) {
      const users = this.#alternates.get(alternate);
      if (users === undefined) this.#alternates.set(alternate, new Set([exchange]));
      else users.add(exchange);
    }
    this.#alternateChanged(name);
    this.#cache.changed();
  }

  #alternateChanged(name: string): void {
    for (const exchange of this.#alternates.get(name) ?? []) exchange.changedAltogether();
  }

  #prepare(binding: Binding): Prepared<T> | Refusal {
    const { exchange, to } = binding;
    if (exchange === '')
      return refuse('forbidden', 'The exchange without a name reaches every queue by its name; nothing can be bound to it.');
    const from = this.#cache.exchange(exchange);
    if (from === undefined) return missing(exchange);
    const end = this.#end(binding);
    if (end === undefined) return missingTarget(binding);
    const fault = patternFault(from.spec.type, binding.pattern);
    if (fault !== undefined) return refuse('invalid', `The pattern of a binding to exchange "${exchange}" ${fault}.`);
    if (binding.transform !== undefined && 'next' in end) {
      return refuse(
        'unsupported',
        `A binding to exchange "${to.name}" cannot transform. Put the transform on its bindings to queues and topics.`,
      );
    }
    const filter = this.#compile(binding.filter);
    if (filter !== undefined && isRefusal(filter)) return filter;
    const transform = this.#compile(binding.transform);
    if (transform !== undefined && isRefusal(transform)) return transform;
    return { from, to: end, filter, transform };
  }

  #end({ to: { kind, name } }: Binding): Prepared<T>['to'] | undefined {
    if (kind === 'exchange') {
      const next = this.#cache.exchange(name);
      return next && { next };
    }
    const found = this.#find(kind, name);
    return found === undefined ? undefined : { found };
  }

  #known(binding: Binding): boolean {
    return this.#end(binding) !== undefined;
  }

  #compile(text: string | undefined): Expression | Refusal | undefined {
    if (text === undefined) return undefined;
    const known = this.#expressions.get(text);
    if (known !== undefined) return known;
    const compiled = compileExpression(text);
    if (isRefusal(compiled)) return compiled;
    if (this.#expressions.size >= EXPRESSIONS_MAX) this.#expressions.clear();
    this.#expressions.set(text, compiled);
    return compiled;
  }

  #place({ to: { kind, name } }: Binding, found: T): Place<T> {
    const places = this.#places[kind === 'topic' ? 'topic' : 'queue'];
    let place = places.get(name);
    if (place === undefined) {
      place = { kind: kind === 'topic' ? 'topic' : 'queue', name, plain: { to: found, transform: undefined }, incoming: new Set() };
      places.set(name, place);
    }
    return place;
  }

  #unbind(bounds: readonly Bound<T>[]): Binding[] {
    const gone: Binding[] = [];
    const emptied: Exchange<T>[] = [];
    for (const bound of bounds) this.#cut(bound, gone, emptied);
    this.#remove(emptied, gone);
    if (gone.length > 0) this.#cache.changed();
    return gone;
  }

  #cut(bound: Bound<T>, gone: Binding[], emptied: Exchange<T>[]): void {
    const { from, place, next, binding } = bound;
    from.delete(bound);
    next?.incoming.delete(bound);
    place?.incoming.delete(bound);
    if (place?.incoming.size === 0) this.#places[place.kind].delete(place.name);
    gone.push(binding);
    if (from.outgoing.size === 0 && from.spec.autoDelete === true) emptied.push(from);
  }

  /** Removes exchanges, and with each the `autoDelete` ones that only led to it. */
  #remove(exchanges: Exchange<T>[], gone: Binding[]): void {
    for (let exchange = exchanges.pop(); exchange !== undefined; exchange = exchanges.pop()) {
      const { name, alternate } = exchange.spec;
      this.#cache.delete(name);
      for (const bound of [...exchange.outgoing.values()]) this.#cut(bound, gone, exchanges);
      for (const bound of [...exchange.incoming]) this.#cut(bound, gone, exchanges);
      if (alternate !== undefined) {
        const users = this.#alternates.get(alternate);
        users?.delete(exchange);
        if (users?.size === 0) this.#alternates.delete(alternate);
      }
      this.#alternateChanged(name);
      this.#cache.changed();
    }
  }
}

function patternFault(type: ExchangeType, pattern: string | undefined): string | undefined {
  if (type === 'topic' && pattern !== undefined && !isExact(pattern) && wordsOf(pattern).length > PATTERN_WORDS_MAX) {
    return `has more than ${PATTERN_WORDS_MAX} words`;
  }
  if (type === 'consistent-hash' && weightOf(pattern) === undefined) {
    return `must be a weight, a whole number from 1, and is ${JSON.stringify(pattern)}`;
  }
  return undefined;
}

function missing(exchange: string): Refusal {
  return refuse('unknown', `There is no exchange "${exchange}". Declare it first.`);
}

function missingTarget({ to }: Binding): Refusal {
  return refuse('unknown', `There is no ${to.kind} "${to.name}" to bind. Declare it first.`);
}
