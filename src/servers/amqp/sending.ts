/** Messages of one batch on their way to the engine: with one route, or with several that lead to the same place. */

import type { Publish, Published } from '../../model/engine.ts';
import type { RecordBatch } from '../../wire/amqp/amqp.ts';
import type { PublishRoute } from './routes.ts';

/** What keeps a publish from sharing a batch with its neighbours. */
export interface Apart {
  readonly mandatory: boolean;
  /** Further routing keys. */
  readonly also: readonly string[];
  /** Asked for; only an exchange that delays grants it. */
  readonly delayMs: number | undefined;
}

/** Nothing does. */
export const TOGETHER: Apart = { mandatory: false, also: [], delayMs: undefined };

/** Kept until the engine has answered. */
export interface Sending {
  /** Of every message that `others` does not name. */
  readonly route: PublishRoute;
  readonly transient: boolean;
  readonly batch: RecordBatch;
  readonly apart: Apart;
  /** By message: other routes, that lead where `route` does. */
  others: PublishRoute[] | undefined;
  /** Where `route` leads, as `Engine.way` says it; `UNASKED` until another route comes. Good for one turn. */
  way: object | undefined;
}

export const UNASKED: object = {};

export function sendingOf(route: PublishRoute, transient: boolean, batch: RecordBatch, apart: Apart): Sending {
  return { route, transient, batch, apart, others: undefined, way: UNASKED };
}

/** The route of one message. */
export function routeAt({ others, route }: Sending, index: number): PublishRoute {
  return others?.[index] ?? route;
}

/** What the engine is asked for the messages from `from` to `to`. Without spreading: there may be as many of these as messages. */
export function publishOf(sending: Sending, from: number, to: number): Publish {
  const { transient, batch, apart } = sending;
  const { exchange, address } = routeAt(sending, from);
  const publish: { -readonly [P in keyof Publish]: Publish[P] } = { exchange, address, records: batch.records(from, to) };
  const columns = batch.columns(from, to);
  if (columns !== undefined) publish.columns = columns;
  if (transient) publish.transient = true;
  if (exchange === '') publish.mayMiss = true;
  if (apart === TOGETHER) return publish;
  if (apart.also.length > 0) publish.also = apart.also;
  if (apart.mandatory) publish.mandatory = true;
  return publish;
}

/** How an answer of the engine looks when nothing took the message. */
export function isUnrouted(published: Published | number | undefined): boolean {
  return typeof published === 'object' && published.routed === 0;
}
