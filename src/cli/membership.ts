/** A member of a group, by WebSocket: prints what it is given, and only then moves the group's cursors past it. */

import type { WebSocket } from 'ws';
import { WEBSOCKET_PROTOCOL } from '../wire/http/http.ts';
import type { Client } from './client.ts';
import { Failure, refusedAs } from './exits.ts';
import type { Printer } from './following.ts';
import { messagesOf, propertiesOf } from './messages.ts';
import type { Terminal } from './terminal.ts';

const SUB = 'it';
/** Most messages on their way and not yet moved past. */
const CREDIT = 1000;

export interface Member {
  readonly client: Client;
  readonly topic: string;
  readonly group: string;
  readonly from: 'earliest' | 'latest' | undefined;
}

/** Until the printer is done, or the signal ends it; then it leaves, so that others go on at once. Throws what ended it before. */
export async function memberSession(
  member: Member,
  printer: Printer,
  terminal: Terminal,
  alive: () => void,
  signal: AbortSignal,
): Promise<void> {
  const socket = await connect(member.client, signal);
  try {
    await new Conversation(socket, member, printer, terminal, alive).run(signal);
  } finally {
    socket.terminate();
    member.client.close();
  }
}

async function connect(client: Client, signal: AbortSignal): Promise<WebSocket> {
  const { WebSocket: Socket } = await import('ws');
  // The time may have been up before anything was asked.
  signal.throwIfAborted();
  const url = new URL(client.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/ws`;
  const socket = new Socket(url, WEBSOCKET_PROTOCOL, { headers: { ...client.headers }, perMessageDeflate: false });
  const giveUp = (): void => socket.terminate();
  signal.addEventListener('abort', giveUp, { once: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error) => reject(client.failureOf(error)));
    socket.once('unexpected-response', (_request, reply) => {
      // The same question without an upgrade is answered with the reason in words.
      reply.resume();
      client
        .ask('GET', '/v1/topics')
        .then(() => reject(new Failure('failed', `The broker answered ${reply.statusCode} to a WebSocket.`)), reject);
    });
  }).finally(() => signal.removeEventListener('abort', giveUp));
  return socket;
}

interface Frame {
  readonly op: string;
  readonly ref?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly reason?: string;
}

class Conversation {
  readonly #socket: WebSocket;
  readonly #member: Member;
  readonly #printer: Printer;
  readonly #terminal: Terminal;
  readonly #alive: () => void;
  readonly #end = Promise.withResolvers<void>();
  /** Nothing that was asked will be answered any more. */
  readonly #gone = Promise.withResolvers<void>();
  readonly #asked = new Map<number, () => void>();
  #nextRef = 1;
  /** Frames are heeded one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(socket: WebSocket, member: Member, printer: Printer, terminal: Terminal, alive: () => void) {
    this.#socket = socket;
    this.#member = member;
    this.#printer = printer;
    this.#terminal = terminal;
    this.#alive = alive;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { client, topic, group, from } = this.#member;
    this.#socket.on('message', (data) => {
      this.#turn = this.#turn
        .then(() => this.#heed(data as Buffer))
        .catch((error: unknown) => {
          this.#end.reject(error);
          this.#gone.resolve();
        });
    });
    this.#socket.once('error', (error) => this.#end.reject(client.failureOf(error)));
    this.#socket.once('close', () => {
      const gone = new Failure('unreachable', 'The broker ended the connection.');
      this.#gone.resolve();
      this.#turn.finally(() => this.#end.reject(gone));
    });
    const stop = (): void => this.#end.resolve();
    signal.addEventListener('abort', stop, { once: true });
    const interrupted = interruption(stop);
    // It says so once: who comes to hear of it later would wait for ever.
    if (signal.aborted) stop();
    try {
      this.#send({ op: 'subscribe', ref: 0, sub: SUB, topic, group, credit: CREDIT, ...(from === undefined ? {} : { from }) });
      await this.#end.promise;
      await this.#turn;
      await this.#leave();
    } finally {
      interrupted.forget();
      signal.removeEventListener('abort', stop);
    }
    interrupted.obey();
  }

  async #heed(bytes: Buffer): Promise<void> {
    const frame = JSON.parse(bytes.toString('utf8')) as Frame;
    switch (frame.op) {
      case 'messages':
        return this.#messages(messagesOf(bytes));
      case 'done':
        if (frame.ref === 0) this.#alive();
        return this.#answered(frame.ref);
      case 'error':
        if (frame.code !== 'stale') throw refusedAs(frame.code ?? 'internal', frame.detail ?? '');
        this.#terminal.warn(`${frame.detail} Another member may get these messages, too.`);
        return this.#answered(frame.ref);
      case 'ended':
        throw new Failure('refused', `The broker ended the subscription: ${frame.reason}`);
      case 'end':
        throw new Failure('unreachable', `The broker ended the connection: ${frame.reason}`);
      default:
        return undefined; // which partitions are this member's, and which no longer
    }
  }

  async #messages(messages: readonly Uint8Array[]): Promise<void> {
    if (this.#printer.isDone) return;
    const dealt = await this.#printer.take(messages);
    const reached = new Map<number, number>();
    for (const message of messages.slice(0, dealt)) {
      const { partition = 0, offset = 0 } = propertiesOf(message);
      reached.set(partition, offset);
    }
    const moves = [...reached].map(([partition, offset]) => this.#ask({ op: 'move', sub: SUB, partition, offset }));
    if (!this.#printer.isDone) return;
    // Only once the cursors are safe is it done: whoever comes next must not see these messages again.
    void Promise.all(moves).then(() => this.#end.resolve());
  }

  async #leave(): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    await Promise.race([this.#gone.promise, this.#ask({ op: 'unsubscribe', sub: SUB })]);
  }

  /** Resolves when it was answered. */
  #ask(frame: object): Promise<void> {
    const ref = this.#nextRef++;
    this.#send({ ...frame, ref });
    return new Promise((resolve) => this.#asked.set(ref, resolve));
  }

  #answered(ref: number | undefined): void {
    if (ref === undefined) return;
    this.#asked.get(ref)?.();
    this.#asked.delete(ref);
  }

  #send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }
}

/** A signal first lets the member leave, and then does what signals do. */
function interruption(stop: () => void): { forget(): void; obey(): void } {
  let came: NodeJS.Signals | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    came = signal;
    stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, hear);
  return {
    forget: () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, hear);
    },
    obey: () => {
      if (came !== undefined) process.kill(process.pid, came);
    },
  };
}
