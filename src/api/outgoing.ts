/** A batch on its way out: values become records, and what the core acts on becomes columns, made only where something is said. */

import type { Columns } from '../model/engine.ts';
import { LANGUAGES, NO_HEADERS } from '../model/message.ts';
import { murmur2 } from '../model/murmur.ts';
import { neutralHead, RecordWriter, type Records } from '../model/record.ts';
import { bytesOf, type MessageOptions, milliseconds, toBody, toMessage } from './value.ts';

export interface Outgoing {
  readonly records: Records;
  readonly columns: Columns | undefined;
}

/** `optionsOf`: what is said about value `i`. */
export function outgoing(
  values: readonly unknown[],
  exchange: string,
  address: string,
  nowMs: number,
  optionsOf: (i: number) => MessageOptions | undefined,
): Outgoing {
  const writer = new RecordWriter();
  const columns = new ColumnWriter(values.length);
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
  return { records: writer.take(), columns: columns.take() };
}

class ColumnWriter {
  readonly #count: number;
  #any = false;
  readonly #columns: {
    priority?: Uint8Array;
    dueMs?: Float64Array;
    ttlMs?: Float64Array;
    group?: (string | undefined)[];
    dedupId?: (string | undefined)[];
    keyHash?: Int32Array;
    partition?: Int32Array;
  } = {};

  constructor(count: number) {
    this.#count = count;
  }

  set(i: number, options: MessageOptions, nowMs: number): void {
    const columns = this.#columns;
    if (options.priority !== undefined) this.#at((columns.priority ??= new Uint8Array(this.#count)), i, options.priority);
    if (options.deliverAt !== undefined) this.#at((columns.dueMs ??= new Float64Array(this.#count)), i, options.deliverAt.getTime());
    else if (options.delay !== undefined) this.#at((columns.dueMs ??= new Float64Array(this.#count)), i, nowMs + milliseconds(options.delay));
    if (options.ttl !== undefined) {
      this.#at((columns.ttlMs ??= new Float64Array(this.#count).fill(Number.POSITIVE_INFINITY)), i, milliseconds(options.ttl));
    }
    if (options.key !== undefined) this.#at((columns.keyHash ??= new Int32Array(this.#count).fill(-1)), i, murmur2(bytesOf(options.key)));
    if (options.partition !== undefined) this.#at((columns.partition ??= new Int32Array(this.#count).fill(-1)), i, options.partition);
    if (options.group !== undefined) this.#at((columns.group ??= new Array<string | undefined>(this.#count).fill(undefined)), i, options.group);
    if (options.dedupId !== undefined) {
      this.#at((columns.dedupId ??= new Array<string | undefined>(this.#count).fill(undefined)), i, options.dedupId);
    }
  }

  #at<T>(column: { [i: number]: T }, i: number, value: T): void {
    column[i] = value;
    this.#any = true;
  }

  take(): Columns | undefined {
    return this.#any ? this.#columns : undefined;
  }
}
