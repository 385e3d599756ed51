/** The small codecs: media types, scalars, receipts, positions, problems, events, figures, tallies. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refused } from '../../../src/model/refusal.ts';
import { accepts, bodyForm, essence, isJsonType } from '../../../src/wire/http/media.ts';
import { decodePositions, encodePositions } from '../../../src/wire/http/positions.ts';
import { encodeProblem, isPassing, STATUS_OF, STATUS_OF_DOOR, titleOf } from '../../../src/wire/http/problem.ts';
import { encodeMetrics, metricName } from '../../../src/wire/http/prometheus.ts';
import { Tally } from '../../../src/wire/http/published.ts';
import { decodeReceipt, encodeReceipt, runsByLease, runsOf } from '../../../src/wire/http/receipt.ts';
import { parseDuration, parseFlag, parseInteger, parseTime, quoted } from '../../../src/wire/http/scalars.ts';
import { sseEvent, sseOpening } from '../../../src/wire/http/sse.ts';

const invalid = (error: unknown): boolean => error instanceof Refused && error.code === 'invalid';

test('media types are told by what stands before the semicolon, in any case', () => {
  assert.equal(essence(' Application/JSON ; charset=utf-8'), 'application/json');
  assert.equal(essence(undefined), '');
  assert.ok(isJsonType('application/vnd.x+json; v=1') && isJsonType('TEXT/JSON') && !isJsonType('application/jsonp'));
  assert.equal(bodyForm('application/x-ndjson; charset=utf-8', undefined), 'lines');
  assert.equal(bodyForm('application/CloudEvents-batch+json', undefined), 'cloud-events');
  assert.equal(bodyForm('application/cloudevents+json', '1.0'), 'cloud-event', 'structured wins over ce- headers');
  assert.equal(bodyForm('text/plain', '1.0'), 'cloud-binary');
  assert.equal(bodyForm(undefined, undefined), 'raw');
  assert.ok(accepts('text/html, text/event-stream;q=0.5', 'text/event-stream') && !accepts('*/*', 'text/event-stream'));
});

test('durations, times, numbers and flags', () => {
  assert.deepEqual(
    ['1500', '1500ms', '1.5s', '10m', '2h', '1d'].map((t) => parseDuration(t, 'x')),
    [1500, 1500, 1500, 600_000, 7_200_000, 86_400_000],
  );
  for (const wrong of ['', 's', '-1s', '1 s', '1w', '1e3', 'Infinity', '5S'])
    assert.throws(() => parseDuration(wrong, 'x'), invalid, wrong);
  assert.equal(parseTime('2026-11-21T12:00:00+01:00', 'x'), Date.UTC(2026, 10, 21, 11));
  assert.equal(parseTime('1700000000000', 'x'), 1_700_000_000_000);
  for (const wrong of ['', 'now', '2026-11-21', '2026-13-41T00:00:00Z', '-5']) assert.throws(() => parseTime(wrong, 'x'), invalid, wrong);
  assert.equal(parseInteger('7', 'x', 0, 9), 7);
  for (const wrong of ['', '10', '-1', '1.0', '0x1', '1e0', '9'.repeat(40)])
    assert.throws(() => parseInteger(wrong, 'x', 0, 9), invalid, wrong);
  assert.deepEqual(
    ['', 'true', '0', 'false'].map((t) => parseFlag(t, 'x')),
    [true, true, false, false],
  );
  assert.throws(() => parseFlag('yes', 'x'), invalid);
});

test('a stranger’s text in our sentences is short and harmless', () => {
  assert.equal(quoted('a\n\u001b[31m\u202eb'), '"a\\n\\u001b[31m?b"');
  assert.ok(quoted('x'.repeat(10_000)).length < 70);
});

test('receipts come back, and nothing else passes for one', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (lease, number) => {
      assert.deepEqual(decodeReceipt(encodeReceipt(lease, number)), { lease, number });
    }),
  );
  for (const wrong of ['', '-', 'a', 'a-', '-a', 'A-1', '1-1-1', 'zzzzzzzzzzz-1', '1.5-2', '__proto__'])
    assert.throws(() => decodeReceipt(wrong), invalid, wrong);
});

