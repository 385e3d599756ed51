/** Ten thousand connections at each door: what one costs in memory, how long each waits when all speak; and 65,535 channels on one connection. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeHost } from '../src/host/node-host.ts';
import { silentLogger } from '../src/host/text-logger.ts';
import { startAmqp } from '../src/servers/amqp/amqp.ts';
import { startHttp } from '../src/servers/http/http.ts';
import { startKafka } from '../src/servers/kafka/kafka.ts';
import { open } from '../src/signalbox.ts';
import { decodeMethod, FRAME, FrameReader, type MethodName } from '../src/wire/amqp/amqp.ts';
import { API_VERSIONS, encodeRequest, PRODUCE } from '../src/wire/kafka/kafka.ts';
import { frame, GREETING, header, method } from '../test/doors/amqp/raw.ts';
import { batchOf } from '../test/wire/kafka/batches.ts';
import { pause } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';
import { memoryMiB } from './servers.ts';

const CONNECTIONS = 10_000;
const CHANNELS = 65_535;
/** So many connect at a time. */
const AT_ONCE = 200;
const PERSISTENT = Buffer.from([0x10, 0, 2]);

type DoorName = 'amqp' | 'kafka' | 'http';

/** A connection that has said hello, and can speak. */
interface Spoken {
  readonly socket: Socket;
  /** Says one message; resolves when it is answered. */
  speak(): Promise<void>;
}

export async function connections({ args }: BenchOptions): Promise<Figures> {
  const count = args.includes('--quick') ? 1000 : CONNECTIONS;
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const figures: Record<string, number | string> = {};
  try {
    for (const door of ['amqp', 'kafka', 'http'] as const) Object.assign(figures, await many(door, count, `${directory}/${door}`));
    Object.assign(figures, await channels(args.includes('--quick') ? 2047 : CHANNELS, `${directory}/channels`));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return figures;
}

async function many(door: DoorName, count: number, directory: string): Promise<Figures> {
  const { port, pid, server } = await serving(door, directory);
  const spoken: Spoken[] = [];
  try {
    const before = memoryMiB(pid);
    const beganMs = performance.now();
    while (spoken.length < count)
      spoken.push(...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - spoken.length) }, () => HELLO[door](port)))));
    const connectedMs = performance.now() - beganMs;
    await pause(1000);
    const idle = memoryMiB(pid);
    const first = await all(spoken);
    const second = await all(spoken);
    return {
      [`${door}: connections`]: count,
      [`${door}: connected per second`]: count / (connectedMs / 1000),
      [`${door}: KiB of memory for each, idle`]: ((idle - before) * 1024) / count,
      [`${door}: all speak once, ms`]: first.ms,
      [`${door}: once more, ms`]: second.ms,
      [`${door}: the slowest answer, ms`]: second.slowest,
      [`${door}: KiB of memory for each, after that`]: ((memoryMiB(pid) - before) * 1024) / count,
    };
  } finally {
    for (const { socket } of spoken) socket.destroy();
    await end(server);
  }
}

async function all(spoken: readonly Spoken[]): Promise<{ readonly ms: number; readonly slowest: number }> {
  const beganMs = performance.now();
  const waits = await Promise.all(spoken.map((one) => one.speak().then(() => performance.now() - beganMs)));
  return { ms: performance.now() - beganMs, slowest: waits.reduce((a, b) => Math.max(a, b), 0) };
}

