/**
 * Fuzzes everything of HTTP that a stranger's bytes reach: `node fuzz/http.ts [--runs 1000000] [--sockets 2000] [--seed N]`.
 * A decoder may answer or refuse; anything else it throws, a wrong answer where an oracle knows better, or more than 50 ms, is a finding:
 * it is saved to fuzz/corpus/http, which every run replays first, and the exit code is 1.
 */

import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { openBroker } from '../src/broker/broker.ts';
import { MemoryDisk } from '../src/host/memory-disk.ts';
import { nodeHost } from '../src/host/node-host.ts';
import { silentLogger } from '../src/host/text-logger.ts';
import { RecordWriter, readMessage } from '../src/model/record.ts';
import { Refused } from '../src/model/refusal.ts';
import { startHttp } from '../src/servers/http/http.ts';
import {
  accepts,
  bodyForm,
  decodeBatch,
  decodeBinary,
  decodeDraft,
  decodeFrame,
  decodePositions,
  decodeReceipt,
  decodeStructured,
  decodeTransaction,
  encodeMessage,
  encodeStructured,
  FrameFault,
  findJsonFault,
  isJsonType,
  LineReader,
  memberBytes,
  parseDuration,
  parseJson,
  parseTime,
  quoted,
} from '../src/wire/http/http.ts';
import { Chance, cut, mutated } from './kit/chance.ts';
import { Findings, type Target } from './kit/findings.ts';

const encoder = new TextEncoder();
const bytes = (text: string): Uint8Array => encoder.encode(text);
const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8');
const latin = (input: Uint8Array): string => Buffer.from(input).toString('latin1');
const NONE = { headers: new Map() };

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function depthOf(json: unknown): number {
  if (typeof json !== 'object' || json === null) return 0;
  return 1 + Math.max(0, ...Object.values(json).map(depthOf));
}

function parsed(input: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input)) };
  } catch {
    return undefined;
  }
}

const JSONS = ['{"a":[1,-2.5e3,"\\u00e4\\n",true,null,{}]}', '[[[[[]]]]]', '"x"', '  12 ', '{"a":{"b":[{"c":0}]},"d":""}'].map(bytes);
const DRAFTS = [
  '{"key":"k","id":"i","headers":{"a":1,"b":{"base64":"AA=="},"c":{"bigint":"5"},"d":[null,{"e":"f"}]},"body":{"n":1}}',
  '{"keyBase64":"AP8=","priority":7,"ttl":"5s","delay":100,"due":"2026-11-21T12:00:00Z","text":"hallo","group":"g","dedupId":"d"}',
].map(bytes);
const EVENTS = [
  '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"u","time":"2026-11-21T12:00:00Z","datacontenttype":"application/json","ext":5,"data":{"a":1}}',
  '{"specversion":"1.0","id":"1","source":"/s","type":"t","partitionkey":"k","data_base64":"AP8="}',
].map(bytes);
const FRAMES = [
  '{"op":"publish","ref":1,"address":"a","message":{"body":{"a":[1,2]},"key":"k"}}',
  '{"op":"publish","ref":"x","exchange":"","address":"q","messages":[{"text":"a"},{"base64":"AP8="},{}],"mandatory":true}',
  '{"op":"subscribe","ref":2,"sub":"s","pattern":"a.#","filter":"body.a","retained":true,"credit":10}',
  '{"op":"subscribe","sub":"s","queue":"q","settle":"on-delivery","lease":"5s","priority":3,"exclusive":true}',
  '{"op":"subscribe","sub":"s","topic":"t","from":"0:1,1:2","partitions":[0,1]}',
  '{"op":"subscribe","sub":"s","topic":"t","group":"g","from":"earliest"}',
  '{"op":"ack","sub":"s","receipts":["1-2","a-b"]}',
  '{"op":"extend","sub":"s","receipts":["1-2"],"lease":1000}',
  '{"op":"move","sub":"s","partition":0,"offset":5}',
  '{"op":"credit","sub":"s","credit":5}',
].map(bytes);

