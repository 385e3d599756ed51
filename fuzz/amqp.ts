/**
 * Fuzzes everything of AMQP that a stranger's bytes reach: `node fuzz/amqp.ts [--runs 1000000] [--seed N]`. So many inputs go to
 * the codec, and as many to sessions in front of a real broker, each with a conversation that was damaged and cut anywhere. A decoder may answer or
 * refuse; a session may end its connection with a fault that is the client's. Anything else thrown or logged, output that is no AMQP, a
 * bystander that is not served, or more than 50 ms, is a finding: it is saved to fuzz/corpus/amqp, which every run replays first.
 */

import { parseArgs } from 'node:util';
import { openBroker } from '../src/broker/broker.ts';
import { MemoryDisk } from '../src/host/memory-disk.ts';
import { nodeHost } from '../src/host/node-host.ts';
import { Refused } from '../src/model/refusal.ts';
import { Door } from '../src/servers/amqp/door.ts';
import { AMQP_LIMITS } from '../src/servers/amqp/limits.ts';
import { Session } from '../src/servers/amqp/session.ts';
import { Attempts } from '../src/servers/attempts.ts';
import {
  AMQP_LANGUAGE,
  decodeEntries,
  decodeMethod,
  encodeMethod,
  FRAME,
  FrameReader,
  PropertyScan,
  propertiesOf,
  WireFault,
} from '../src/wire/amqp/amqp.ts';
import { frame, GREETING, header, method } from '../test/doors/amqp/raw.ts';
import { Chance, cut, mutated } from './kit/chance.ts';
import { Findings, type Target } from './kit/findings.ts';

const CHANGES = { changesMax: 4 };

const table = new Map<string, string | number | boolean>([
  ['x-match', 'all'],
  ['CC', 'x'],
  ['x-max-length', 3],
  ['yes', true],
]);
const publish = (routingKey: string, mandatory: boolean, exchange = ''): Buffer =>
  method(1, 'basic.publish', { ticket: 0, exchange, routingKey, mandatory, immediate: false });
const properties = propertiesOf({
  exchange: '',
  address: 'q',
  timestampMs: 1,
  id: 'id',
  replyTo: 'r',
  priority: 3,
  ttlMs: 5000,
  headers: new Map<string, string | readonly string[]>([
    ['CC', ['q']],
    ['BCC', ['q']],
    ['h', 'v'],
  ]),
  body: new Uint8Array(0),
});

