/** What a consumer of a queue holds: a message with its value, and the ways to settle it. */

import type { Death, Deliveries, Engine } from '../model/engine.ts';
import type { Message } from '../model/message.ts';
import { bodyAt, copyOf, readMessage, sizeOf } from '../model/record.ts';
import { type Duration, decodeValue, type Languages, milliseconds } from './value.ts';

/** Deliveries with bytes of their own, so that their messages may be kept. */
export function owned(deliveries: Deliveries): Deliveries {
  const { at, count, bytes } = deliveries;
  if (count === 0) return { ...deliveries, bytes: new Uint8Array(0) };
  const start = at[0] ?? 0;
  const lastAt = at[count - 1] ?? 0;
  const end = lastAt + sizeOf(bytes, lastAt);
  // In order they lie within one stretch: one copy. Otherwise each by itself.
  let inOrder = true;
  for (let i = 1; i < count; i++) if ((at[i] ?? 0) < (at[i - 1] ?? 0)) inOrder = false;
  if (inOrder && end - start <= 4 * total(deliveries)) {
    return { ...deliveries, bytes: copyOf(bytes, start, end), at: at.map((a) => a - start) };
  }
  const out = new Uint8Array(total(deliveries));
  const places = new Uint32Array(count);
  let used = 0;
  for (let i = 0; i < count; i++) {
    const from = at[i] ?? 0;
    const size = sizeOf(bytes, from);
    out.set(bytes.subarray(from, from + size), used);
    places[i] = used;
    used += size;
  }
  return { ...deliveries, bytes: out, at: places };
}

function total({ bytes, at, count }: Deliveries): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += sizeOf(bytes, at[i] ?? 0);
  return sum;
}

/** Messages delivered together. Cheaper than one by one: nothing is made for a message until it is looked at. */
export class Batch<T = unknown> {
  readonly #engine: Engine;
  readonly #deliveries: Deliveries;
  readonly #languages: Languages | undefined;

  constructor(engine: Engine, deliveries: Deliveries, languages?: Languages) {
    this.#engine = engine;
    this.#deliveries = deliveries;
    this.#languages = languages;
  }

  get queue(): string {
    return this.#deliveries.queue;
  }

  get count(): number {
    return this.#deliveries.count;
  }

  /** The body of message `i`: bytes as they were sent, a view that stays valid. */
  body(i: number): Uint8Array {
    const { bytes, at } = this.#deliveries;
    const from = at[i] ?? 0;
    return bytes.subarray(bodyAt(bytes, from), from + sizeOf(bytes, from));
  }

  value(i: number): T {
    return decodeValue(this.view(i)) as T;
  }