const TRANSACTIONS = [
  '{"operations":[{"op":"publish","address":"a","message":{"body":{"a":[1,2]},"key":"k"}},{"op":"ack","queue":"q","receipts":["1-2"]}]}',
  '{"operations":[{"op":"move","group":"g","member":"m","cursors":[{"topic":"t","partition":0,"offset":5}]},{"op":"nack","queue":"q","receipts":["1-2","a-b"],"delay":"5s"}]}',
  '{"operations":[{"op":"publish","exchange":"","address":"q","messages":[{"text":"a"},{"base64":"AP8="},{}],"mandatory":true,"retain":false}]}',
].map(bytes);

function recordSeed(): Uint8Array {
  const writer = new RecordWriter();
  writer.write({
    exchange: 'amq.topic',
    address: 'a.b',
    timestampMs: 5,
    key: bytes('k'),
    contentType: 'application/json',
    headers: new Map<string, string | number>([
      ['time', '2026-11-21T12:00:00Z'],
      ['n', 5],
    ]),
    body: bytes('{"a":1,\n"b":[2]}'),
  });
  const { bytes: written, ends } = writer.take();
  return written.slice(0, ends[0]);
}

const TARGETS: readonly Target[] = [
  {
    name: 'json',
    seeds: JSONS,
    run: (input) => {
      const right = parsed(input);
      let read: { readonly value: unknown } | undefined;
      try {
        read = { value: parseJson(input, 'It') };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
      if (right === undefined) must(read === undefined, 'took what is not JSON');
      else if (depthOf(right.value) <= 32)
        must(read !== undefined && JSON.stringify(read.value) === JSON.stringify(right.value), 'read JSON otherwise');
      const from = input.length >> 2;
      findJsonFault(input, from, input.length - from);
    },
  },
  { name: 'draft', seeds: DRAFTS, run: (input) => void decodeDraft(parseJson(input, 'It'), memberBytes(input, 'body'), NONE, 'It') },
  { name: 'cloudevent', seeds: EVENTS, run: (input) => void decodeStructured(input, NONE) },
  {
    name: 'cloudevents',
    seeds: EVENTS.map((event) => bytes(`[${text(event)},${text(event)}]`)),
    run: (input) => void decodeBatch(input, NONE),
  },
  {
    name: 'cloudevent-binary',
    seeds: [bytes('ce-specversion:1.0\nce-id:1\nce-source:"a\\"%20b"\nce-type:t\nce-x:%E2%82%AC\nbody')],
    run: (input) => {
      const lines = latin(input).split('\n');
      const headers = lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
      decodeBinary(headers, lines[0], input, NONE);
    },
  },
  {
    name: 'lines',
    seeds: [bytes(`${JSONS.map(text).join('\n')}\r\n\n{"ü":1}`)],
    run: (input, chance) => {
      const whole = linesOf([input]);
      must(whole.join('\n') === linesOf(cut(input, chance)).join('\n'), 'lines depend on how the stream is cut');
    },
  },
  { name: 'transaction', seeds: TRANSACTIONS, run: (input) => void decodeTransaction(input) },
  { name: 'frame', seeds: FRAMES, run: (input) => void decodeFrame(input) },
  {
    name: 'record',
    seeds: [recordSeed()],
    run: (input) => {
      const message = readMessage(input, 0);
      const line = encodeMessage(message, '"offset":1,');
      must(!/[\n\r]/.test(line), 'a message on more than one line');
      JSON.parse(line);
      JSON.parse(encodeStructured(message, '0:1'));
    },
  },
  {
    name: 'scalars',
    seeds: [
      '1500ms',
      '0.5s',
      '2026-11-21T12:00:00+01:00',
      '0:15,1:20',
      '1k-2z',
      'application/json; charset=utf-8',
      'a, text/event-stream;q=1',
    ].map(bytes),
    run: (input) => {
      const said = latin(input);
      must(quoted(said).length < 500, 'a long quote');
      for (const read of [parseDuration, parseTime]) answerOrRefuse(() => must(Number.isFinite(read(said, 'x')), 'not a number'));
      answerOrRefuse(() => void decodePositions(said));
      answerOrRefuse(() => void decodeReceipt(said));
      bodyForm(said, undefined);
      isJsonType(said);
      accepts(said, 'text/event-stream');
    },
  },
];

function answerOrRefuse(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof FrameFault)) throw error;
  }
}

/** The lines as far as they are good, then the reason. */
function linesOf(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const reader = new LineReader(200, (body) => lines.push(text(body)));
  try {
    for (const chunk of chunks) reader.push(chunk);
    reader.end();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    lines.push(`refused ${error.code}`);
  }
  return lines;
}

