/**
 * Works out where messages of one address go from one exchange: through bindings, on to other exchanges, to alternates.
 *
 * Each exchange takes a message once, so circles end. An alternate gets a message when no binding of its exchange took it; a binding
 * took it when address, headers or hash and filter say so, wherever it leads. What the address decides is worked out once; what a
 * message decides itself is asked on the same paths, message by message.
 */

import type { Message } from '../../model/message.ts';
import type { Bound, Exchange, Place } from './exchange.ts';
import type { Conditional, Route, Target } from './route.ts';

/** One exchange on the way of an address. */
interface Step<T> {
  readonly exchange: Exchange<T>;
  /** Bindings that take every message of the address. */
  readonly sure: readonly Bound<T>[];
  /** Bindings that take those that pass their filter. */
  readonly maybe: readonly Bound<T>[];
  /** Where what none of them took goes. */
  readonly alternate: Exchange<T> | undefined;
}

type Steps<T> = ReadonlyMap<Exchange<T>, Step<T>>;

/** Targets, each once: a place without transform, and with each transform. */
class Targets<T> {
  readonly list: Target<T>[] = [];
  readonly #plain = new Set<Place<T>>();
  #transformed: Map<Place<T>, Set<string>> | undefined;

  has(place: Place<T>, { transform }: Target<T>): boolean {
    return transform === undefined ? this.#plain.has(place) : this.#transformed?.get(place)?.has(transform.text) === true;
  }

  add(place: Place<T>, target: Target<T>): void {
    if (this.has(place, target)) return;
    this.list.push(target);
    if (target.transform === undefined) {
      this.#plain.add(place);
      return;
    }
    this.#transformed ??= new Map();
    const known = this.#transformed.get(place);
    if (known === undefined) this.#transformed.set(place, new Set([target.transform.text]));
    else known.add(target.transform.text);
  }
}

const NONE: readonly never[] = [];

export class ResolvedRoute<T> implements Route<T> {
  readonly exists = true;
  readonly targets: readonly Target<T>[];
  /** Whether another address may have another route. */
  readonly addressed: boolean;
  /** How much memory it takes, in small routes. */
  readonly cost: number;
  /** The count of changes of the whole router up to which it is known to be right. */
  checked: number;
  /** The exchanges it depends on, each with its version. */
  readonly #exchanges: readonly Exchange<T>[];
  readonly #versions: number[];
  readonly #open: Open<T> | undefined;
  #conditional: readonly Conditional<T>[] | undefined;

  constructor(exchanges: readonly Exchange<T>[], targets: readonly Target<T>[], open: Open<T> | undefined, changes: number) {
    this.targets = targets;
    this.checked = changes;
    this.#exchanges = exchanges;
    this.#versions = exchanges.map(({ version }) => version);
    this.#open = open;
    this.#conditional = open === undefined ? NONE : undefined;
    this.addressed = exchanges.some(({ table }) => table.addressed);
    this.cost = 1 + ((targets.length + exchanges.length + (open?.size ?? 0)) >>> 4);
  }

  get conditional(): readonly Conditional<T>[] {
    this.#conditional ??= this.#open?.conditionals() ?? NONE;
    return this.#conditional;
  }

  /** Where this message goes besides `targets`: the same as the `conditional`s that hold, without asking each. */
  also(message: Message): readonly Target<T>[] {
    return this.#open === undefined ? NONE : this.#open.decide(message).list;
  }

