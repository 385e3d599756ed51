/** The door of the package: `open` a broker in this process, durable in a directory or in memory, and hand out its TypeScript face. */

import { type EventMap, type SchemaOptions, Signalbox } from './api/api.ts';
import { type BrokerOptions, openBroker } from './broker/broker.ts';
import type { Host } from './host/host.ts';
import { MemoryDisk } from './host/memory-disk.ts';
import { nodeHost } from './host/node-host.ts';
import { silentLogger } from './host/text-logger.ts';
import type { Language } from './model/record.ts';

export {
  Batch,
  type ConsumeOptions,
  type Duration,
  type EventMap,
  type From,
  type HandleOptions,
  type ListenOptions,
  type MessageOptions,
  milliseconds,
  type Place,
  type PublishOptions,
  QueueHandle,
  Received,
  type RespondOptions,
  type Running,
  Signalbox,
  type SubscribeOptions,
  TopicEvent,
  TopicHandle,
  type TopicHandleOptions,
  TopicSubscription,
  Transaction,
  type ValueOf,
} from './api/api.ts';
export { type Broker, type BrokerOptions, openBroker } from './broker/broker.ts';
export type * from './model/declaration.ts';
export type * from './model/engine.ts';
export type { Headers, HeaderValue, Message } from './model/message.ts';
export { type Refusal, type RefusalCode, Refused } from './model/refusal.ts';

export interface OpenOptions extends Omit<BrokerOptions, 'directory'>, SchemaOptions {
  /** The machine; a simulated one in tests. Default: this one. */
  readonly host?: Host;
}

/** A broker without a directory takes at most this much; then it refuses publishes until something has been consumed. */
const MEMORY_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** In memory the journal is the store: it is tidied often, and needs no second copy of its end. */
const IN_MEMORY: Partial<BrokerOptions> = { durability: 'memory', cacheBytes: 0, upkeep: { checkpointBytes: 64 * 1024 * 1024 } };

/**
 * Opens a broker in this process. With a directory everything confirmed is safe on disk there; without one it lives in memory only.
 * Rejects with `Refused`: `locked` (another process has the directory), `damaged`, `format` (written by a newer version).
 */
export async function open<Events extends EventMap = EventMap>(directory?: string, options: OpenOptions = {}): Promise<Signalbox<Events>> {
  const { host = nodeHost({ logger: silentLogger }), schemas, unique, ...given } = options;
  const languages = given.languages ?? (directory === undefined ? [] : await languagesOfDoors());
  const rest = { ...given, languages };
  const engine =
    directory === undefined
      ? await openBroker(
          { ...host, disk: new MemoryDisk({ capacityBytes: MEMORY_BYTES_MAX }) },
          { ...IN_MEMORY, ...rest, directory: '/memory' },
        )
      : await openBroker(host, { ...rest, directory });
  return new Signalbox<Events>(engine, { languages, ...(schemas && { schemas }), ...(unique && { unique }) });
}

/** Doors may have been open in a directory before: what came in by them is read here, too. */
async function languagesOfDoors(): Promise<readonly Language[]> {
  const [{ AMQP_LANGUAGE }, { KAFKA }] = await Promise.all([import('./wire/amqp/amqp.ts'), import('./wire/kafka/kafka.ts')]);
  return [AMQP_LANGUAGE, KAFKA];
}
