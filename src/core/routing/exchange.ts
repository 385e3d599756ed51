/** An exchange with its bindings, made ready for routing, and the memory of what changed in it lately. */

import type { Binding, ExchangeSpec } from '../../model/declaration.ts';
import type { Expression } from './expression.ts';
import type { Target } from './route.ts';
import { type Table, tableFor } from './tables.ts';

/** A queue or topic that bindings lead to. */
export interface Place<T> {
  readonly kind: 'queue' | 'topic';
  readonly name: string;
  /** The target of every binding without a transform. */
  readonly plain: Target<T>;
  readonly incoming: Set<Bound<T>>;
}

/** A binding, made ready: it leads to a place or to an exchange. */
export type Bound<T> = {
  /** Names it among the bindings of its exchange. */
  readonly id: string;
  readonly binding: Binding;
  readonly from: Exchange<T>;
  readonly filter: Expression | undefined;
} & (
  | { readonly place: Place<T>; readonly target: Target<T>; readonly next: undefined }
  | { readonly place: undefined; readonly target: undefined; readonly next: Exchange<T> }
);

/** How many changes an exchange remembers one by one. A route not asked for in so long is worked out anew. */
const CHANGES_KEPT = 64;

export class Exchange<T> {
  readonly spec: ExchangeSpec;
  readonly builtin: boolean;
  readonly table: Table<Bound<T>>;
  /** The bindings from here, by id. */
  readonly outgoing: Map<string, Bound<T>> = new Map();
  /** Those of them that lead to exchanges. */
  readonly onward: Set<Bound<T>> = new Set();
  /** The bindings to here. */
  readonly incoming: Set<Bound<T>> = new Set();
  /** Patterns of the bindings that came and went last, at `version % CHANGES_KEPT`; undefined: everything changed. */
  readonly #changes: (string | undefined)[] = [];
  #version = 0;

  constructor(spec: ExchangeSpec, builtin: boolean) {
    this.spec = spec;
    this.builtin = builtin;
    this.table = tableFor(spec);
  }

  add(bound: Bound<T>): void {
    this.outgoing.set(bound.id, bound);
    if (bound.next !== undefined) this.onward.add(bound);
    this.table.add(bound.binding, bound.id, bound);
    this.#changed(bound.binding.pattern ?? '');
  }

  delete(bound: Bound<T>): void {
    this.outgoing.delete(bound.id);
    this.onward.delete(bound);
    this.table.delete(bound.binding, bound.id, bound);
    this.#changed(bound.binding.pattern ?? '');
  }

  /** Counts changes. */
  get version(): number {
    return this.#version;
  }

  /** Something changed that may concern every address. */
  changedAltogether(): void {
    this.#changed(undefined);
  }

  /** Whether, since `version`, nothing has come or gone that takes messages of this address. */
  unchangedFor(address: string, version: number): boolean {
    if (this.#version - version > CHANGES_KEPT) return false;
    for (let i = version; i < this.#version; i++) {
      const pattern = this.#changes[i % CHANGES_KEPT];
      if (pattern === undefined || this.table.concerns(pattern, address)) return false;
    }
    return true;
  }

  #changed(pattern: string | undefined): void {
    this.#changes[this.#version % CHANGES_KEPT] = pattern;
    this.#version++;
  }
}
