import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../src/core/entry.ts';
import { decodeEntry, encodeEntry, ofCheckpoint, sizeMax } from '../../src/core/entry-codec.ts';
import { gathered, pick } from '../../src/core/picks.ts';
import type { Position } from '../../src/model/lines.ts';
import type { Records } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import { entries } from './entries.ts';

const POSITION = 123_456_789 as Position;

/** Encodes somewhere into a buffer with exactly the room that was asked for. */
function encoded(entry: Entry, before = 7, checkpoint = false): { bytes: Uint8Array; at: number; size: number } {
  const bytes = new Uint8Array(before + sizeMax(entry)).fill(0xee);
  const size = encodeEntry(entry, { bytes, view: new DataView(bytes.buffer), at: before, position: POSITION }, checkpoint);
  return { bytes, at: before, size };
}

/** What an entry means, without where its bytes lie. */
function meaning(entry: Entry): unknown {
  if (entry.kind === 'transaction') return { ...entry, entries: entry.entries.map(meaning) };
  if (!('records' in entry)) return entry;
  const { records, recordsAt: _, ...rest } = entry;
  return { ...rest, ...('bases' in rest && { bases: 0 }), records: contents(records) };
}

function contents(records: Records): string[] {
  return Array.from({ length: records.count }, (_, i) => {
    const { bytes } = gathered(records, Uint32Array.of(i));
    return Buffer.from(bytes).toString('hex');
  });
}

/** Where the records of an entry, and of those in it, stand in the journal. */
function places(entry: Entry): number[] {
  if (entry.kind === 'transaction') return entry.entries.flatMap(places);
  return 'recordsAt' in entry ? [entry.recordsAt] : [];
}

test('every entry comes back as it was written, within the room that was asked for', () => {
  fc.assert(
    fc.property(entries, fc.nat({ max: 20 }), fc.boolean(), (entry, before, checkpoint) => {
      const { bytes, at, size } = encoded(entry, before, checkpoint);
      assert.ok(size <= sizeMax(entry), `${size} bytes of at most ${sizeMax(entry)}`);
      assert.equal(ofCheckpoint(bytes, at), checkpoint);
      const decoded = decodeEntry(bytes, at, size, POSITION);
      assert.deepEqual(structuredClone(meaning(decoded)), structuredClone(meaning(entry)));
      assert.deepEqual(places(decoded), places(entry), 'both know where the records stand');
    }),
    { numRuns: 500 },
  );
});

test('records stand in the journal where the entry says', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const { bytes, at, size } = encoded(entry);
      const check = (one: Entry): void => {
        if (one.kind === 'transaction') return one.entries.forEach(check);
        if (!('recordsAt' in one) || one.records.count === 0) return;
        const { bytes: own } = gathered(
          one.records,
          pick(one.records.count, () => true),
        );
        const from = one.recordsAt - POSITION + at;
        assert.deepEqual(bytes.subarray(from, from + own.length), own);
      };
      check(entry);
      check(decodeEntry(bytes, at, size, POSITION));
    }),
    { numRuns: 200 },
  );
});

test('an entry cut short, or with a byte changed, is damaged or another entry, and nothing else', () => {
  fc.assert(
    fc.property(entries, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 255 }), fc.boolean(), (entry, where, value, cut) => {
      const { bytes, at, size } = encoded(entry);
      const place = at + Math.min(size - 1, Math.floor(where * size));
      if (!cut) bytes[place] = value;
      decodes(bytes, at, cut ? place - at : size);
    }),
    { numRuns: 1500 },
  );
});

test('hostile bytes are damaged or an entry: no crash, no hang, no memory for what is not there', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 120 }), fc.nat({ max: 12 }), (bytes, kind) => {
      bytes[0] = kind;
      decodes(bytes, 0, bytes.length);
    }),
    { numRuns: 3000 },
  );
  for (let kind = 0; kind < 256; kind++) {
    const bytes = new Uint8Array(64).fill(0xff);
    bytes[0] = kind;
    decodes(bytes, 0, bytes.length);
  }
});

test('records that end before they begin, or beyond the entry, are damaged', () => {
  const bytes = new TextEncoder().encode('abcdef');
  const records: Records = { bytes, start: 0, ends: Uint32Array.of(2, 6), count: 2 };
  const carried: Entry = {
    kind: 'carried',
    records,
    recordsAt: POSITION,
    queues: Uint32Array.of(1),
    numbers: Float64Array.of(1),
    of: Uint32Array.of(0),
  };
  const { bytes: written, at, size } = encoded(carried);
  const firstEnd = at + size - bytes.length - 8;
  for (const wrong of [7, 0xffff_ffff]) {
    new DataView(written.buffer).setUint32(firstEnd, wrong, true);
    assert.throws(() => decodeEntry(written, at, size, POSITION), { code: 'damaged' });
  }
});

test('text comes back as it was, a mark at its beginning included', () => {
  const entry: Entry = { kind: 'retained', tenant: '\ufeff/', address: '\ufeff', record: new Uint8Array(8) };
  const { bytes, at, size } = encoded(entry);
  assert.deepEqual(decodeEntry(bytes, at, size, POSITION), entry);
});

test('JSON that is no entry, or one that is not kept as JSON, is damaged', () => {
  for (const json of ['5', 'null', '{}', '{"kind":"toString"}', '{"kind":"due","queue":1,"nowMs":1}', '[{"kind":"opened"}]']) {
    const text = new TextEncoder().encode(json);
    const bytes = Uint8Array.of(9, text.length, 0, 0, 0, ...text);
    assert.throws(() => decodeEntry(bytes, 0, bytes.length, POSITION), { code: 'damaged' }, json);
  }
});

test('the text of a damaged entry says where it stands', () => {
  assert.throws(
    () => decodeEntry(Uint8Array.of(99), 0, 1, POSITION),
    (error: unknown) => error instanceof Refused && error.code === 'damaged' && error.message.includes(String(POSITION)),
  );
});

function decodes(bytes: Uint8Array, at: number, size: number): void {
  try {
    decodeEntry(bytes, at, size, POSITION);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'damaged') throw error;
  }
}
