/**
 * Entries as bytes. Frequent kinds are binary, the others JSON after the kind byte. Bit 7 of the kind byte marks an entry of a
 * checkpoint. All integers little-endian; `docs/format.md` draws them.
 */

import type { Position } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import type { Entry, SettledAs } from './entry.ts';
import { In, Out, type Room } from './entry-bytes.ts';
import { entryOfJson, jsonOfEntry } from './entry-json.ts';
import { messagesSizeMax, readMessages, recordsSize, writeMessages } from './messages-codec.ts';
import type { ReturnedAs } from './queue/queue.ts';

const KIND = {
  messages: 1,
  leased: 2,
  settled: 3,
  returned: 4,
  extended: 5,
  due: 6,
  carried: 7,
  transaction: 8,
  plain: 9,
  queueState: 10,
  retained: 11,
} as const;
const CHECKPOINT = 0x80;
const SETTLED: readonly SettledAs[] = ['acked', 'deadLettered', 'expired', 'dropped', 'purged'];

const RETURNED: readonly ReturnedAs[] = ['requeued', 'failed', 'unseen'];

/** An upper bound of the bytes `encodeEntry` will write. */
export function sizeMax(entry: Entry): number {
  switch (entry.kind) {
    case 'messages':
      return messagesSizeMax(entry);
    case 'leased':
    case 'extended':
    case 'returned':
    case 'settled':
      return 32 + entry.runs.length * 8;
    case 'due':
      return 16;
    case 'carried':
      return 32 + recordsSize(entry.records) + entry.records.count * 4 + entry.numbers.length * 16;
    case 'transaction':
      return entry.entries.reduce((sum, e) => sum + 5 + sizeMax(e), 8);
    case 'queue-state':
      return 16 + entry.piece.length;
    case 'retained':
      return 32 + (entry.tenant.length + entry.address.length) * 3 + entry.record.length;
    default:
      return 8 + jsonOfEntry(entry).length * 3;
  }
}

/** Writes the entry into the room and answers its size. Sets `recordsAt` of what carries records. */
export function encodeEntry(entry: Entry, room: Room, checkpoint = false): number {
  const out = new Out(room.bytes, room.view, room.at);
  writeEntry(entry, out, room, checkpoint ? CHECKPOINT : 0);
  return out.at - room.at;
}

/** Whether the entry at `at` belongs to a checkpoint. */
export function ofCheckpoint(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at] ?? 0) & CHECKPOINT) !== 0;
}

/** The entry in `bytes[at .. at + size)`; records and pieces point into `bytes`. Throws `Refused('damaged')`. */
export function decodeEntry(bytes: Uint8Array, at: number, size: number, position: Position): Entry {
  const input = new In(bytes, at, at + size, position - at);
  try {
    return readEntry(input);
  } catch (cause) {
    throw new Refused('damaged', `The journal entry at position ${position} does not parse. Run \`signalbox doctor\`.`, { cause });
  }
}

function writeEntry(entry: Entry, out: Out, room: Room, flag: number): void {
  switch (entry.kind) {
    case 'messages':
      out.u8(KIND.messages | flag);
      writeMessages(entry, out, room);
      return;
    case 'leased':
    case 'extended':
      out.u8((entry.kind === 'leased' ? KIND.leased : KIND.extended) | flag);
      out.u32(entry.queue);
      out.f64(entry.lease);
      out.f64(entry.untilMs);
      out.runs(entry.runs);
      return;
    case 'settled':
      out.u8(KIND.settled | flag);
      out.u32(entry.queue);
      out.u8(SETTLED.indexOf(entry.as));
      out.runs(entry.runs);
      return;
    case 'returned':
      out.u8(KIND.returned | flag);
      out.u32(entry.queue);
      out.f64(entry.dueMs);
      out.u8(RETURNED.indexOf(entry.as));
      out.runs(entry.runs);
      return;
    case 'due':
      out.u8(KIND.due | flag);
      out.u32(entry.queue);
      out.f64(entry.nowMs);
      return;
    case 'carried':
      out.u8(KIND.carried | flag);
      out.u32(entry.numbers.length);
      for (let i = 0; i < entry.numbers.length; i++) {
        out.u32(entry.queues[i] ?? 0);
        out.f64(entry.numbers[i] ?? 0);
        out.u32(entry.of[i] ?? 0);
      }
      entry.recordsAt = out.records(entry.records, room);
      return;
    case 'transaction':
      out.u8(KIND.transaction | flag);
      out.u32(entry.entries.length);
      for (const inner of entry.entries) {
        const sizeAt = out.at;
        out.at += 4;
        writeEntry(inner, out, room, 0);
        out.view.setUint32(sizeAt, out.at - sizeAt - 4, true);
      }
      return;
    case 'queue-state':
      out.u8(KIND.queueState | flag);
      out.u32(entry.queue);
      out.blob(entry.piece);
      return;
    case 'retained':
      out.u8(KIND.retained | flag);
      out.text(entry.tenant);
      out.text(entry.address);
      out.blob(entry.record);
      return;
    default:
      out.u8(KIND.plain | flag);
      out.text(jsonOfEntry(entry));
  }
}

function readEntry(input: In): Entry {
  const kind = input.u8() & ~CHECKPOINT;
  switch (kind) {
    case KIND.messages:
      return readMessages(input);
    case KIND.leased:
    case KIND.extended:
      return {
        kind: kind === KIND.leased ? 'leased' : 'extended',
        queue: input.u32(),
        lease: input.f64(),
        untilMs: input.f64(),
        runs: input.runs(),
      };
    case KIND.settled: {
      const queue = input.u32();
      const as = SETTLED[input.u8()];
      if (as === undefined) throw new RangeError('unknown way of settling');
      return { kind: 'settled', queue, as, runs: input.runs() };
    }
    case KIND.returned:
      return readReturned(input);
    case KIND.due:
      return { kind: 'due', queue: input.u32(), nowMs: input.f64() };
    case KIND.carried:
      return readCarried(input);
    case KIND.transaction: {
      const entries: Entry[] = [];
      for (let left = input.u32(); left > 0; left--) {
        input.u32();
        entries.push(readEntry(input));
      }
      return { kind: 'transaction', entries };
    }
    case KIND.queueState:
      return { kind: 'queue-state', queue: input.u32(), piece: input.blob() };
    case KIND.retained:
      return { kind: 'retained', tenant: input.text(), address: input.text(), record: input.blob() };
    case KIND.plain:
      return entryOfJson(input.text());
    default:
      throw new RangeError(`unknown entry kind ${kind}`);
  }
}

function readReturned(input: In): Entry {
  const queue = input.u32();
  const dueMs = input.f64();
  const as = RETURNED[input.u8()];
  if (as === undefined) throw new RangeError('unknown way of coming back');
  return { kind: 'returned', queue, dueMs, as, runs: input.runs() };
}

function readCarried(input: In): Entry {
  const count = input.u32();
  input.expect(count * 16);
  const queues = new Uint32Array(count);
  const numbers = new Float64Array(count);
  const of = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    queues[i] = input.u32();
    numbers[i] = input.f64();
    of[i] = input.u32();
  }
  const { records, recordsAt } = input.records();
  return { kind: 'carried', queues, numbers, of, records, recordsAt };
}