const TOKENS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '\n',
  '\r\n',
  '\0',
  '0',
  '-',
  '1e999',
  'null',
  '\u00e4',
  '\ud800',
  '__proto__',
  '%',
  '\\u0000',
].map(bytes);
const CHANGES = { changesMax: 4, tokens: TOKENS, bytesMax: 4096 };

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const findings = new Findings('http', (error) => error instanceof Refused || error instanceof FrameFault);

/** Bytes onto real sockets of a real door, cut anywhere; afterwards it must still answer. */
async function overSockets(count: number, chance: Chance): Promise<void> {
  const host = { ...nodeHost({ logger: silentLogger }), disk: new MemoryDisk() };
  const broker = await openBroker(host, { directory: '/memory', durability: 'memory' });
  const server = await startHttp(broker, {
    machine: host,
    port: 0,
    limits: { headerMs: 500, bodyCheckMs: 500, lingerMs: 50, heartbeatMs: 200 },
  });
  const head = 'Host: localhost\r\n';
  const upgrade = `GET /v1/ws HTTP/1.1\r\n${head}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  const seeds = [
    `POST /v1/publish/a?key=k HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`,
    `POST /v1/publish/a HTTP/1.1\r\n${head}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"a":1\r\n2\r\n}\n\r\n0\r\n\r\n`,
    `PUT /v1/queues/q HTTP/1.1\r\n${head}Content-Length: 15\r\n\r\n{"leaseMs":100}`,
    `POST /v1/queues/q/receive?wait=10&max=2 HTTP/1.1\r\n${head}\r\nGET /metrics HTTP/1.1\r\n${head}\r\n`,
    `POST /v1/transactions HTTP/1.1\r\n${head}Content-Length: 88\r\n\r\n{"operations":[{"op":"publish","exchange":"","address":"q","message":{"text":"hello"}}]}`,
    `GET /v1/topics/t/stream?group=g HTTP/1.1\r\n${head}\r\n`,
    `GET /v1/subscribe/%23 HTTP/1.1\r\n${head}Last-Event-ID: 0:1\r\n\r\n`,
  ].map(bytes);
  const masked = FRAMES.map((frame) => joined(Uint8Array.of(0x81, 0xfe, frame.length >> 8, frame.length & 255, 0, 0, 0, 0), frame));
  for (let done = 0; done < count; done += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const frames = chance.below(2) === 0;
        const input = frames
          ? joined(bytes(upgrade), mutated(chance.pick(masked), masked, chance, CHANGES))
          : mutated(chance.pick(seeds), seeds, chance, CHANGES);
        await throwAt(server.port, input, chance);
      }),
    );
    const beganMs = performance.now();
    const reply = await fetch(`http://127.0.0.1:${server.port}/livez`);
    if (reply.status !== 200 || performance.now() - beganMs > 1000) throw new Error('The door no longer answers as it should.');
    await reply.text();
  }
  await server.close();
  await broker.close();
}

function throwAt(port: number, input: Uint8Array, chance: Chance): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      const cut = chance.below(input.length + 1);
      socket.write(input.subarray(0, cut));
      setTimeout(() => socket.end(input.subarray(cut)), 1);
    });
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => resolve());
    setTimeout(() => socket.destroy(), 30);
  });
}

const { values } = parseArgs({ options: { runs: { type: 'string' }, sockets: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 0xffff_ffff);
const runs = Number(values.runs ?? 1_000_000);
const sockets = Number(values.sockets ?? 2000);
const chance = new Chance(seed);
const replayed = await findings.replay(TARGETS, chance, () => Promise.reject(new Error('A file of the corpus is named after no decoder.')));
const beganMs = performance.now();
for (let i = 0; i < runs; i++) {
  const target = TARGETS[i % TARGETS.length] as Target; // never empty
  findings.tryOut(target, mutated(chance.pick(target.seeds), target.seeds, chance, CHANGES), chance);
}
const perSecond = Math.round(runs / ((performance.now() - beganMs) / 1000));
await overSockets(sockets, chance);
console.log(`http: seed ${seed}, ${replayed} replayed, ${runs} inputs (${perSecond}/s), ${sockets} sockets, ${findings.count} findings`);
process.exitCode = findings.count > 0 ? 1 : 0;
