/** What is read and shown: lines, events of lines, server-sent events, bodies, progress, tables. */

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventLines, type Format } from '../../src/cli/event-lines.ts';
import { eventsOf } from '../../src/cli/event-stream.ts';
import { Failure } from '../../src/cli/exits.ts';
import { Lines } from '../../src/cli/lines.ts';
import { bodyOf, messagesOf } from '../../src/cli/messages.ts';
import { readDuration } from '../../src/cli/options.ts';
import { progressLine } from '../../src/cli/progress.ts';
import { table } from '../../src/cli/table.ts';
import { counted, grouped, harmless, sized } from '../../src/cli/terminal.ts';

const plain = { style: (_style: string, text: string): string => text };

/** The chunk at a time that `cuts` leave of the bytes. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

function linesIn(chunks: readonly Uint8Array[]): string[] {
  const lines = new Lines();
  const found: string[] = [];
  for (const chunk of chunks) for (const line of lines.push(chunk)) found.push(Buffer.from(line).toString('latin1'));
  for (const line of lines.end()) found.push(Buffer.from(line).toString('latin1'));
  assert.equal(lines.number, found.length);
  return found;
}

test('lines are the same however the input is cut', () => {
  assert.deepEqual(linesIn([Buffer.from('a\r\n\nb')]), ['a', '', 'b']);
  assert.deepEqual(linesIn([Buffer.from('a\n')]), ['a']);
  assert.deepEqual(linesIn([]), []);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'é') }), fc.array(fc.nat(100)), (text, cuts) => {
      const bytes = Buffer.from(text);
      assert.deepEqual(linesIn(chunksOf(bytes, cuts)), linesIn([bytes]));
    }),
  );
});

function encoded(lines: readonly string[], format: Format, key?: string): { type: string; text: string } {
  const events = new EventLines('stdin', format, key);
  const text = lines.map((line, i) => Buffer.from(events.encode(Buffer.from(line, 'latin1'), i + 1) ?? '').toString('utf8')).join('');
  return { type: events.type, text };
}

test('the first line says whether lines are JSON or text', () => {
  assert.deepEqual(encoded(['', '{"a":1.0}', ' 17 '], 'auto'), { type: 'application/x-ndjson', text: '{"a":1.0}\n 17 \n' });
  assert.deepEqual(encoded(['17', '{"a":1.0}'], 'auto'), {
    type: 'application/vnd.signalbox.messages+ndjson',
    text: '{"text":"17"}\n{"text":"{\\"a\\":1.0}"}\n',
  });
  assert.equal(encoded(['{not json'], 'auto').text, '{"text":"{not json"}\n');
  assert.equal(encoded(['17'], 'json').text, '17\n');
  assert.equal(encoded(['caf\xe9'], 'text').text, '{"base64":"Y2Fm6Q=="}\n');
  assert.equal(encoded(['{"text":"x","key":"k"}'], 'messages').text, '{"text":"x","key":"k"}\n');
});

test('a key is the text or number at the field, and the line stays as it was', () => {
  const type = 'application/vnd.signalbox.messages+ndjson';
  assert.deepEqual(encoded(['{"a":{"b":"x\\"y"},"n":1.00}'], 'auto', 'a.b'), {
    type,
    text: '{"key":"x\\"y","body":{"a":{"b":"x\\"y"},"n":1.00}}\n',
  });
  assert.equal(encoded(['{"n":12}'], 'json', 'n').text, '{"key":"12","body":{"n":12}}\n');
  for (const line of ['{"a":{}}', '{"a":null}', '{"b":1}', '[1]', '{"a":[1]}', '"a"']) {
    assert.throws(() => encoded([line], 'json', 'a'), /^Failure: Line 1 of stdin has no text or number at a, where --key looks for it\.$/);
  }
  assert.throws(() => encoded(['{}'], 'json', 'constructor'), Failure);
  assert.throws(() => encoded(['text'], 'auto', 'a'), /The first line of stdin is no JSON object/);
  assert.throws(() => encoded(['x'], 'messages', 'a'), /--key takes a field/);
});

test('a line that is no JSON is named', () => {
  assert.throws(() => encoded(['{}', '{"a"'], 'json'), /Line 2 of stdin is not JSON \(the fault is at byte 4\)/);
  assert.throws(() => encoded(['"\xff"'], 'json'), /Line 1 of stdin is not JSON \(it is not UTF-8\)/);
});

test('server-sent events are the same however the network cuts them', async () => {
  const text = 'retry: 1000\n\n:\n\nid: 0:1\ndata: {"a":"é: x"}\n\nevent: end\ndata: {"reason":"over"}\n\ndata: {}\n\n';
  const expected = [
    [undefined, '0:1', '{"a":"é: x"}'],
    ['end', undefined, '{"reason":"over"}'],
    [undefined, undefined, '{}'],
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(200)), async (cuts) => {
      const found: unknown[] = [];
      for await (const events of eventsOf(Readable.from(chunksOf(Buffer.from(text), cuts)) as IncomingMessage)) {
        for (const { event, id, data } of events) found.push([event, id, Buffer.from(data).toString('utf8')]);
      }
      assert.deepEqual(found, expected);
    }),
    { numRuns: 50 },
  );
});

test('a body is what was published, byte for byte', () => {
  const body = (json: string): string => Buffer.from(bodyOf(Buffer.from(json))).toString('latin1');
  assert.equal(body('{"headers":{"body":1},"body":{"n":1.00, "m":12345678901234567890}}'), '{"n":1.00, "m":12345678901234567890}');
  assert.equal(body('{"text":"a\\nb\\u00e9"}'), 'a\nb\xc3\xa9');
  assert.equal(body('{"base64":"/wA="}'), '\xff\x00');
  assert.equal(body('{"address":"x"}'), '');
  const [first, second, ...none] = messagesOf(Buffer.from('{"messages":[{"body":1.0} , {"text":"]"}]}'));
  assert.deepEqual([String(first), String(second), none], ['{"body":1.0}', '{"text":"]"}', []]);
  assert.deepEqual(messagesOf(Buffer.from('{"messages":[]}')), []);
});

test('numbers, times and sizes for people', () => {
  assert.deepEqual([grouped(1234567.8), counted(1, 'event'), counted(2000, 'event')], ['1,234,568', '1 event', '2,000 events']);
  assert.deepEqual(
    [sized(0), sized(999), sized(1234), sized(999_999), sized(12_345_678)],
    ['0 B', '999 B', '1.2 kB', '1000 kB', '12.3 MB'],
  );
  assert.deepEqual(
    ['500ms', '1.5s', '10m', '2h', '1d'].map((text) => readDuration(text, '--wait')),
    [500, 1500, 600_000, 7_200_000, 86_400_000],
  );
  for (const text of ['5', 's', '-1s', '1w', '1e3s', '']) assert.throws(() => readDuration(text, '--wait'), Failure);
});

test("a stranger's text cannot act on a terminal", () => {
  assert.equal(harmless('a\tb\x1b[2J\r\n\x07\u202e\u0085é'), 'a\tb\\u001b[2J\\u000d\\u000a\\u0007\\u202e\\u0085é');
});

test('progress and tables fit together', () => {
  assert.equal(progressLine(1234, 50, 200, 2), '[#######---------------------]  25%  1,234  617/s');
  assert.equal(progressLine(10, 50, undefined, 0), '10');
  assert.equal(progressLine(5, 300, 200, 1), '[############################] 100%  5  5/s');
  const columns = [{ title: 'NAME' }, { title: 'N', right: true }];
  assert.equal(
    table(
      columns,
      [
        ['a', '10'],
        ['long', '2'],
      ],
      plain,
    ),
    'NAME   N\na     10\nlong   2',
  );
});