/** What clients say once their channel is open. */
const SAID: readonly Buffer[] = [
  method(1, 'queue.declare', {
    ticket: 0,
    queue: 'q',
    passive: false,
    durable: true,
    exclusive: false,
    autoDelete: false,
    nowait: false,
    arguments: new Map(),
  }),
  method(1, 'queue.declare', {
    ticket: 0,
    queue: '',
    passive: false,
    durable: false,
    exclusive: true,
    autoDelete: true,
    nowait: false,
    arguments: table,
  }),
  method(1, 'exchange.declare', {
    ticket: 0,
    exchange: 'e',
    type: 'headers',
    passive: false,
    durable: true,
    autoDelete: false,
    internal: false,
    nowait: false,
    arguments: table,
  }),
  method(1, 'queue.bind', { ticket: 0, queue: 'q', exchange: 'e', routingKey: 'k', nowait: false, arguments: table }),
  method(1, 'queue.purge', { ticket: 0, queue: 'q', nowait: false }),
  method(1, 'basic.qos', { prefetchSize: 0, prefetchCount: 5, global: true }),
  method(1, 'basic.consume', {
    ticket: 0,
    queue: 'q',
    consumerTag: 't',
    noLocal: false,
    noAck: false,
    exclusive: false,
    nowait: false,
    arguments: table,
  }),
  method(1, 'basic.get', { ticket: 0, queue: 'q', noAck: false }),
  method(1, 'basic.ack', { deliveryTag: 1, multiple: true }),
  method(1, 'basic.nack', { deliveryTag: 1, multiple: true, requeue: true }),
  method(1, 'basic.reject', { deliveryTag: 1, requeue: false }),
  method(1, 'basic.recover', { requeue: true }),
  method(1, 'confirm.select', { nowait: false }),
  method(1, 'tx.select', {}),
  method(1, 'tx.commit', {}),
  method(1, 'tx.rollback', {}),
  Buffer.concat([publish('q', false), header(1, 5), frame(FRAME.body, 1, Buffer.from('hello'))]),
  Buffer.concat([
    publish('q', true),
    header(1, 5, properties),
    frame(FRAME.body, 1, Buffer.from('he')),
    frame(FRAME.body, 1, Buffer.from('llo')),
  ]),
  Buffer.concat([publish('nobody', true, 'amq.topic'), header(1, 0, properties)]),
  method(1, 'basic.cancel', { consumerTag: 't', nowait: false }),
  method(1, 'queue.delete', { ticket: 0, queue: 'q', ifUnused: false, ifEmpty: false, nowait: false }),
  method(2, 'channel.open', { reserved1: '' }),
  method(1, 'channel.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 }),
  method(1, 'channel.close-ok', {}),
  method(0, 'connection.close-ok', {}),
  frame(FRAME.heartbeat, 0, new Uint8Array(0)),
];

const START_OK = method(0, 'connection.start-ok', {
  clientProperties: new Map([['capabilities', new Map([['consumer_cancel_notify', true]])]]),
  mechanism: 'PLAIN',
  response: Buffer.from('\0guest\0guest'),
  locale: 'en_US',
});
const OPENING = Buffer.concat([
  method(0, 'connection.tune-ok', { channelMax: 10, frameMax: 4096, heartbeat: 0 }),
  method(0, 'connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
  method(1, 'channel.open', { reserved1: '' }),
]);

const payloads = SAID.map((said) => said.subarray(7, -1));
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const CODEC: readonly Target[] = [
  {
    name: 'method',
    seeds: [...payloads, START_OK.subarray(7, -1)],
    run: (input) => {
      const { name, args } = decodeMethod(input);
      // A tag beyond 2^53 is read for what it is, an unknown one, and never written.
      if ('deliveryTag' in args && args.deliveryTag > Number.MAX_SAFE_INTEGER) return;
      const again = decodeMethod(encodeMethod(name, args as never));
      if (again.name !== name) throw new Error(`${name} came back as ${again.name}`);
    },
  },
  { name: 'table', seeds: payloads.map((payload) => payload.subarray(-40)), run: (input) => void decodeEntries(input) },
  {
    name: 'properties',
    seeds: [properties],
    run: (input) => {
      const scan = new PropertyScan();
      scan.scan(input, viewOf(input), 0, input.length);
      scan.headers();
    },
  },
  {
    name: 'record',
    seeds: [Buffer.concat([Buffer.alloc(8), Buffer.from([1, 120, 1, 107]), properties])],
    run: (input) => void AMQP_LANGUAGE.read(input, new Uint8Array(0)),
  },
];

const findings = new Findings('amqp', (error) => error instanceof WireFault || error instanceof Refused);
const logged: string[] = [];
const host = {
  ...nodeHost({
    logger: {
      info: () => undefined,
      warn: () => undefined,
      error: (event, fields) => void logged.push(`${event} ${JSON.stringify(fields)}`),
    },
  }),
  disk: new MemoryDisk(),
};
const broker = await openBroker(host, { directory: '/memory', durability: 'memory', languages: [AMQP_LANGUAGE] });
const limits = { ...AMQP_LIMITS, handshakeMs: 100_000, unfinishedBytesMax: 100_000 };
const door = new Door(broker, host, limits, new Map([[AMQP_LANGUAGE.number, AMQP_LANGUAGE]]), new Attempts(host.clock, 20, 60_000));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A session whose client is this program. */
class Talk {
  readonly session: Session;
  readonly heard: string[] = [];
  sentBytes = 0;

  constructor() {
    const reader = new FrameReader(
      {
        deaf: false,
        greeting: () => undefined,
        frame: (type, _channel, bytes, _view, start, end) => {
          if (type === FRAME.method) this.heard.push(decodeMethod(bytes.subarray(start, end)).name);
        },
      },
      1 << 20,
    );
    reader.push(GREETING);
    this.session = new Session(
      door,
      {
        full: false,
        hold: () => undefined,
        release: () => undefined,
        whenRoom: (fn) => fn(),
        end: () => undefined,
        send: (chunks) => {
          for (const { chunk, length } of chunks) {
            this.sentBytes += length;
            // The answer to a wrong greeting is no frame.
            if (chunk.toString('latin1', 0, 4) !== 'AMQP') reader.push(Buffer.from(chunk.subarray(0, length)));
            door.chunks.give(chunk);
          }
        },
      },
      { address: '127.0.0.1', isLoopback: true, certificateName: undefined },
    );
  }

  /** In pieces, when there is chance. */
  say(bytes: Buffer, chance: Chance | undefined): void {
    for (const piece of chance === undefined ? [bytes] : cut(bytes, chance)) this.session.receive(Buffer.from(piece));
  }
}

/** One damaged conversation: what is said after the opening, or the opening itself. */
async function converse(input: Buffer, damagedOpening: boolean, chance: Chance | undefined): Promise<void> {
  logged.length = 0;
  const talk = new Talk();
  try {
    if (damagedOpening) talk.say(input, chance);
    else {
      talk.say(Buffer.concat([GREETING, START_OK]), undefined);
      await turn();
      talk.say(OPENING, undefined);
      talk.say(input, chance);
    }
    await turn();
    await turn();
    if (talk.sentBytes > 1_000_000) throw new Error(`It was sent ${talk.sentBytes} bytes.`);
  } catch (error) {
    findings.found('session', input, error);
  }
  await talk.session.closed();
  if (logged.length > 0) findings.found('session', input, new Error(logged.join('\n')));
}

async function bystander(): Promise<void> {
  const talk = new Talk();
  talk.say(Buffer.concat([GREETING, START_OK]), undefined);
  await turn();
  talk.say(OPENING, undefined);
  talk.say(method(1, 'confirm.select', { nowait: false }), undefined);
  talk.say(Buffer.concat([publish('nobody', false), header(1, 0)]), undefined);
  for (let i = 0; i < 5; i++) await turn();
  await talk.session.closed();
  if (!talk.heard.includes('basic.ack')) throw new Error(`A bystander heard only: ${talk.heard.join(', ')}`);
}

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 0xffff_ffff);
const runs = Number(values.runs ?? 1_000_000);
const chance = new Chance(seed);
const replayed = await findings.replay(CODEC, chance, async (input) => {
  await converse(input, true, undefined);
  await converse(input, false, undefined);
});
const beganMs = performance.now();
const opening = Buffer.concat([GREETING, START_OK, OPENING]);
for (let i = 0; i < runs; i++) {
  const target = chance.pick(CODEC);
  findings.tryOut(target, mutated(chance.pick(target.seeds), target.seeds, chance, CHANGES), chance);
  const damagedOpening = chance.below(10) === 0;
  const said = damagedOpening ? opening : Buffer.concat(Array.from({ length: 1 + chance.below(6) }, () => chance.pick(SAID)));
  await converse(mutated(said, SAID, chance, CHANGES), damagedOpening, chance);
  if (i % 10_001 === 0) await bystander();
}
const perSecond = Math.round(runs / ((performance.now() - beganMs) / 1000));
await bystander();
await broker.close();
console.log(`amqp: seed ${seed}, ${replayed} replayed, ${runs} inputs and as many sessions (${perSecond}/s), ${findings.count} findings`);
process.exitCode = findings.count > 0 ? 1 : 0;
