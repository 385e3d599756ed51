/** `signalbox publish` and `send` against a real broker: what is read, what is said, and what is safe when something goes wrong. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Process, type Running, run, start, temporaryDirectory, values } from './signalbox.ts';

interface Peeked {
  readonly key?: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly base64?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function inTopic(t: TestContext, broker: Running, topic: string, count: number): Promise<string> {
  const args = ['subscribe', topic, '--from', 'earliest', '--count', String(count), '--data', broker.data];
  const { code, out, error } = await run(t, args);
  assert.equal(code, 0, error);
  return out;
}

suite('publish', async () => {
  test('publish and send', async (t) => {
    const directory = temporaryDirectory(t);
    const broker = await start(t, join(directory, 'data'));
    const data = ['--data', broker.data];

    await t.test('a file of JSON lines, byte for byte, in order of key', async (t) => {
      const lines = Array.from(
        { length: 3000 },
        (_, n) => `{"n":${n}.0,"user":{"id":"u${n % 7}"},"big":12345678901234567890, "é":"\\u00e9"}`,
      );
      const file = join(directory, 'events.ndjson');
      writeFileSync(file, `${lines.join('\r\n')}\n\n`);
      const { code, out, error } = await run(t, ['publish', '--topic', 'events', '--declare', '--key', 'user.id', file, '--json', ...data]);
      assert.deepEqual([code, error], [0, '']);
      const { seconds, ...told } = JSON.parse(out) as { seconds: number };
      assert.ok(seconds > 0);
      assert.deepEqual(told, { count: 3000, routed: 1, offsets: [{ partition: 0, first: 0, last: 2999 }] });
      assert.equal(await inTopic(t, broker, 'events', 3000), `${lines.join('\n')}\n`);
      const [last] = values((await run(t, ['subscribe', 'events', '--from', '0:2999', '--count', '1', '--json', ...data])).out);
      assert.equal((last as Peeked).key, 'u3');
    });

    await t.test('more than one batch, which waits for the one before it', async (t) => {
      const line = `{"pad":"${'x'.repeat(1000)}"}\n`;
      const { code, out } = await run(t, ['publish', '--topic', 'big', '--declare', '--json', ...data], { input: line.repeat(5000) });
      assert.equal(code, 0);
      const { count, offsets } = JSON.parse(out) as { count: number; offsets: unknown };
      assert.deepEqual([count, offsets], [5000, [{ partition: 0, first: 0, last: 4999 }]]);
    });

    await t.test('lines of stdin as they come, not at the end', async (t) => {
      const publishing = new Process(t, ['publish', '--topic', 'slow', '--declare', '--format', 'text', ...data]);
      publishing.child.stdin?.write('first\n');
      const watching = new Process(t, ['subscribe', 'slow', '--from', 'earliest', '--count', '2', '--retry', '10s', ...data]);
      // The topic may not be there yet when the subscriber comes.
      const first = await Promise.race([watching.says(/first\n/), watching.ended]);
      if ('code' in first) assert.equal(first.code, 4);
      publishing.child.stdin?.end('second');
      assert.equal((await publishing.ended).code, 0);
      assert.equal(await inTopic(t, broker, 'slow', 2), 'first\nsecond\n');
    });

    await t.test('text, JSON and bytes into a queue, with headers', async (t) => {
      const bytes = Buffer.from([0x61, 0xff, 0x00, 0x0a, 0x68, 0x69, 0x0a]);
      const sent = await run(t, ['send', 'mixed', '--declare', '--header', 'a:1', '--header', 'b:x y', ...data], { input: bytes });
      assert.match(sent.out, /^Published 2 events to queue mixed in [\d.]+ s \([\d,]+\/s\)\.$/m);
      assert.equal((await run(t, ['send', 'mixed', '{"x":1.50}', 'plain', ...data])).code, 0);
      const found = values((await run(t, ['peek', 'mixed', '--json', ...data])).out) as Peeked[];
      assert.deepEqual(
        found.map(({ body, text, base64, headers }) => ({ body, text, base64, headers })),
        [
          { body: undefined, text: undefined, base64: 'Yf8A', headers: { a: '1', b: 'x y' } },
          { body: undefined, text: 'hi', base64: undefined, headers: { a: '1', b: 'x y' } },
          { body: { x: 1.5 }, text: undefined, base64: undefined, headers: undefined },
          { body: undefined, text: 'plain', base64: undefined, headers: undefined },
        ],
      );
      const received = await run(t, ['receive', 'mixed', '--count', '4', ...data]);
      assert.equal(received.out.slice(3), '\nhi\n{"x":1.50}\nplain\n');
    });

    await t.test('what a subscriber prints as JSON can be published again as it is', async (t) => {
      const messages = (await run(t, ['subscribe', 'events', '--from', 'earliest', '--count', '5', '--json', ...data])).out;
      const { code, error } = await run(t, ['publish', '--topic', 'copy', '--declare', '--format', 'messages', ...data], {
        input: messages,
      });
      assert.deepEqual([code, error], [0, '']);
      const copied = values((await run(t, ['subscribe', 'copy', '--from', 'earliest', '--count', '5', '--json', ...data])).out) as Peeked[];
      assert.deepEqual(
        copied.map(({ key, body }) => ({ key, body })),
        (values(messages) as Peeked[]).map(({ key, body }) => ({ key, body })),
      );
    });

    await t.test('an address without listeners keeps nothing, and that is said', async (t) => {
      const { code, out, error } = await run(t, ['publish', 'nobody.there', '-m', 'x', ...data]);
      assert.deepEqual([code, out], [0, 'Published 1 event to nobody.there.\n']);
      assert.match(error, /^note: Nobody was there to take it/);
      const strict = await run(t, ['publish', 'nobody.there', '-m', 'x', '--mandatory', '--json', ...data]);
      assert.equal(strict.code, 4);
      assert.equal((JSON.parse(strict.error) as { error: { code: string } }).error.code, 'unrouted');
    });

    await t.test('a fault in the input: all before it is published, and it says where to go on', async (t) => {
      const input = '{"n":1}\n\n{"n":2}\nnot json\n{"n":3}\n';
      const { code, error } = await run(t, ['publish', '--topic', 'faulty', '--declare', ...data], { input });
      assert.equal(code, 2);
      assert.equal(
        error,
        'signalbox: Line 4 of stdin is not JSON (the fault is at byte 1). Lines that are plain text are published with --format text. ' +
          '2 events of stdin had been published, up to line 3. To go on behind them: --skip 3.\n',
      );
      const rest = await run(t, ['publish', '--topic', 'faulty', '--skip', '4', ...data], { input });
      assert.match(rest.out, /^Published 1 event to topic faulty\.$/m);
      assert.equal(await inTopic(t, broker, 'faulty', 3), '{"n":1}\n{"n":2}\n{"n":3}\n');
    });

    await t.test('a refusal of the broker is told as it said it', async (t) => {
      const schema = 'schema={"jsonSchema":{"type":"object","required":["id"]}}';
      assert.equal((await run(t, ['declare', 'topic', 'strict', schema, ...data])).code, 0);
      const { code, error } = await run(t, ['publish', '--topic', 'strict', ...data], { input: '{"id":1}\n\n{"no":1}\n{"id":2}\n' });
      assert.equal(code, 4);
      assert.match(
        error,
        /^signalbox: Line 3 of stdin does not fit the schema .*required property 'id'\. Correct it\. 1 event of stdin had been published, up to line 2\. .*--skip 2\.\n$/,
      );
      const none = await run(t, ['publish', '--topic', 'strict', ...data], { input: '{"no":1}\n' });
      assert.match(none.error, /^signalbox: Line 1 of stdin does not fit [^.]+\. Correct it\. Nothing of stdin had been published\.\n$/);
      const absent = await run(t, ['publish', '--topic', 'absent', '-m', 'x', ...data]);
      assert.deepEqual([absent.code, absent.error], [4, 'signalbox: There is no topic "absent". Declare it first.\n']);
    });

    await t.test('wrong words are answered with what there is instead', async (t) => {
      const cases: [string[], RegExp][] = [
        [['publish'], /Say where to publish: an ADDRESS, --topic NAME or --queue NAME/],
        [['publish', 'a', 'b', 'c'], /has no use for "c"/],
        [['publish', '--topic', 'a', '--queue', 'b'], /--topic or --queue, not both/],
        [['publish', '--topic', 'a', 'b', 'c'], /"c" is a word too many/],
        [['publish', 'a', '--declare', '-m', 'x'], /--declare goes with --topic or --queue/],
        [['publish', 'a', '/no/such/file'], /\/no\/such\/file cannot be read/],
        [['publish', 'a', '--key', 'id', '--format', 'text'], /--key takes a field of each line's JSON/],
        [['publish', '--queue', 'q', '--retain', '-m', 'x'], /--retain and --mandatory are for addresses/],
        [['send', 'q', 'body', '--file', 'x'], /Give a BODY or --file, not both/],
      ];
      const ends = await Promise.all(cases.map(([args]) => run(t, [...args, ...data])));
      for (const [i, { code, error }] of ends.entries()) {
        assert.match(error, cases[i]?.[1] ?? /$^/);
        assert.equal(code, 2);
      }
    });
  });

  test('a connection that breaks off: what is safe, and what may be', async (t) => {
    // A broker that confirms one batch and then dies.
    const confirmed = Promise.withResolvers<void>();
    let asked = 0;
    const dying = createServer((request, reply) => {
      request.resume().on('end', () => {
        asked += 1;
        if (asked > 1) request.socket.destroy();
        else reply.end('{"count":2,"routed":1}', () => confirmed.resolve());
      });
    }).listen(0, '127.0.0.1');
    t.after(() => dying.close());
    await once(dying, 'listening');
    const { port } = dying.address() as { port: number };
    const publishing = new Process(t, ['publish', 'x', '--url', `http://127.0.0.1:${port}`]);
    publishing.child.stdin?.write('{"a":1}\n{"a":2}\n');
    await confirmed.promise;
    publishing.child.stdin?.end('{"a":3}\n{"a":4}\n');
    const { code, error } = await publishing.ended;
    assert.equal(code, 3);
    assert.match(error, /The connection to the broker at http:.* broke off/);
    assert.match(
      error,
      /2 events of stdin had been published, up to line 2\. Lines 3 to 4 may have been published, too\. To go on behind them: --skip 2\./,
    );
  });
});
