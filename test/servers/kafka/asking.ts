/** A broker in memory with its Kafka door, and a client that says just what a test wants it to say. */

import { connect, type Socket } from 'node:net';
import { type Broker, openBroker } from '../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { type KafkaOptions, startKafka } from '../../../src/servers/kafka/kafka.ts';
import { type Api, encodeRequest, FrameCutter, KAFKA, readResponse } from '../../../src/wire/kafka/kafka.ts';

interface Ends {
  after(fn: () => Promise<void>): void;
}

/** A response as plain data: what a test looks at it says itself. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of all kinds
export type Answer = any;

export class Client {
  readonly #socket: Socket;
  readonly #waiting = new Map<
    number,
    { readonly api: Api; readonly version: number; readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }
  >();
  /** Correlation numbers in the order answers came. */
  readonly order: number[] = [];
  readonly closed: Promise<void>;
  #next = 1;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const cutter = new FrameCutter(100_000_000, (frame) => this.#answered(frame));
    this.#socket.on('data', (chunk: Buffer) => cutter.push(new Uint8Array(chunk)));
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new Error('The connection was closed.'));
        resolve();
      });
    });
  }

  ask(api: Api, version: number, request: unknown): Promise<Answer> {
    const correlation = this.#next++;
    const asked = new Promise<Answer>((resolve, reject) => this.#waiting.set(correlation, { api, version, resolve, reject }));
    this.send(encodeRequest(api, version, correlation, 'test', request));
    return asked;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.destroy();
  }

  #answered(frame: Uint8Array): void {
    const correlation = new DataView(frame.buffer, frame.byteOffset).getInt32(0);
    const waiting = this.#waiting.get(correlation);
    this.#waiting.delete(correlation);
    this.order.push(correlation);
    waiting?.resolve(readResponse(frame, waiting.api, waiting.version).body);
  }
}

export interface Asked {
  readonly engine: Broker;
  readonly port: number;
  client(): Client;
}

export async function asked(t: Ends, options: Partial<KafkaOptions> = {}): Promise<Asked> {
  const machine = { ...nodeHost(), disk: new MemoryDisk(), logger: silentLogger };
  const engine = await openBroker(machine, { directory: '/kafka', languages: [KAFKA] });
  const server = await startKafka(engine, { machine, port: 0, ...options });
  const clients: Client[] = [];
  t.after(async () => {
    for (const client of clients) client.end();
    await server.close();
    await engine.close();
  });
  return {
    engine,
    port: server.port,
    client: () => {
      const client = new Client(server.port);
      clients.push(client);
      return client;
    },
  };
}
