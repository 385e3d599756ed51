/**
 * The smallest language with packs, for checking engines that keep them: open those with it.
 *
 *     one message:  head u8 0 · f64 time · key     body the value
 *     a pack:       head u8 1 · u32 count          body of each: f64 time · u32 bytes of key · u32 bytes of value · key · value
 */

import type { Message } from '../../model/message.ts';
import { NO_HEADERS } from '../../model/message.ts';
import { type Language, RecordWriter, type Unpacked } from '../../model/record.ts';
import { Refused } from '../../model/refusal.ts';

export interface Bundled {
  readonly value: string;
  readonly key?: string;
  readonly timeMs?: number;
}

const NUMBER = 255;
const SINGLE = 0;
const PACK = 1;
const ROW_BYTES = 16;

/** All integers little-endian. A record of it says nothing of where it was published. */
export const BUNDLES: Language & Required<Pick<Language, 'count' | 'unpack'>> = {
  number: NUMBER,
  read: (head, body): Message => {
    if (head[0] !== SINGLE || head.length < 9) throw new Refused('invalid', 'This record is no single message of the bundle language.');
    const key = head.slice(9);
    const message = { exchange: '', address: '', timestampMs: viewOf(head).getFloat64(1, true), headers: NO_HEADERS, body };
    return key.length === 0 ? message : { ...message, key };
  },
  count: (head) => (head[0] === PACK && head.length >= 5 ? viewOf(head).getUint32(1, true) : 0),
  unpack: (head, body): Unpacked => {
    const count = BUNDLES.count(head, body);
    const view = viewOf(body);
    const writer = new RecordWriter();
    const timesMs: number[] = [];
    let at = 0;
    while (at < body.length) {
      if (at + ROW_BYTES > body.length) throw new Refused('invalid', 'This bundle breaks off.');
      const keyBytes = view.getUint32(at + 8, true);
      const valueAt = at + ROW_BYTES + keyBytes;
      const end = valueAt + view.getUint32(at + 12, true);
      if (end > body.length) throw new Refused('invalid', 'This bundle breaks off.');
      const timeMs = view.getFloat64(at, true);
      writer.writeRaw(NUMBER, headOf(timeMs, body.subarray(at + ROW_BYTES, valueAt)), body.subarray(valueAt, end));
      timesMs.push(timeMs);
      at = end;
    }
    if (timesMs.length !== count) throw new Refused('invalid', `This bundle says it has ${count} messages, and has ${timesMs.length}.`);
    return { ...writer.take(), timesMs: Float64Array.from(timesMs) };
  },
};

/** Writes a pack, or with one that is no list a single message. Answers how many messages that is. */
export function bundle(into: RecordWriter, messages: Bundled | readonly Bundled[]): number {
  if ('value' in messages) {
    into.writeRaw(NUMBER, headOf(messages.timeMs ?? 0, bytesOf(messages.key ?? '')), bytesOf(messages.value));
    return 1;
  }
  const rows = messages.map(({ value, key = '', timeMs = 0 }) => {
    const keyBytes = bytesOf(key);
    const valueBytes = bytesOf(value);
    const row = new Uint8Array(ROW_BYTES + keyBytes.length + valueBytes.length);
    const view = viewOf(row);
    view.setFloat64(0, timeMs, true);
    view.setUint32(8, keyBytes.length, true);
    view.setUint32(12, valueBytes.length, true);
    row.set(keyBytes, ROW_BYTES);
    row.set(valueBytes, ROW_BYTES + keyBytes.length);
    return row;
  });
  const head = new Uint8Array(5);
  head[0] = PACK;
  viewOf(head).setUint32(1, messages.length, true);
  into.writeRaw(NUMBER, head, Buffer.concat(rows));
  return messages.length;
}

function headOf(timeMs: number, key: Uint8Array): Uint8Array {
  const head = new Uint8Array(9 + key.length);
  head[0] = SINGLE;
  viewOf(head).setFloat64(1, timeMs, true);
  head.set(key, 9);
  return head;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
