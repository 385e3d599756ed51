/** Batches as a producer would send them, for tests. */

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Writer } from '../../../src/bytes/writer.ts';
import { seal } from '../../../src/wire/kafka/batch.ts';

export interface Rec {
  readonly key?: string | null;
  readonly value?: string | null;
  readonly headers?: readonly (readonly [string, string | null])[];
  readonly timeMs?: number;
}

export interface BatchOptions {
  readonly codec?: number;
  readonly compress?: (bytes: Uint8Array) => Uint8Array;
  readonly attributes?: number;
  readonly producer?: { readonly id: number; readonly epoch: number; readonly sequence: number };
  readonly count?: number;
}

export const TIME_MS = 1_700_000_000_000;

export function batchOf(records: readonly Rec[], options: BatchOptions = {}): Uint8Array {
  const { codec = 0, producer = { id: -1, epoch: -1, sequence: -1 } } = options;
  const firstMs = records[0]?.timeMs ?? TIME_MS;
  const inner = new Writer();
  for (const [i, record] of records.entries()) {
    const one = new Writer();
    one.i8(0);
    one.zigzag((record.timeMs ?? TIME_MS) - firstMs);
    one.zigzag(i);
    text(one, record.key);
    text(one, record.value);
    one.zigzag(record.headers?.length ?? 0);
    for (const [name, value] of record.headers ?? []) {
      text(one, name);
      text(one, value);
    }
    inner.zigzag(one.at);
    inner.bytes(one.written());
  }
  const compress =
    options.compress ?? [(b: Uint8Array) => b, gzipSync, undefined, undefined, zstdCompressSync][codec] ?? ((b: Uint8Array) => b);
  const content = compress(inner.take());
  const to = new Writer();
  to.i64(0);
  to.i32(49 + content.length);
  to.i32(-1);
  to.i8(2);
  to.u32(0);
  to.i16(codec | (options.attributes ?? 0));
  to.i32(records.length - 1);
  to.i64(firstMs);
  to.i64(Math.max(firstMs, ...records.map(({ timeMs = TIME_MS }) => timeMs)));
  to.i64(producer.id);
  to.i16(producer.epoch);
  to.i32(producer.sequence);
  to.i32(options.count ?? records.length);
  to.bytes(content);
  const batch = to.take();
  seal(batch, 0, batch.length);
  return batch;
}

function text(to: Writer, value: string | null | undefined): void {
  if (value === null || value === undefined) {
    to.zigzag(-1);
    return;
  }
  to.zigzag(Buffer.byteLength(value));
  to.text(value);
}
