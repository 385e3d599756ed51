/** Arbitrary entries of every kind, for properties of the codec. */

import fc from 'fast-check';
import type { Entry, MessagesEntry, PlainEntry } from '../../src/core/entry.ts';
import type { Declaration } from '../../src/model/declaration.ts';
import type { Death } from '../../src/model/engine.ts';
import type { Position } from '../../src/model/lines.ts';
import type { Records } from '../../src/model/record.ts';

const u32 = fc.nat({ max: 0xffff_ffff });
const whole = fc.maxSafeNat();
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => s.isWellFormed());
const time = fc.oneof(whole, fc.constant(Number.POSITIVE_INFINITY), fc.constant(0));
const runs = fc.array(whole, { maxLength: 6 }).map((all) => Float64Array.from(all.slice(0, all.length & ~1)));

/** Records as the codec keeps them: side by side, wherever they begin. */
export const records: fc.Arbitrary<Records> = fc
  .tuple(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), fc.nat({ max: 9 }))
  .map(([parts, start]) => {
    const bytes = new Uint8Array(start + parts.reduce((sum, part) => sum + part.length, 0));
    const ends = new Uint32Array(parts.length);
    let at = start;
    parts.forEach((part, i) => {
      bytes.set(part, at);
      at += part.length;
      ends[i] = at;
    });
    return { bytes, start, ends, count: parts.length };
  });

const death: fc.Arbitrary<Death> = fc.record({
  reason: fc.constantFrom('rejected', 'expired', 'overflow', 'attempts', 'schema'),
  queue: text,
  exchange: text,
  address: text,
  to: fc.record({ exchange: text, address: text }),
  atMs: whole,
  count: whole,
});

function picks(count: number): fc.Arbitrary<Uint32Array | undefined> {
  return fc.option(
    fc.subarray(Array.from({ length: count }, (_, i) => i)).map((list) => Uint32Array.from(list)),
    { nil: undefined },
  );
}

