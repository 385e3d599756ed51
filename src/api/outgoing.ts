/** A batch on its way out: values become records, and what the core acts on becomes columns, made only where something is said. */

import type { Columns } from '../model/engine.ts';
import { LANGUAGES, NO_HEADERS } from '../model/message.ts';
import { murmur2 } from '../model/murmur.ts';
import { neutralHead, type Records, RecordWriter } from '../model/record.ts';
import { bytesOf, type MessageOptions, milliseconds, toBody, toMessage } from './value.ts';

export interface Outgoing {
  readonly records: Records;
  readonly columns: Columns | undefined;
}

/** Shared by all publishers of this thread: a batch is written in one go, and its buffer comes back by `sent`. */
const writer = new RecordWriter();

/** The publish of these records has settled: their buffer may be written again. */
export function sent({ records }: Outgoing): void {
  writer.reuse(records);
}

/** `optionsOf`: what is said about value `i`. Give it to `sent` when its publish has settled. */
export function outgoing(
  values: readonly unknown[],
  exchange: string,
  address: string,
  nowMs: number,
  optionsOf: (i: number) => MessageOptions | undefined,
): Outgoing {
  const columns = new ColumnWriter(values.length);
  try {
    writeAll(values, exchange, address, nowMs, optionsOf, columns);
  } catch (error) {
    // What was written before the fault is nobody's.
    writer.take();
    throw error;
  }
  return { records: writer.take(), columns: columns.take() };
}

function writeAll(
  values: readonly unknown[],
  exchange: string,
  address: string,
  nowMs: number,
  optionsOf: (i: number) => MessageOptions | undefined,
  columns: ColumnWriter,
): void {
  // Messages of which nothing is said share their head: it is encoded once per content type.
  const heads = new Map<string | undefined, Uint8Array>();
  for (let i = 0; i < values.length; i++) {
    const options = optionsOf(i);
    if (options !== undefined) {
      writer.write(toMessage(values[i], exchange, address, nowMs, options));
      columns.set(i, options, nowMs);
      continue;
    }
    const { body, contentType } = toBody(values[i]);
    let head = heads.get(contentType);
    if (head === undefined) {
      head = neutralHead({ exchange, address, timestampMs: nowMs, contentType, headers: NO_HEADERS, body });
      heads.set(contentType, head);
    }
    writer.writeRaw(LANGUAGES.neutral, head, body);
  }
}

/** One array per property, made when the first message says something of it. */
class ColumnWriter {
  readonly #count: number;
  readonly #columns = new Map<keyof Columns, Column>();

  constructor(count: number) {
    this.#count = count;
  }

  set(i: number, options: MessageOptions, nowMs: number): void {
    const { priority, deliverAt, delay, ttl, key, partition, group, dedupId } = options;
    if (priority !== undefined) this.#column('priority', (n) => new Uint8Array(n))[i] = priority;
    if (deliverAt !== undefined) this.#column('dueMs', (n) => new Float64Array(n))[i] = deliverAt.getTime();
    else if (delay !== undefined) this.#column('dueMs', (n) => new Float64Array(n))[i] = nowMs + milliseconds(delay);
    if (ttl !== undefined) this.#column('ttlMs', (n) => new Float64Array(n).fill(Number.POSITIVE_INFINITY))[i] = milliseconds(ttl);
    if (key !== undefined) this.#column('keyHash', (n) => new Int32Array(n).fill(-1))[i] = murmur2(bytesOf(key));
    if (partition !== undefined) this.#column('partition', (n) => new Int32Array(n).fill(-1))[i] = partition;
    if (group !== undefined) this.#column('group', texts)[i] = group;
    if (dedupId !== undefined) this.#column('dedupId', texts)[i] = dedupId;
  }

  #column<C extends Column>(name: keyof Columns, make: (count: number) => C): C {
    const known = this.#columns.get(name) as C | undefined;
    if (known !== undefined) return known;
    const made = make(this.#count);
    this.#columns.set(name, made);
    return made;
  }

  take(): Columns | undefined {
    return this.#columns.size === 0 ? undefined : (Object.fromEntries(this.#columns) as Columns);
  }
}

type Column = Uint8Array | Float64Array | Int32Array | (string | undefined)[];

function texts(count: number): (string | undefined)[] {
  return new Array<string | undefined>(count).fill(undefined);
}