test('numbers become runs, in order and once each', () => {
  assert.deepEqual([...runsOf([5, 3, 4, 4, 9, 1])], [1, 1, 3, 3, 9, 1]);
  assert.deepEqual([...runsOf([])], []);
  fc.assert(
    fc.property(fc.array(fc.nat(30)), (numbers) => {
      const runs = runsOf(numbers);
      const all: number[] = [];
      for (let i = 0; i < runs.length; i += 2) for (let n = 0; n < (runs[i + 1] ?? 0); n++) all.push((runs[i] ?? 0) + n);
      assert.deepEqual(
        all,
        [...new Set(numbers)].sort((a, b) => a - b),
      );
    }),
  );
  const by = runsByLease([{ lease: 1, number: 2 }, { lease: 2, number: 2 }, { lease: 1, number: 3 }]); // biome-ignore format: three on a line
  assert.deepEqual([...by].map(([lease, runs]) => [lease, [...runs]]), [[1, [2, 2]], [2, [2, 1]]]); // biome-ignore format: two pairs
});

test('positions come back', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.nat(0x7fffffff), fc.maxSafeNat()), { minLength: 1, selector: ([p]) => p }), (pairs) => {
      assert.deepEqual(decodePositions(encodePositions(new Map(pairs))), new Map(pairs));
    }),
  );
  for (const wrong of ['', '0', '0:', ':1', '0:1,', '-1:0', '0:1;1:2', '9999999999:1', `0:${'9'.repeat(16)}`])
    assert.throws(() => decodePositions(wrong), invalid, wrong);
});

test('every status that can be answered has a title, and a problem says what it must', () => {
  for (const status of [...Object.values(STATUS_OF), ...Object.values(STATUS_OF_DOOR)])
    assert.notEqual(titleOf(status), 'Error', String(status));
  assert.deepEqual(JSON.parse(encodeProblem({ status: 422, code: 'schema', detail: 'No.', path: '/a', more: { published: 3 } })), {
    title: 'Unprocessable Content',
    status: 422,
    code: 'schema',
    detail: 'No.',
    path: '/a',
    published: 3,
  });
  assert.ok(isPassing(STATUS_OF.full) && isPassing(STATUS_OF['disk-full']) && !isPassing(STATUS_OF.invalid));
});

test('events are framed as the standard has it', () => {
  assert.equal(sseEvent('{"a":1}', '0:5'), 'id: 0:5\ndata: {"a":1}\n\n');
  assert.equal(sseEvent('{}', undefined, 'end'), 'event: end\ndata: {}\n\n');
  assert.equal(sseOpening(1000), 'retry: 1000\n\n');
});

test('figures are written as Prometheus reads them', () => {
  const text = encodeMetrics([
    { name: 'a_total', help: 'Line\nend \\ .', type: 'counter', samples: [{ value: 3 }] },
    { name: 'b', help: 'B.', type: 'gauge', samples: [{ value: 0.5, labels: { queue: 'q"\\\n' } }, { value: Number.POSITIVE_INFINITY }] },
    { name: 'none', help: 'No samples.', type: 'gauge', samples: [] },
  ]);
  assert.equal(
    text,
    '# HELP a_total Line\\nend \\\\ .\n# TYPE a_total counter\na_total 3\n# HELP b B.\n# TYPE b gauge\nb{queue="q\\"\\\\\\n"} 0.5\nb +Inf\n',
  );
  assert.equal(metricName('signalbox', 'journal.bytesWritten'), 'signalbox_journal_bytes_written');
});

test('a tally of batches joins what lies side by side', () => {
  const tally = new Tally();
  tally.add({ routed: 2, partitions: Int32Array.of(0, 1, 0), offsets: Float64Array.of(5, 9, 6) }, 0, 3);
  tally.add({ routed: 1, partitions: Int32Array.of(0, 0), offsets: Float64Array.of(7, 9), duplicates: Uint8Array.of(0) }, 0, 2);
  tally.add({ routed: 1, partitions: Int32Array.of(0, 0), offsets: Float64Array.of(0, 10), duplicates: Uint8Array.of(1) }, 0, 2);
  assert.deepEqual(tally.answer(), {
    count: 7,
    routed: 1,
    duplicates: 1,
    offsets: [
      { partition: 0, first: 5, last: 7 },
      { partition: 0, first: 9, last: 10 },
      { partition: 1, first: 9, last: 9 },
    ],
  });
  const one = new Tally();
  one.add({ routed: 1, partitions: Int32Array.of(2), offsets: Float64Array.of(4) }, 0, 1);
  assert.deepEqual(one.answer(), { count: 1, routed: 1, partition: 2, offset: 4 });
  const none = new Tally();
  none.add({ routed: 0 }, 0, 1);
  assert.deepEqual(none.answer(), { count: 1, routed: 0 });
});
