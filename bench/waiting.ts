/** A million messages that nobody takes, published over AMQP: the memory they cost here and in RabbitMQ's classic queue, each server fresh. */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { decodeMethod, FRAME, FrameReader } from '../src/wire/amqp/amqp.ts';
import { frame, GREETING, header, method } from '../test/doors/amqp/raw.ts';
import { pause } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';
import { memoryMiB, rabbitmq, type Served, signalbox } from './servers.ts';

const MESSAGES = 1_000_000;
const BODY_BYTES = 100;
/** In one piece, and confirmed before there are five more of them. */
const PIECE = 1000;
const PIECES_AHEAD = 4;
const PERSISTENT = Buffer.from([0x10, 0, 2]);

export async function waiting({ args }: BenchOptions): Promise<Figures> {
  const count = args.includes('--quick') ? MESSAGES / 10 : MESSAGES;
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const figures: Record<string, number | string> = { messages: count };
  const more: number[] = [];
  try {
    for (const [name, start] of [
      ['signalbox', () => signalbox(directory, 'amqp')],
      ['RabbitMQ', () => rabbitmq(directory)],
    ] as const) {
      const server = await start();
      if (server === undefined) return { ...figures, [name]: 'not installed' };
      try {
        const { idle, filled, seconds } = await fill(server, count);
        figures[`${name}: MiB idle`] = idle;
        figures[`${name}: MiB with all waiting`] = filled;
        figures[`${name}: messages/s while filling`] = count / seconds;
        more.push(filled - idle);
      } finally {
        await server.stop();
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const [ours = 0, theirs = 0] = more;
  return { ...figures, 'signalbox: MiB more': ours, 'RabbitMQ: MiB more': theirs, 'times less memory': theirs / Math.max(0.1, ours) };
}

interface Filled {
  readonly idle: number;
  readonly filled: number;
  readonly seconds: number;
}

async function fill({ port, pid }: Served, count: number): Promise<Filled> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const filler = new Filler(socket);
  await filler.open();
  await pause(1000);
  const idle = memoryMiB(pid);
  const beganMs = performance.now();
  await filler.publish(count);
  const seconds = (performance.now() - beganMs) / 1000;
  await pause(3000);
  const filled = memoryMiB(pid);
  socket.destroy();
  return { idle, filled, seconds };
}

/** Publishes to a durable queue with confirms, by raw frames. */
class Filler {
  readonly #socket: Socket;
  readonly #heard = new Map<string, () => void>();
  #confirmed = 0;
  #woken: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader(
      {
        deaf: false,
        greeting: () => undefined,
        frame: (type, _channel, bytes, _view, start, end) => {
          if (type !== FRAME.method) return;
          const { name, args } = decodeMethod(bytes.subarray(start, end));
          if (name === 'basic.ack') this.#acked(args.deliveryTag, args.multiple);
          else if (name.endsWith('.close')) throw new Error(`The server says ${JSON.stringify(args)}.`);
          else this.#heard.get(name)?.();
        },
      },
      1 << 20,
    );
    reader.push(GREETING);
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
  }

  /** Single ones may come in any order: only how many is counted, which a multiple one says outright. */
  #acked(tag: number, multiple: boolean): void {
    this.#confirmed = multiple ? Math.max(this.#confirmed, tag) : this.#confirmed + 1;
    this.#woken();
  }

  #hears(name: string): Promise<void> {
    return new Promise((resolve) => this.#heard.set(name, resolve));
  }

  async #ask(name: string, ...frames: readonly Buffer[]): Promise<void> {
    const heard = this.#hears(name);
    this.#socket.write(Buffer.concat(frames));
    await heard;
  }

  async open(): Promise<void> {
    await this.#ask('connection.start', GREETING);
    const start = { clientProperties: new Map(), mechanism: 'PLAIN', response: Buffer.from('\0guest\0guest'), locale: 'en_US' };
    await this.#ask('connection.tune', method(0, 'connection.start-ok', start));
    await this.#ask(
      'channel.open-ok',
      method(0, 'connection.tune-ok', { channelMax: 10, frameMax: 131_072, heartbeat: 0 }),
      method(0, 'connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
      method(1, 'channel.open', { reserved1: '' }),
    );
    const queue = { ticket: 0, queue: 'waiting', passive: false, durable: true, exclusive: false, autoDelete: false, nowait: false };
    await this.#ask('queue.declare-ok', method(1, 'queue.declare', { ...queue, arguments: new Map() }));
    await this.#ask('confirm.select-ok', method(1, 'confirm.select', { nowait: false }));
  }

  async publish(count: number): Promise<void> {
    const one = [
      method(1, 'basic.publish', { ticket: 0, exchange: '', routingKey: 'waiting', mandatory: false, immediate: false }),
      header(1, BODY_BYTES, PERSISTENT),
      frame(FRAME.body, 1, Buffer.alloc(BODY_BYTES, 'x')),
    ];
    const piece = Buffer.concat(Array.from({ length: PIECE }, () => one).flat());
    for (let sent = 0; this.#confirmed < count; ) {
      while (sent < count && sent - this.#confirmed < PIECES_AHEAD * PIECE) {
        this.#socket.write(piece);
        sent += PIECE;
      }
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
    }
  }
}
