/** What all connections of one AMQP door share: the engine, the machine, the limits, who owns which queue, and the door's own figures. */

import type { Host } from '../../host/host.ts';
import type { Engine } from '../../model/engine.ts';
import type { Headers } from '../../model/message.ts';
import type { Language } from '../../model/record.ts';
import { BatchPool, ChunkPool, type ReplyCode } from '../../wire/amqp/amqp.ts';
import type { Attempts } from '../attempts.ts';
import { DiskAlarm } from './disk-alarm.ts';
import type { AmqpLimits } from './limits.ts';

export type Machine = Pick<Host, 'clock' | 'random' | 'logger'>;

/** The label of a declaration whose type is the door's alone: `x-delayed-message`, or the type of a queue. */
export const TYPE_LABEL = 'amqp.type';
export const DELAYED_TYPE = 'x-delayed-message';
const DELAYED_MAX = 10_000;
const BATCH_BYTES_SPARE = 8 * 1024 * 1024;

/** Who is at the other end of the socket. */
export interface Peer {
  readonly address: string;
  readonly port?: number;
  /** Where it came to. */
  readonly local?: { readonly address: string; readonly port: number };
  /** Its connection is encrypted. */
  readonly tls?: { readonly protocol: string; readonly cipher: string };
  readonly isLoopback: boolean;
  /** The name in the certificate it showed, which was signed as asked. */
  readonly certificateName: string | undefined;
}

/** How a connection began. */
export interface Greeted {
  readonly peer: Peer;
  readonly mechanism: string;
  /** What the client said of itself. */
  readonly clientProperties: Headers;
  readonly connectedAtMs: number;
  readonly frameMax: number;
  readonly channelMax: number;
  readonly heartbeatMs: number;
}

/** A consumer as it was asked for. */
export interface ConsumerAbout {
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** 0: no limit. */
  readonly prefetch: number;
  readonly arguments: Headers;
}

/** A channel as the door sees it. */
export interface SeenChannel {
  readonly id: number;
  readonly isOpen: boolean;
  readonly confirms: object | undefined;
  readonly transaction: { readonly sent: readonly unknown[]; readonly settled: readonly unknown[] } | undefined;
  /** For consumers to come; `Infinity`: no limit. */
  readonly prefetch: number;
  readonly sharedMax: number;
  readonly unacked: { readonly count: number };
  readonly consumers: ReadonlyMap<string, { readonly tag: string; readonly queue: string; readonly about?: ConsumerAbout }>;
}

/** A connection as the door sees it. */
export interface Visitor {
  readonly user: string;
  /** `''` until it is open. */
  readonly vhost: string;
  readonly opening: Greeted;
  readonly channels: ReadonlyMap<number, SeenChannel>;
  readonly isBlocked: boolean;
  /** Says goodbye to the client and lets go. */
  dismiss(code: ReplyCode, message: string): void;
}

export class Door {
  readonly engine: Engine;
  readonly machine: Machine;
  readonly limits: AmqpLimits;
  /** Of all doors, to read what came in by them. */
  readonly languages: ReadonlyMap<number, Language>;
  readonly attempts: Attempts;
  readonly chunks: ChunkPool = new ChunkPool();
  readonly batches: BatchPool = new BatchPool(BATCH_BYTES_SPARE);
  readonly visitors: Set<Visitor> = new Set();
  /** Where it listens. */
  readonly listeners: { readonly protocol: 'amqp' | 'amqp/ssl'; readonly host: string; readonly port: number }[] = [];
  /** Exclusive queues by tenant and name: whose connection's they are. */
  readonly #owners = new Map<string, Visitor>();
  readonly #owned = new WeakMap<Visitor, Set<string>>();
  /** Exchanges by tenant and name: whether messages to them may ask for a delay. */
  readonly #delayed = new Map<string, boolean>();
  readonly alarm: DiskAlarm;
  readonly figures = { published: 0, delivered: 0, returned: 0 };
  isClosing = false;

  constructor(engine: Engine, machine: Machine, limits: AmqpLimits, languages: ReadonlyMap<number, Language>, attempts: Attempts) {
    this.engine = engine;
    this.machine = machine;
    this.limits = limits;
    this.languages = languages;
    this.attempts = attempts;
    this.alarm = new DiskAlarm(engine, machine.clock, limits.alarmMs);
  }

  /** The connection that keeps this queue for itself. */
  ownerOf(tenant: string, queue: string): Visitor | undefined {
    return this.#owners.get(`${tenant}\n${queue}`);
  }

  own(tenant: string, queue: string, owner: Visitor): void {
    this.#owners.set(`${tenant}\n${queue}`, owner);
    const owned = this.#owned.get(owner);
    if (owned === undefined) this.#owned.set(owner, new Set([queue]));
    else owned.add(queue);
  }

  disown(tenant: string, queue: string): void {
    const key = `${tenant}\n${queue}`;
    const owner = this.#owners.get(key);
    if (owner !== undefined) this.#owned.get(owner)?.delete(queue);
    this.#owners.delete(key);
  }

  /** Names of the exclusive queues of a connection. */
  ownedBy(owner: Visitor): string[] {
    return [...(this.#owned.get(owner) ?? [])];
  }

  /** Whether messages to this exchange may ask for a delay; `house` knows it in that tenant. */
  async delays(house: Engine, tenant: string, exchange: string): Promise<boolean> {
    const key = `${tenant}\n${exchange}`;
    const known = this.#delayed.get(key);
    if (known !== undefined) return known;
    const found = await house.describe('exchange', exchange);
    const isDelayed = found?.kind === 'exchange' && found.spec.kind === 'exchange' && found.spec.labels?.[TYPE_LABEL] === DELAYED_TYPE;
    if (this.#delayed.size >= DELAYED_MAX) this.#delayed.clear();
    this.#delayed.set(key, isDelayed);
    return isDelayed;
  }

  /** An exchange came or went. */
  exchangeChanged(tenant: string, exchange: string): void {
    this.#delayed.delete(`${tenant}\n${exchange}`);
  }

  /** A name nobody has: 22 characters drawn by chance. */
  draw(prefix: string): string {
    return prefix + Buffer.from(this.machine.random.bytes(16)).toString('base64url');
  }

  /** An error that is our own, not the client's, goes into the log. */
  tell(error: unknown, what: string): void {
    this.machine.logger.error('amqp.failed', { what, cause: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
