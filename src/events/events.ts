/** The room's door: an event queue for many threads, and an event bus for one. */

export type { AddOptions, Answer, Duplicates } from './answer.ts';
export {
  type BusOptions,
  type BusSubscribeOptions,
  type BusSubscription,
  EventBus,
  type PublishAsyncOptions,
  type Published,
  type TypePattern,
} from './bus.ts';
export type { Emitter, Listener } from './bus-emitter.ts';
export type { BusFailure, BusHandler, TypeName } from './bus-handlers.ts';
export { type Callback, type CallOptions, type Context, type Portable, portable } from './callbacks.ts';
export type { StartOptions, WorkerDeath } from './crew.ts';
export type { EventTypes, NewEvent, QueuedEvent } from './event.ts';
export { CallbackError, type Failure, type FailureReport } from './failures.ts';
export type { EventId } from './keys.ts';
export type { Metrics, ThreadMetrics } from './metrics.ts';
export { type Observer, Subject, type SubjectOptions } from './observer.ts';
export { EventQueue, type Handle, type Listeners } from './queue.ts';
export type { Registered } from './registering.ts';
export type { Result } from './result.ts';
export type { FieldType, Schema } from './schema.ts';
export type { Order, QueueOptions } from './settings.ts';
export type { Pending, Stopped } from './stopping.ts';
export type { Registration, Selector, SubscribeOptions } from './subscribing.ts';
