/** A broker in memory with its Kafka door open on a free port, for one test. */

import { openBroker } from '../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { type KafkaOptions, startKafka } from '../../../src/servers/kafka/kafka.ts';
import { KAFKA } from '../../../src/wire/kafka/kafka.ts';

/** What a test context has that ends with the test. */
interface Ends {
  after(fn: () => Promise<void>): void;
}

export interface Opened {
  /** What is to happen before the door closes, the last first. */
  after(fn: () => Promise<void>): void;
  readonly engine: Engine;
  readonly port: number;
  readonly broker: string;
  close(): Promise<void>;
}

/** `disk`: what an earlier one has left, to be opened again. */
export async function opened(t: Ends, options: Partial<KafkaOptions> = {}, disk: MemoryDisk = new MemoryDisk()): Promise<Opened> {
  const machine = { ...nodeHost(), disk, logger: silentLogger };
  const engine = await openBroker(machine, { directory: '/kafka', languages: [KAFKA] });
  const server = await startKafka(engine, { machine, port: 0, ...options });
  const ends: (() => Promise<void>)[] = [];
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= server.close().then(() => engine.close());
    return closed;
  };
  t.after(async () => {
    for (const end of ends.reverse()) await end();
    await close();
  });
  return { after: (fn) => ends.push(fn), engine, port: server.port, broker: `127.0.0.1:${server.port}`, close };
}