  /** Whether it is still right for this address; `changes` is the router's count of changes now. */
  holds(address: string, changes: number): boolean {
    if (this.checked === changes) return true;
    for (let i = 0; i < this.#exchanges.length; i++) {
      const exchange = this.#exchanges[i];
      if (exchange?.unchangedFor(address, this.#versions[i] ?? 0) !== true) return false;
      this.#versions[i] = exchange.version;
    }
    this.checked = changes;
    return true;
  }
}

/** The part of a route that messages decide themselves. */
class Open<T> {
  readonly #steps: Steps<T>;
  readonly #certain: Certain<T>;
  /** Per message, where it goes besides. */
  readonly #decided = new WeakMap<Message, Targets<T>>();

  constructor(steps: Steps<T>, certain: Certain<T>) {
    this.#steps = steps;
    this.#certain = certain;
  }

  /** How many bindings messages may be asked about. */
  get size(): number {
    let size = 0;
    for (const { exchange, maybe } of this.#steps.values())
      size += exchange.table.byMessage === undefined ? maybe.length : exchange.outgoing.size;
    return size;
  }

  decide(message: Message): Targets<T> {
    let decided = this.#decided.get(message);
    if (decided === undefined) {
      decided = follow(this.#steps, this.#certain, message);
      this.#decided.set(message, decided);
    }
    return decided;
  }

  /** Every target that some message may reach. */
  conditionals(): Conditional<T>[] {
    const { open, targets, reached } = this.#certain;
    const ways = new Map<Place<T>, Map<string | undefined, Way<T>>>();
    for (const { exchange, sure, maybe } of this.#steps.values()) {
      if (!reached.has(exchange)) for (const bound of sure) addWay(bound, targets, ways);
      for (const bound of exchange.table.byMessage === undefined ? maybe : exchange.outgoing.values()) addWay(bound, targets, ways);
    }
    // Filters that stand alone are asked alone; with headers, or with more exchanges behind them, a message goes its way once.
    const alone = open.every((step) => isAlone(step));
    const made: Conditional<T>[] = [];
    for (const [place, transforms] of ways) {
      for (const { target, bounds } of transforms.values()) {
        made.push({ target, test: alone ? (m) => bounds.some((b) => passes(b, m)) : (m) => this.decide(m).has(place, target) });
      }
    }
    return made;
  }
}

/** A target with the bindings that lead there. */
interface Way<T> {
  readonly target: Target<T>;
  readonly bounds: Bound<T>[];
}

function addWay<T>(bound: Bound<T>, certain: Targets<T>, ways: Map<Place<T>, Map<string | undefined, Way<T>>>): void {
  const { place, target } = bound;
  if (place === undefined || certain.has(place, target)) return;
  let transforms = ways.get(place);
  if (transforms === undefined) {
    transforms = new Map();
    ways.set(place, transforms);
  }
  const way = transforms.get(target.transform?.text);
  if (way === undefined) transforms.set(target.transform?.text, { target, bounds: [bound] });
  else way.bounds.push(bound);
}

function isAlone<T>({ exchange, sure, maybe, alternate }: Step<T>): boolean {
  if (exchange.table.byMessage !== undefined || (alternate !== undefined && sure.length === 0)) return false;
  return maybe.every(({ next }) => next === undefined);
}

function passes<T>({ filter }: Bound<T>, message: Message): boolean {
  return filter === undefined || filter.test(message);
}

/** Works out the way of one address. `find` finds exchanges by name; `changes` is the router's count of changes. */
export function resolve<T>(
  root: Exchange<T>,
  address: string,
  find: (name: string) => Exchange<T> | undefined,
  changes: number,
): ResolvedRoute<T> {
  return resolveAtOnce(root, address, changes) ?? resolveFar(root, address, find, changes);
}

/** Most addresses have a way of one step, all certain: no need to draw up a map. */
function resolveAtOnce<T>(root: Exchange<T>, address: string, changes: number): ResolvedRoute<T> | undefined {
  if (root.table.byMessage !== undefined || root.spec.alternate !== undefined) return undefined;
  const found: Bound<T>[] = [];
  root.table.byAddress(address, found);
  if (found.some(({ filter, next }) => filter !== undefined || next !== undefined)) return undefined;
  const [first] = found;
  if (first?.place === undefined) return new ResolvedRoute([root], NONE, undefined, changes);
  if (found.length === 1) return new ResolvedRoute([root], [first.target], undefined, changes);
  const targets = new Targets<T>();
  for (const { place, target } of found) if (place !== undefined) targets.add(place, target);
  return new ResolvedRoute([root], targets.list, undefined, changes);
}

function resolveFar<T>(
  root: Exchange<T>,
  address: string,
  find: (name: string) => Exchange<T> | undefined,
  changes: number,
): ResolvedRoute<T> {
  const steps = new Map<Exchange<T>, Step<T>>();
  const waiting = [root];
  for (let exchange = waiting.pop(); exchange !== undefined; exchange = waiting.pop()) {
    if (steps.has(exchange)) continue;
    const found: Bound<T>[] = [];
    exchange.table.byAddress(address, found);
    const sure = found.filter(({ filter }) => filter === undefined);
    const maybe = sure.length === found.length ? [] : found.filter(({ filter }) => filter !== undefined);
    const alternate = exchange.spec.alternate === undefined ? undefined : find(exchange.spec.alternate);
    steps.set(exchange, { exchange, sure, maybe, alternate });
    for (const { next } of exchange.table.byMessage === undefined ? found : exchange.onward) if (next !== undefined) waiting.push(next);
    if (sure.length === 0 && alternate !== undefined) waiting.push(alternate);
  }
  const certain = certainOf(steps, root);
  const open = certain.open.length === 0 ? undefined : new Open(steps, certain);
  return new ResolvedRoute([...steps.keys()], certain.targets.list, open, changes);
}

/** What every message of the address reaches, and where on that way a message decides itself. */
interface Certain<T> {
  readonly reached: ReadonlySet<Exchange<T>>;
  readonly targets: Targets<T>;
  readonly open: readonly Step<T>[];
}

function certainOf<T>(steps: Steps<T>, root: Exchange<T>): Certain<T> {
  const reached = new Set([root]);
  const targets = new Targets<T>();
  const open: Step<T>[] = [];
  // A set is walked in order, also through what is added on the way.
  for (const exchange of reached) {
    const step = stepOf(steps, exchange);
    for (const { next, place, target } of step.sure) {
      if (next !== undefined) reached.add(next);
      else targets.add(place, target);
    }
    if (step.maybe.length > 0 || exchange.table.byMessage !== undefined) open.push(step);
    else if (step.sure.length === 0 && step.alternate !== undefined) reached.add(step.alternate);
  }
  return { reached, targets, open };
}

/** Goes the way of one message from where it begins to decide itself; answers the targets that are not certain anyway. */
function follow<T>(steps: Steps<T>, certain: Certain<T>, message: Message): Targets<T> {
  const targets = new Targets<T>();
  const reached = new Set(certain.reached);
  const waiting = [...certain.open];
  const visit = (exchange: Exchange<T>): void => {
    if (reached.has(exchange)) return;
    reached.add(exchange);
    waiting.push(stepOf(steps, exchange));
  };
  const take = (bound: Bound<T>): void => {
    if (bound.next !== undefined) visit(bound.next);
    else if (!certain.targets.has(bound.place, bound.target)) targets.add(bound.place, bound.target);
  };
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    const { exchange, sure, maybe, alternate } = step;
    let asked = maybe;
    if (exchange.table.byMessage !== undefined) {
      const fitting: Bound<T>[] = [];
      exchange.table.byMessage(message, fitting);
      asked = fitting;
    }
    let took = sure.length > 0;
    for (const bound of asked) {
      if (!passes(bound, message)) continue;
      took = true;
      take(bound);
    }
    if (!certain.reached.has(exchange)) for (const bound of sure) take(bound);
    if (!took && alternate !== undefined) visit(alternate);
  }
  return targets;
}

function stepOf<T>(steps: Steps<T>, exchange: Exchange<T>): Step<T> {
  const step = steps.get(exchange);
  if (step === undefined) throw new Error(`Exchange "${exchange.spec.name}" is on no way of this address; this is a bug in routing.`);
  return step;
}