/** One connection with as many channels as can be agreed on, each of which publishes a message that is confirmed. */
async function channels(count: number, directory: string): Promise<Figures> {
  const { port, pid, server } = await serving('amqp', directory);
  const client = new AmqpClient(port);
  try {
    await client.open(count);
    const before = memoryMiB(pid);
    const openedMs = await timed(async () => {
      for (let id = 1; id <= count; id++) client.say(method(id, 'channel.open', { reserved1: '' }));
      await client.hears('channel.open-ok', count);
    });
    const confirmedMs = await timed(async () => {
      for (let id = 1; id <= count; id++) client.say(method(id, 'confirm.select', { nowait: false }));
      await client.hears('confirm.select-ok', count);
    });
    const publishedMs = await timed(async () => {
      for (let id = 1; id <= count; id++) client.say(...message(id));
      await client.hears('basic.ack', count);
    });
    const memory = ((memoryMiB(pid) - before) * 1024) / count;
    const oneMs = await timed(async () => {
      client.say(...message(count));
      await client.hears('basic.ack', count + 1);
    });
    return {
      'amqp: channels on one connection': count,
      'amqp: us to open a channel': (openedMs * 1000) / count,
      'amqp: us to have its confirms': (confirmedMs * 1000) / count,
      'amqp: us for each to publish once and be confirmed': (publishedMs * 1000) / count,
      'amqp: KiB of memory for each channel': memory,
      'amqp: ms for one more publish on the last of them': oneMs,
    };
  } finally {
    client.socket.destroy();
    await end(server);
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

function message(channel: number): Buffer[] {
  return [
    method(channel, 'basic.publish', { ticket: 0, exchange: '', routingKey: 'q', mandatory: false, immediate: false }),
    header(channel, 5, PERSISTENT),
    frame(FRAME.body, channel, Buffer.from('hello')),
  ];
}

/** Counts what it hears. */
class AmqpClient {
  readonly socket: Socket;
  readonly #counts = new Map<MethodName, number>();
  #waiting: { readonly name: MethodName; readonly count: number; readonly resolve: () => void } | undefined;
  #out: Buffer[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => undefined); // its server is ended at last
    const reader = new FrameReader(
      {
        deaf: false,
        greeting: () => undefined,
        frame: (type, _channel, bytes, _view, start, end) => {
          if (type === FRAME.method) this.#heard(decodeMethod(bytes.subarray(start, end)).name);
        },
      },
      1 << 20,
    );
    reader.push(GREETING);
    this.socket.on('data', (bytes: Buffer) => reader.push(bytes));
  }

  #heard(name: MethodName): void {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    if (name === 'connection.close' || name === 'channel.close') throw new Error(`The server says ${name}.`);
    if (this.#waiting?.name === name && count >= this.#waiting.count) this.#waiting.resolve();
  }

  say(...frames: readonly Buffer[]): void {
    if (this.#out.length === 0) setImmediate(() => this.#flush());
    this.#out.push(...frames);
  }

  #flush(): void {
    this.socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }

  hears(name: MethodName, count = (this.#counts.get(name) ?? 0) + 1): Promise<void> {
    if ((this.#counts.get(name) ?? 0) >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { name, count, resolve };
    });
  }

  async open(channelMax: number): Promise<void> {
    this.say(GREETING);
    await this.hears('connection.start', 1);
    const start = { clientProperties: new Map(), mechanism: 'PLAIN', response: Buffer.from('\0guest\0guest'), locale: 'en_US' };
    this.say(method(0, 'connection.start-ok', start));
    await this.hears('connection.tune', 1);
    this.say(
      method(0, 'connection.tune-ok', { channelMax, frameMax: 131_072, heartbeat: 0 }),
      method(0, 'connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
    );
    await this.hears('connection.open-ok', 1);
  }
}

/** Each says hello until it could publish. */
const HELLO: Readonly<Record<DoorName, (port: number) => Promise<Spoken>>> = {
  amqp: async (port) => {
    const client = new AmqpClient(port);
    await client.open(10);
    client.say(method(1, 'channel.open', { reserved1: '' }), method(1, 'confirm.select', { nowait: false }));
    await client.hears('confirm.select-ok', 1);
    return {
      socket: client.socket,
      speak: () => {
        const acked = client.hears('basic.ack');
        client.say(...message(1));
        return acked;
      },
    };
  },
  kafka: async (port) => {
    const request = { clientSoftwareName: 'bench', clientSoftwareVersion: '1' };
    const records = batchOf([{ value: 'hello' }]);
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }];
    const produce = encodeRequest(PRODUCE, 7, 2, 'bench', { acks: -1, timeoutMs: 10_000, topicData });
    return asking(
      port,
      encodeRequest(API_VERSIONS, 3, 1, 'bench', request),
      produce,
      (heard) => heard.length >= 4 && heard.length >= 4 + heard.readInt32BE(0),
    );
  },
  http: (port) => {
    const head = `Host: 127.0.0.1:${port}\r\n`;
    const hello = `GET /health HTTP/1.1\r\n${head}\r\n`;
    const publish = `POST /v1/queues/q/messages HTTP/1.1\r\n${head}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello`;
    return asking(port, Buffer.from(hello), Buffer.from(publish), isWholeHttp);
  },
};

function isWholeHttp(heard: Buffer): boolean {
  const text = heard.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  if (end < 0) return false;
  return length === undefined ? text.endsWith('0\r\n\r\n') : heard.length >= end + 4 + Number(length);
}

/** A connection on which one question follows another. */
async function asking(port: number, hello: Uint8Array, question: Uint8Array, isWhole: (heard: Buffer) => boolean): Promise<Spoken> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let heard = Buffer.alloc(0);
  let answered: (() => void) | undefined;
  socket.on('error', () => undefined); // its server is ended at last
  socket.on('data', (bytes: Buffer) => {
    heard = Buffer.concat([heard, bytes]);
    if (!isWhole(heard)) return;
    heard = Buffer.alloc(0);
    answered?.();
  });
  const ask = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      answered = resolve;
      socket.write(bytes);
    });
  await once(socket, 'connect');
  await ask(hello);
  return { socket, speak: () => ask(question) };
}

async function serving(
  door: DoorName,
  directory: string,
): Promise<{ readonly port: number; readonly pid: number; readonly server: ChildProcess }> {
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), door, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
  return { port: Number(line), pid: server.pid ?? 0, server };
}

async function end(server: ChildProcess): Promise<void> {
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
}

/** The server's side, in a process of its own. */
async function serve(door: DoorName, directory: string): Promise<void> {
  const machine = nodeHost({ logger: silentLogger });
  const box = await open(directory, { durability: 'fsync' });
  await box.declareQueue('q');
  await box.declareTopic('t', { partitions: 1 });
  const limits = { connectionsMax: 20_000 };
  const options = { machine, port: 0, limits };
  const idle = { ...limits, idleMs: 600_000 };
  const server =
    door === 'amqp'
      ? await startAmqp(box.engine, { ...options, limits: { ...limits, channelMax: CHANNELS } })
      : door === 'kafka'
        ? await startKafka(box.engine, options)
        : await startHttp(box.engine, { ...options, limits: idle });
  console.log(server.port);
}

const [, script, door = '', directory = ''] = process.argv;
if (script === fileURLToPath(import.meta.url)) await serve(door as DoorName, directory);