  /** Everything known of message `i`. */
  view(i: number): Message {
    return readMessage(this.#deliveries.bytes, this.#deliveries.at[i] ?? 0, this.#languages);
  }

  /** Message `i` by itself. */
  message(i: number): Received<T> {
    return new Received(this.#engine, this.#deliveries, i, this.#languages);
  }

  /** For at most once: the batch with nothing left to settle, once that is safe; undefined when it was no longer held. */
  async taken(): Promise<Batch<T> | undefined> {
    // They are held under one lease: it has ended for all of them, or for none.
    const settled = await this.#settle('ack');
    return settled < this.count ? undefined : new Batch<T>(this.#engine, { ...this.#deliveries, lease: 0 }, this.#languages);
  }

  /** Settles all of them. Resolves once that is safe. */
  async ack(): Promise<void> {
    await this.#settle('ack');
  }

  async nack(options?: { delay?: Duration }): Promise<void> {
    await this.#settle('nack', options);
  }

  async requeue(): Promise<void> {
    await this.#settle('requeue');
  }

  async reject(): Promise<void> {
    await this.#settle('reject');
  }

  /** Message `i` and those behind it go back, not counted as failed. */
  async requeueFrom(i: number): Promise<void> {
    if (i < this.count) await this.#settle('requeue', undefined, i);
  }

  async #settle(outcome: 'ack' | 'nack' | 'requeue' | 'reject', options?: { delay?: Duration }, from = 0): Promise<number> {
    const { queue, lease, numbers } = this.#deliveries;
    if (lease === 0) return 0;
    const delay = options?.delay === undefined ? {} : { delayMs: milliseconds(options.delay) };
    return this.#engine.settle({ queue, lease, runs: runsOf(from === 0 ? numbers : numbers.subarray(from)), outcome, ...delay });
  }

  *[Symbol.iterator](): Generator<Received<T>> {
    for (let i = 0; i < this.count; i++) yield this.message(i);
  }
}

/** One message held by a consumer: settle it by exactly one of `ack`, `nack`, `requeue`, `reject`. */
export class Received<T = unknown> {
  readonly #engine: Engine;
  readonly #deliveries: Deliveries;
  readonly #i: number;
  readonly #languages: Languages | undefined;
  #view: Message | undefined;

  constructor(engine: Engine, deliveries: Deliveries, i: number, languages?: Languages) {
    this.#engine = engine;
    this.#deliveries = deliveries;
    this.#i = i;
    this.#languages = languages;
  }

  /** All properties: address, key, headers, ids, time stamp, body. */
  get message(): Message {
    this.#view ??= readMessage(this.#deliveries.bytes, this.#deliveries.at[this.#i] ?? 0, this.#languages);
    return this.#view;
  }

  /** The body by its content type: JSON parsed, text as text, else bytes. */
  get value(): T {
    return decodeValue(this.message) as T;
  }

  get queue(): string {
    return this.#deliveries.queue;
  }

  /** Its number in the queue; with `lease` what settles it in a transaction. */
  get number(): number {
    return this.#deliveries.numbers[this.#i] ?? 0;
  }

  get lease(): number {
    return this.#deliveries.lease;
  }

  /** How often it has been delivered, this time included. */
  get attempts(): number {
    return this.#deliveries.attempts[this.#i] ?? 1;
  }

  get redelivered(): boolean {
    return this.attempts > 1;
  }

  /** Why it was dead-lettered on its way here, newest first. */
  get deaths(): readonly Death[] {
    return this.#deliveries.deaths?.[this.#i] ?? [];
  }

  /** For at most once: the message with nothing left to settle, once that is safe; undefined when it was no longer held. */
  async taken(): Promise<Received<T> | undefined> {
    if (!(await this.ack())) return undefined;
    return new Received<T>(this.#engine, { ...this.#deliveries, lease: 0 }, this.#i, this.#languages);
  }

  /** Done. False when it was not held: its lease had ended, it was settled before, or only looked at. Resolves once that is safe. */
  ack(): Promise<boolean> {
    return this.#settle('ack');
  }

  /** It failed: the queue's retry policy says what follows. */
  nack(options?: { delay?: Duration }): Promise<boolean> {
    return this.#settle('nack', options);
  }

  /** Back in its place, not counted as a failure. */
  requeue(options?: { delay?: Duration }): Promise<boolean> {
    return this.#settle('requeue', options);
  }

  /** To the dead letters, or gone when the queue has no place for them. */
  reject(): Promise<boolean> {
    return this.#settle('reject');
  }

  /** Holds it this long from now. False when it was no longer held. */
  async extend(lease: Duration): Promise<boolean> {
    const { queue } = this.#deliveries;
    if (this.lease === 0) return false;
    return (await this.#engine.extend(queue, this.lease, Float64Array.of(this.number, 1), milliseconds(lease))) > 0;
  }

  async #settle(outcome: 'ack' | 'nack' | 'requeue' | 'reject', options?: { delay?: Duration }): Promise<boolean> {
    const { queue, lease } = this.#deliveries;
    if (lease === 0) return false;
    const delay = options?.delay === undefined ? {} : { delayMs: milliseconds(options.delay) };
    return (await this.#engine.settle({ queue, lease, runs: Float64Array.of(this.number, 1), outcome, ...delay })) > 0;
  }
}

function runsOf(numbers: Float64Array): Float64Array {
  const count = numbers.length;
  const first = numbers[0] ?? 0;
  if (count > 0 && (numbers[count - 1] ?? 0) - first === count - 1 && isAscending(numbers)) return Float64Array.of(first, count);
  const runs = new Float64Array(count * 2);
  for (let i = 0; i < count; i++) {
    runs[2 * i] = numbers[i] ?? 0;
    runs[2 * i + 1] = 1;
  }
  return runs;
}

function isAscending(numbers: Float64Array): boolean {
  for (let i = 1; i < numbers.length; i++) if ((numbers[i] ?? 0) !== (numbers[i - 1] ?? 0) + 1) return false;
  return true;
}
