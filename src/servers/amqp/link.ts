/** The connection as its channels see it. */

import type { Engine } from '../../model/engine.ts';
import type { Output } from '../../wire/amqp/amqp.ts';
import type { Door, Visitor } from './door.ts';
import type { AmqpFault } from './faults.ts';
import type { RouteTable } from './routes.ts';

/** A virtual host as one user sees it. */
export interface Site {
  readonly door: Door;
  /** As this user sees it. */
  readonly engine: Engine;
  /** As the door sees it, in this tenant: to look things up for answers. */
  readonly house: Engine;
  readonly vhost: string;
  /** What the client called itself when it logged in. */
  readonly user: string;
}

/** A channel as its connection wakes it. */
export interface Sleeper {
  /** It is to be looked at when the turn ends; kept by the connection. */
  awake: boolean;
  endOfRead(): void;
  endOfTurn(): void;
}

export interface Link extends Visitor, Site {
  readonly output: Output;
  readonly routes: RouteTable;
  /** The client can hear of this (capability). */
  readonly hearsCancels: boolean;
  /** The socket has enough waiting: nothing more should be made for it. */
  readonly full: boolean;
  /** The broker's time: of what is being read, when it came. */
  readonly nowMs: number;
  /** Something was written or is to be: it is sent when the turn ends. */
  touch(): void;
  /** The same, and this channel has its part in it: only such channels are looked at, however many there are. */
  wake(channel: Sleeper): void;
  /** Ends the connection. `id`: class and method that it is about. */
  fail(fault: AmqpFault, id: number): void;
  /** Something went wrong that is no fault of the client's, or that the wire found: the connection ends. */
  wrong(error: unknown, id: number): void;
  /** Something could not be done that nobody waits for. */
  left(error: unknown): void;
  /** Bytes that have come and are not dealt with: too many, and the connection is not read for a while. */
  waiting(bytes: number): void;
  /** Bytes of messages that are not whole yet. */
  unfinished(bytes: number): void;
}