function list<T>(of: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> {
  return fc.array(of, { minLength: length, maxLength: length });
}

/** An empty text and none are the same to the codec. */
const maybeText = fc.option(
  text.filter((s) => s !== ''),
  { nil: undefined },
);

const messages: fc.Arbitrary<MessagesEntry> = records.chain((of) => {
  const { count } = of;
  const columns = fc.record(
    {
      priority: list(fc.nat({ max: 255 }), count).map((all) => Uint8Array.from(all)),
      dueMs: list(whole, count).map((all) => Float64Array.from(all)),
      ttlMs: list(time, count).map((all) => Float64Array.from(all)),
      group: list(maybeText, count),
      dedupId: list(maybeText, count),
      timeMs: list(fc.double({ noNaN: true }), count).map((all) => Float64Array.from(all)),
    },
    { requiredKeys: [] },
  );
  return fc.record({
    kind: fc.constant('messages' as const),
    nowMs: whole,
    records: fc.constant(of),
    recordsAt: fc.constant(0 as Position),
    queues: fc.array(fc.record({ queue: u32, picks: picks(count) }), { maxLength: 4 }),
    partitions: fc.array(fc.record({ topic: u32, partition: u32, picks: picks(count) }), { maxLength: 4 }),
    named: u32,
    bases: fc.constant(new Float64Array(0)),
    columns: fc.option(columns, { nil: undefined }),
    packs: fc.option(
      list(fc.integer({ min: 1, max: 0x7fff_ffff }), count).map((all) => Uint32Array.from(all)),
      { nil: undefined },
    ),
    deaths: fc.option(list(fc.array(death, { maxLength: 3 }), count), { nil: undefined }),
    producer: fc.option(fc.record({ id: whole, epoch: u32, sequence: whole, line: text }), { nil: undefined }),
    retain: fc.option(fc.record({ tenant: text, address: text }), { nil: undefined }),
    within: fc.boolean(),
  });
});

const carried: fc.Arbitrary<Entry> = records.chain((of) =>
  fc.array(fc.tuple(u32, whole, fc.nat({ max: Math.max(0, of.count - 1) })), { maxLength: 5 }).map((rows) => ({
    kind: 'carried' as const,
    records: of,
    recordsAt: 0 as Position,
    queues: Uint32Array.from(rows, ([queue]) => queue),
    numbers: Float64Array.from(rows, ([, number]) => number),
    of: Uint32Array.from(rows, ([, , record]) => record),
  })),
);

const spec: fc.Arbitrary<Declaration> = fc.oneof(
  fc.record({ kind: fc.constant('queue' as const), name: text, countMax: fc.nat(), durable: fc.boolean() }),
  fc.record({ kind: fc.constant('topic' as const), name: text, partitions: fc.nat() }),
  fc.record({
    kind: fc.constant('user' as const),
    name: text,
    write: fc.array(text),
    secrets: fc.dictionary(
      text.filter((s) => s !== '__proto__'),
      text,
    ),
  }),
);

const headers = fc.option(
  fc.record({
    match: fc.constantFrom('all' as const, 'any-with-x' as const),
    values: fc
      .array(fc.tuple(text, fc.oneof(text, fc.boolean(), fc.integer(), fc.constant(undefined))))
      .map((all) => new Map<string, string | boolean | number | undefined>(all)),
  }),
  { nil: undefined },
);

const binding = fc
  .record({
    exchange: text,
    to: fc.record({ kind: fc.constantFrom('queue' as const, 'exchange' as const), name: text }),
    pattern: text,
    headers,
  })
  .map(({ headers: given, ...rest }) => (given === undefined ? rest : { ...rest, headers: given }));

const plain: fc.Arbitrary<PlainEntry> = fc.oneof(
  fc.record({ kind: fc.constant('declared' as const), id: u32, tenant: text, spec, nowMs: whole }),
  fc.record({ kind: fc.constant('removed' as const), tenant: text, what: fc.constantFrom('queue' as const, 'group' as const), name: text }),
  fc.record({ kind: fc.constantFrom('bound' as const, 'unbound' as const), tenant: text, binding }),
  fc.record({
    kind: fc.constant('moved' as const),
    tenant: text,
    group: text,
    moves: fc.array(
      fc.record({ topic: u32, partition: u32, offset: whole, note: text }, { requiredKeys: ['topic', 'partition', 'offset'] }),
      {
        maxLength: 3,
      },
    ),
  }),
  fc.record(
    {
      kind: fc.constant('producer' as const),
      id: whole,
      epoch: u32,
      name: text,
      openMs: whole,
      ended: fc.record({ epoch: u32, outcome: fc.constantFrom('commit' as const, 'abort' as const) }),
    },
    { requiredKeys: ['kind', 'id', 'epoch', 'name'] },
  ),
  fc.record(
    {
      kind: fc.constant('included' as const),
      producer: whole,
      nowMs: whole,
      tenant: text,
      partitions: fc.array(fc.record({ topic: u32, partition: u32 }), { maxLength: 3 }),
      groups: fc.array(text, { maxLength: 2 }),
      move: fc.record({ group: text, moves: fc.array(fc.record({ topic: u32, partition: u32, offset: whole }), { maxLength: 2 }) }),
      passing: fc.constant(true as const),
    },
    { requiredKeys: ['kind', 'producer', 'nowMs', 'tenant', 'partitions', 'groups'] },
  ),
  fc.record(
    {
      kind: fc.constant('ended' as const),
      producer: whole,
      epoch: u32,
      outcome: fc.constantFrom('commit' as const, 'abort' as const),
      nowMs: whole,
      asked: u32,
    },
    { requiredKeys: ['kind', 'producer', 'epoch', 'outcome', 'nowMs'] },
  ),
  fc.record({ kind: fc.constant('trimmed' as const), topic: u32, partition: u32, start: whole }),
  fc.record({ kind: fc.constant('opened' as const), nowMs: whole, identity: fc.string() }),
);

const checkpoint: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant('counters' as const), nextId: whole, nextLease: whole, nextProducer: whole, nowMs: whole, identity: text }),
  fc.record({ kind: fc.constant('partition' as const), topic: u32, partition: u32, start: whole, end: whole }),
  fc.record({
    kind: fc.constant('uncommitted' as const),
    topic: u32,
    partition: u32,
    aborted: fc.array(fc.record({ producer: whole, first: whole, mark: whole, stable: whole }), { maxLength: 2 }),
    runs: fc.array(whole, { maxLength: 4 }),
    open: fc.array(fc.record({ producer: whole, runs: fc.array(whole, { maxLength: 4 }) }), { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant('sequences' as const),
    id: whole,
    lines: fc.array(
      fc.record({
        line: text,
        next: whole,
        recent: fc.array(fc.record({ sequence: whole, count: u32, partitions: fc.array(u32), offsets: fc.array(whole) }), { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  }),
  fc.record({ kind: fc.constant('queue-state' as const), queue: u32, piece: fc.uint8Array({ maxLength: 50 }) }),
  fc.record({ kind: fc.constant('retained' as const), tenant: text, address: text, record: fc.uint8Array({ maxLength: 50 }) }),
);

const single: fc.Arbitrary<Entry> = fc.oneof(
  messages,
  carried,
  fc.record({ kind: fc.constantFrom('leased' as const, 'extended' as const), queue: u32, lease: whole, untilMs: time, runs }),
  fc.record({
    kind: fc.constant('settled' as const),
    queue: u32,
    as: fc.constantFrom('acked' as const, 'deadLettered' as const, 'expired' as const, 'dropped' as const, 'purged' as const),
    runs,
  }),
  fc.record({
    kind: fc.constant('returned' as const),
    queue: u32,
    dueMs: whole,
    as: fc.constantFrom('failed' as const, 'requeued' as const, 'unseen' as const),
    runs,
  }),
  fc.record({ kind: fc.constant('due' as const), queue: u32, nowMs: whole }),
  plain,
  checkpoint,
);

export const entries: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 5, arbitrary: single },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('transaction' as const), entries: fc.array(single, { maxLength: 4 }) }) },
);
