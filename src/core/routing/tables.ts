/** The five kinds of exchange: which of its bindings take a message, by its address or by the message itself. */

import type { Binding, ExchangeSpec } from '../../model/declaration.ts';
import type { Message } from '../../model/message.ts';
import { HeadersIndex, valueKey } from './headers-match.ts';
import { matches } from './pattern.ts';
import { Rendezvous } from './rendezvous.ts';
import { TopicTrie } from './topic-trie.ts';

/** `V` is a binding, made ready; filters are not the table's business. */
export interface Table<V> {
  /** `id` names the binding among those of its exchange, in every process alike. */
  add(binding: Binding, id: string, value: V): void;
  delete(binding: Binding, id: string, value: V): void;
  /** Adds to `into` what takes every message of this address. Each once, or more often. */
  byAddress(address: string, into: V[]): void;
  /** Adds to `into` what takes this message; present when the address alone does not say. */
  readonly byMessage: ((message: Message, into: V[]) => void) | undefined;
  /** Whether `byAddress` depends on the address. */
  readonly addressed: boolean;
  /** Whether a binding with this pattern, when it comes or goes, can change what takes messages of this address. */
  concerns(pattern: string, address: string): boolean;
}

export function tableFor<V>(spec: ExchangeSpec): Table<V> {
  switch (spec.type) {
    case 'direct':
      return new DirectTable();
    case 'topic':
      return new TopicTable();
    case 'fanout':
      return new FanoutTable();
    case 'headers':
      return new HeadersTable();
    case 'consistent-hash':
      return new HashTable(spec.hashHeader);
  }
}

/** The weight a pattern of a consistent-hash binding gives; undefined: none. Absent is 1. */
export function weightOf(pattern: string | undefined): number | undefined {
  if (pattern === undefined || pattern === '') return 1;
  if (!/^[0-9]{1,9}$/.test(pattern)) return undefined;
  const weight = Number(pattern);
  return weight === 0 ? undefined : weight;
}

class DirectTable<V> implements Table<V> {
  readonly #values = new Map<string, Set<V>>();
  readonly byMessage = undefined;
  readonly addressed = true;

  add({ pattern = '' }: Binding, _id: string, value: V): void {
    const values = this.#values.get(pattern);
    if (values === undefined) this.#values.set(pattern, new Set([value]));
    else values.add(value);
  }

  delete({ pattern = '' }: Binding, _id: string, value: V): void {
    const values = this.#values.get(pattern);
    values?.delete(value);
    if (values?.size === 0) this.#values.delete(pattern);
  }

  byAddress(address: string, into: V[]): void {
    const values = this.#values.get(address);
    if (values !== undefined) for (const value of values) into.push(value);
  }

  concerns(pattern: string, address: string): boolean {
    return pattern === address;
  }
}

class TopicTable<V> implements Table<V> {
  readonly #trie = new TopicTrie<V>();
  readonly byMessage = undefined;
  readonly addressed = true;

  add({ pattern = '' }: Binding, _id: string, value: V): void {
    this.#trie.add(pattern, value);
  }

  delete({ pattern = '' }: Binding, _id: string, value: V): void {
    this.#trie.delete(pattern, value);
  }

  byAddress(address: string, into: V[]): void {
    this.#trie.collect(address, into);
  }

  concerns(pattern: string, address: string): boolean {
    return matches(pattern, address);
  }
}

class FanoutTable<V> implements Table<V> {
  readonly #values = new Set<V>();
  readonly byMessage = undefined;
  readonly addressed = false;

  add(_binding: Binding, _id: string, value: V): void {
    this.#values.add(value);
  }

  delete(_binding: Binding, _id: string, value: V): void {
    this.#values.delete(value);
  }

  byAddress(_address: string, into: V[]): void {
    for (const value of this.#values) into.push(value);
  }

  concerns(): boolean {
    return true;
  }
}

class HeadersTable<V> implements Table<V> {
  readonly #index = new HeadersIndex<V>();
  readonly addressed = false;

  add({ headers }: Binding, _id: string, value: V): void {
    this.#index.add(value, headers);
  }

  delete(_binding: Binding, _id: string, value: V): void {
    this.#index.delete(value);
  }

  byAddress(): void {}

  byMessage = (message: Message, into: V[]): void => this.#index.collect(message.headers, into);

  concerns(): boolean {
    return true;
  }
}

class HashTable<V> implements Table<V> {
  readonly #candidates = new Rendezvous<V>();
  readonly byMessage: Table<V>['byMessage'];
  readonly addressed: boolean;

  constructor(header: string | undefined) {
    this.addressed = header === undefined;
    // Messages without the header, or with one that has no value to speak of, stay together.
    if (header !== undefined) this.byMessage = (message, into) => this.#choose(valueKey(message.headers.get(header)) ?? '', into);
  }

  add({ pattern }: Binding, id: string, value: V): void {
    this.#candidates.add(id, weightOf(pattern) ?? 1, value);
  }

  delete(_binding: Binding, id: string): void {
    this.#candidates.delete(id);
  }

  byAddress(address: string, into: V[]): void {
    if (this.byMessage === undefined) this.#choose(address, into);
  }

  #choose(key: string, into: V[]): void {
    const chosen = this.#candidates.choose(key);
    if (chosen !== undefined) into.push(chosen);
  }

  concerns(): boolean {
    return true;
  }
}
