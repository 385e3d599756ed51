/** What this door allows; each has a default, and a test that runs into it. Sizes are bytes, times milliseconds. */

import { SOCKET_LIMITS, type SocketLimits } from '../connection.ts';

export interface AmqpLimits extends SocketLimits {
  /** From the connection's first moment to the end of its opening. */
  readonly handshakeMs: number;
  /** Announced at the opening; a client may ask for less. */
  readonly frameMax: number;
  readonly channelMax: number;
  /** Announced at the opening; a client may ask for less, and 0 turns heartbeats off. */
  readonly heartbeatMs: number;
  /** One message with its properties. */
  readonly messageBytesMax: number;
  /** Messages of one connection that are not whole yet, together. */
  readonly unfinishedBytesMax: number;
  /** What has come and is not dealt with: publishes that are not safe yet, methods that wait. From there on the connection is not read. */
  readonly waitingBytesMax: number;
  /** On one channel. */
  readonly consumersMax: number;
  /** A publisher held back longer than this is told (`connection.blocked`). */
  readonly blockedMs: number;
  /** How often it is looked whether the disk is nearly full, while somebody is connected. */
  readonly alarmMs: number;
  /** Failed logins of one address in a minute. */
  readonly attemptsMax: number;
}

export const AMQP_LIMITS: AmqpLimits = {
  ...SOCKET_LIMITS,
  // A consumer that computes for a while reads nothing meanwhile; its heartbeat would not be missed before either.
  stallMs: 120_000,
  handshakeMs: 10_000,
  frameMax: 128 * 1024,
  channelMax: 2047,
  heartbeatMs: 60_000,
  messageBytesMax: 16 * 1024 * 1024,
  unfinishedBytesMax: 64 * 1024 * 1024,
  waitingBytesMax: 32 * 1024 * 1024,
  consumersMax: 4096,
  blockedMs: 1000,
  alarmMs: 1000,
  attemptsMax: 20,
};

/** Smallest frame a client may ask for [4.2.3 of the specification: 4096]. */
export const FRAME_MIN = 4096;

/** Before anything is agreed on; room for a long token. */
export const STRANGER_FRAME_MAX: number = 64 * 1024;
