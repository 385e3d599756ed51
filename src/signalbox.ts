/** The door of the package: `open` a broker in this process, durable in a directory or in memory, and hand out its TypeScript face. */

import { type EventMap, type SchemaOptions, Signalbox } from './api/api.ts';
import { type BrokerOptions, openBroker } from './broker/broker.ts';
import type { Host } from './host/host.ts';
import { MemoryDisk } from './host/memory-disk.ts';
import { nodeHost } from './host/node-host.ts';
import { silentLogger } from './host/text-logger.ts';

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

/**
 * Opens a broker in this process. With a directory everything confirmed is safe on disk there; without one it lives in memory only.
 * Rejects with `Refused`: `locked` (another process has the directory), `damaged`, `format` (written by a newer version).
 */
export async function open<Events extends EventMap = EventMap>(directory?: string, options: OpenOptions = {}): Promise<Signalbox<Events>> {
  const { host = nodeHost({ logger: silentLogger }), schemas, unique, ...rest } = options;
  const engine =
    directory === undefined
      ? await openBroker({ ...host, disk: new MemoryDisk() }, { durability: 'memory', ...rest, directory: '/memory' })
      : await openBroker(host, { ...rest, directory });
  return new Signalbox<Events>(engine, { ...(schemas && { schemas }), ...(unique && { unique }) });
}
