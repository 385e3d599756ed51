/**
 * Routes by exchange and address, worked out once and kept while they are right.
 *
 * A change drops nothing. Each route knows the exchanges it depends on and their versions; when it is next asked for, it looks at
 * what changed in those since, and stays if none of that concerns its address. So binding costs the same whatever is cached, and a
 * binding that has nothing to do with an address leaves its route alone.
 *
 * Bounded by generations: what was asked for since the last turn is young, what was not is old, and the next turn drops the old. A
 * turn comes when the young take too much room, and after so many changes, that removed queues are not held by routes nobody asks for.
 */

import type { Exchange } from './exchange.ts';
import { type ResolvedRoute, resolve } from './resolve.ts';
import type { Route } from './route.ts';

/** Small routes in one generation; there are two. */
const COST_MAX = 32_768;
/** Changes in one generation. */
const CHANGES_MAX = 1024;

const NOWHERE: Route<never> = { targets: [], conditional: [], exists: false };

/** An exchange with its routes. */
interface Slot<T> {
  readonly exchange: Exchange<T>;
  /** The one route of all addresses, where the address does not matter. */
  only: ResolvedRoute<T> | undefined;
  young: Map<string, ResolvedRoute<T>>;
  old: Map<string, ResolvedRoute<T>>;
}

export class RouteCache<T> {
  readonly #slots = new Map<string, Slot<T>>();
  #changes = 0;
  #changesAtTurn = 0;
  #cost = 0;
  #resolved = 0;

  /** How many routes were worked out so far. */
  get resolved(): number {
    return this.#resolved;
  }

  exchange(name: string): Exchange<T> | undefined {
    return this.#slots.get(name)?.exchange;
  }

  *exchanges(): Generator<Exchange<T>> {
    for (const { exchange } of this.#slots.values()) yield exchange;
  }

  add(exchange: Exchange<T>): void {
    this.#slots.set(exchange.spec.name, { exchange, only: undefined, young: new Map(), old: new Map() });
  }

  delete(name: string): void {
    this.#slots.delete(name);
  }

  /** Some exchange has changed: every route is looked at again before it is next answered. */
  changed(): void {
    this.#changes++;
    if (this.#changes - this.#changesAtTurn > CHANGES_MAX) this.#turn();
  }

  route(exchange: string, address: string): Route<T> {
    const slot = this.#slots.get(exchange);
    if (slot === undefined) return NOWHERE;
    const route = slot.only ?? slot.young.get(address);
    if (route !== undefined && (route.checked === this.#changes || route.holds(address, this.#changes))) return route;
    return this.#find(slot, address);
  }

  #find(slot: Slot<T>, address: string): Route<T> {
    const before = slot.old.get(address);
    if (before?.holds(address, this.#changes) === true) return this.#keep(slot, address, before);
    this.#resolved++;
    const route = resolve(slot.exchange, address, (name) => this.#slots.get(name)?.exchange, this.#changes);
    slot.only = route.addressed ? undefined : route;
    return route.addressed ? this.#keep(slot, address, route) : route;
  }

  #keep(slot: Slot<T>, address: string, route: ResolvedRoute<T>): ResolvedRoute<T> {
    slot.young.set(address, route);
    this.#cost += route.cost;
    if (this.#cost > COST_MAX) this.#turn();
    return route;
  }

  #turn(): void {
    for (const slot of this.#slots.values()) {
      slot.only = undefined;
      if (slot.young.size === 0 && slot.old.size === 0) continue;
      slot.old = slot.young;
      slot.young = new Map();
    }
    this.#cost = 0;
    this.#changesAtTurn = this.#changes;
  }
}
