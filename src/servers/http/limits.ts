/** What this door allows; each has a default, and a test that runs into it. Sizes are bytes, times milliseconds. */

import { type HttpLimits as HttpSocketLimits, SOCKET_LIMITS, type SocketLimits } from '../connection.ts';

/** Longest `wait` of a long poll, and most messages one `receive`, `peek` or `fetch` may ask for: part of the API, so not to be configured. */
export const WAIT_MS_MAX = 60_000;
export const COUNT_MAX = 1000;

export interface HttpLimits extends SocketLimits, HttpSocketLimits {
  readonly urlBytesMax: number;
  /** Headers of one request. */
  readonly headersMax: number;
  /** One message, or a body that is read whole. */
  readonly bodyBytesMax: number;
  /** All bodies being read or published at one time; beyond it requests are answered 503. */
  readonly bodiesBytesMax: number;
  /** Lines are published in batches of about this size; a body with a length up to it is one batch. */
  readonly batchBytesMax: number;
  /** A body that is read whole must bring this many bytes in every `bodyCheckMs`. */
  readonly bodyBytesMin: number;
  readonly bodyCheckMs: number;
  /** A stream of lines may be silent this long. */
  readonly bodyIdleMs: number;
  /** Streams and WebSockets are sent a sign of life this often. */
  readonly heartbeatMs: number;
  /** Of a topic, read by one stream. */
  readonly partitionsMax: number;
  /** On one WebSocket. */
  readonly subscriptionsMax: number;
  /** One frame. */
  readonly frameBytesMax: number;
  /** Frames of one WebSocket not yet answered; beyond it the socket is not read. */
  readonly unansweredMax: number;
  readonly unansweredBytesMax: number;
  /** How long the rest of a body that was refused is still taken, so that the sender gets to read the answer. */
  readonly lingerMs: number;
  /** Messages and bytes that wait for one subscriber to an address before the oldest are dropped, and the client told. */
  readonly backlogMax: number;
  readonly backlogBytesMax: number;
  /** Failed logins of one address in a minute. */
  readonly attemptsMax: number;
}

export const HTTP_LIMITS: HttpLimits = {
  ...SOCKET_LIMITS,
  headerBytesMax: 16 * 1024,
  headerMs: 10_000,
  idleMs: 30_000,
  urlBytesMax: 8 * 1024,
  headersMax: 100,
  bodyBytesMax: 16 * 1024 * 1024,
  bodiesBytesMax: 256 * 1024 * 1024,
  batchBytesMax: 1024 * 1024,
  bodyBytesMin: 1024,
  bodyCheckMs: 10_000,
  bodyIdleMs: 600_000,
  heartbeatMs: 15_000,
  partitionsMax: 256,
  subscriptionsMax: 100,
  frameBytesMax: 1024 * 1024,
  unansweredMax: 1000,
  unansweredBytesMax: 4 * 1024 * 1024,
  lingerMs: 1000,
  backlogMax: 100_000,
  backlogBytesMax: 64 * 1024 * 1024,
  attemptsMax: 20,
};
