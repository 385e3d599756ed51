/** Content of one channel as it comes in: publish, header and body frames become records, each copied once. */

import { murmur2 } from '../../model/murmur.ts';
import {
  ACTED_ON,
  type Changes,
  CONTENT_HEAD,
  changeProperties,
  decodeEntries,
  KEY_HEADER,
  keptHeaders,
  keyBytes,
  PropertyScan,
} from '../../wire/amqp/amqp.ts';
import { AmqpFault } from './faults.ts';
import type { Link } from './link.ts';
import type { Publisher } from './publisher.ts';
import type { PublishRoute } from './routes.ts';
import type { Apart } from './sending.ts';
import { typeName } from './type-names.ts';

const BASIC = 60;
const PERSISTENT = 2;
export const REPLY_TO = 'amq.rabbitmq.reply-to';

/** The channel as its intake sees it. */
export interface Taker {
  readonly link: Link;
  readonly publisher: Publisher;
  /** A message is whole. */
  published(): void;
  /** The queue that stands for direct replies to this channel; undefined when nobody consumes them. */
  readonly replyQueue: string | undefined;
}

/** For all channels: what it shows is done with before the next header comes. */
const SCAN: PropertyScan = new PropertyScan();

export class Intake {
  readonly #taker: Taker;
  readonly #scan = SCAN;
  #route: PublishRoute | undefined;
  #mandatory = false;
  /** Bytes of body still to come. */
  #left = 0;
  #begun = 0;

  constructor(taker: Taker) {
    this.#taker = taker;
  }

  /** A method must not come now. */
  get isWaiting(): boolean {
    return this.#route !== undefined;
  }

  get isInBody(): boolean {
    return this.#taker.publisher.building !== undefined;
  }

  /** The arguments of a publish stand from `start` to `end`. Throws `AmqpFault`. */
  publish(bytes: Buffer, start: number, end: number): void {
    const namesAt = start + 2;
    const keyAt = namesAt + 1 + (bytes[namesAt] ?? 0);
    const bitsAt = keyAt + 1 + (bytes[keyAt] ?? 0);
    if (bitsAt >= end) throw new AmqpFault(501, 'the arguments of a publish break off', 'connection');
    const bits = bytes[bitsAt] ?? 0;
    if ((bits & 2) !== 0) throw new AmqpFault(540, 'immediate=true', 'connection');
    this.#mandatory = (bits & 1) !== 0;
    this.#route = this.#taker.link.routes.find(bytes, namesAt, bitsAt);
  }

  /** A content header stands from `start` to `end`. Throws `AmqpFault` and `WireFault`. */
  header(bytes: Buffer, view: DataView, start: number, end: number): void {
    const route = this.#route;
    if (route === undefined || this.isInBody)
      throw new AmqpFault(505, 'expected method frame, got content header frame instead', 'connection');
    if (end - start < CONTENT_HEAD + 2) throw new AmqpFault(501, 'a content header breaks off', 'connection');
    const classId = view.getUint16(start);
    if (classId !== BASIC)
      throw new AmqpFault(505, `expected content header for class 60, got one for class ${classId} instead`, 'connection');
    const sizeBytes = view.getUint32(start + 4) * 0x1_0000_0000 + view.getUint32(start + 8);
    const { messageBytesMax } = this.#taker.link.door.limits;
    if (sizeBytes > messageBytesMax) {
      this.#route = undefined;
      throw new AmqpFault(406, `message size ${sizeBytes} is larger than configured max size ${messageBytesMax}`);
    }
    this.#scan.scan(bytes, view, start + CONTENT_HEAD, end);
    try {
      this.#begin(route, bytes, start + CONTENT_HEAD, end);
    } catch (error) {
      this.#route = undefined;
      throw error;
    }
    this.#left = sizeBytes;
    if (sizeBytes === 0) this.#finish();
  }

  /** A part of a body stands from `start` to `end`. Throws `AmqpFault`. */
  body(bytes: Buffer, start: number, end: number): void {
    const batch = this.#taker.publisher.building;
    if (batch === undefined) throw new AmqpFault(505, `expected ${this.#expected}, got content body frame instead`, 'connection');
    const size = end - start;
    if (size > this.#left) throw new AmqpFault(501, 'a body is longer than was announced', 'connection');
    batch.body(bytes, start, end);
    this.#left -= size;
    if (this.#left === 0) this.#finish();
    else {
      this.#begun += size;
      this.#taker.link.unfinished(size);
    }
  }

  /** Lets go of what is not whole. */
  drop(): void {
    this.#taker.link.unfinished(-this.#begun);
    this.#begun = 0;
    this.#taker.publisher.abandon();
    this.#route = undefined;
  }

  get #expected(): string {
    return this.#route === undefined ? 'method frame' : 'content header for class 60';
  }

  #finish(): void {
    if (this.#begun > 0) this.#taker.link.unfinished(-this.#begun);
    this.#begun = 0;
    this.#taker.publisher.end();
    this.#route = undefined;
    this.#taker.published();
  }

  #begin(route: PublishRoute, bytes: Buffer, from: number, to: number): void {
    const { publisher, link } = this.#taker;
    const scan = this.#scan;
    const transient = scan.octet('deliveryMode') !== PERSISTENT;
    if (!this.#mandatory && scan.lacks(ACTED_ON)) {
      const batch = publisher.begin(route, transient, undefined);
      batch.begin(link.nowMs, route.names);
      batch.properties(bytes, from, to);
      return;
    }
    const acts = this.#look();
    const { also, delayMs } = acts;
    const stands = this.#mandatory || also.length > 0 || delayMs !== undefined;
    const apart: Apart | undefined = stands ? { mandatory: this.#mandatory, also, delayMs } : undefined;
    const batch = publisher.begin(route, transient, apart);
    batch.begin(link.nowMs, route.names);
    const changed = acts.changes === undefined ? undefined : changeProperties(scan, acts.changes);
    if (changed === undefined) batch.properties(bytes, from, to);
    else batch.properties(changed, 0, changed.length);
    const priority = scan.octet('priority');
    if (priority !== undefined && priority > 0) batch.setPriority(priority);
    if (acts.ttlMs !== undefined) batch.setTtlMs(acts.ttlMs);
    if (acts.keyHash !== undefined) batch.setKeyHash(acts.keyHash);
  }

  /** What the properties ask of the broker. */
  #look(): Acts {
    const scan = this.#scan;
    const { link, replyQueue } = this.#taker;
    const userId = scan.text('userId');
    if (userId !== undefined && userId !== link.user)
      throw new AmqpFault(406, `user_id property set to '${userId}' but authenticated user was '${link.user}'`);
    const acts: Acts = { also: [], changes: undefined, ttlMs: undefined, delayMs: undefined, keyHash: undefined };
    const changes: { -readonly [P in keyof Changes]: Changes[P] } = {};
    const expiration = scan.text('expiration');
    if (expiration !== undefined) acts.ttlMs = ttlOf(expiration);
    if (scan.text('replyTo') === REPLY_TO) {
      if (replyQueue === undefined) throw new AmqpFault(406, 'fast reply consumer does not exist');
      changes.replyTo = (writer) => writer.text8(replyQueue);
      acts.changes = changes;
    }
    if (scan.headersTo - scan.headersFrom > 0) this.#lookAtHeaders(acts, changes);
    return acts;
  }

  #lookAtHeaders(acts: Acts, changes: { -readonly [P in keyof Changes]: Changes[P] }): void {
    const scan = this.#scan;
    const found = scan.namedHeaders(ACTING_HEADERS);
    if (found === undefined) return;
    const headers = decodeEntries(found);
    for (const name of ['CC', 'BCC']) {
      const keys = headers.get(name);
      if (keys === undefined) continue;
      if (!Array.isArray(keys)) throw new AmqpFault(406, `invalid message: {unacceptable_type_in_header,"${name}",${typeName(keys)}}`);
      // What is no text can be no routing key.
      for (const key of keys as readonly unknown[]) if (typeof key === 'string') acts.also.push(key);
    }
    if (headers.has('BCC')) {
      changes.headers = (writer) => keptHeaders(scan, writer, BLIND);
      acts.changes = changes;
    }
    const delay = headers.get('x-delay');
    if (typeof delay === 'number' && delay > 0) acts.delayMs = delay;
    const key = keyBytes(headers.get(KEY_HEADER));
    if (key !== undefined) acts.keyHash = murmur2(key);
  }
}

interface Acts {
  readonly also: string[];
  changes: Changes | undefined;
  ttlMs: number | undefined;
  delayMs: number | undefined;
  keyHash: number | undefined;
}

const ACTING_HEADERS: ReadonlySet<string> = new Set(['CC', 'BCC', 'x-delay', KEY_HEADER]);
const BLIND: ReadonlySet<string> = new Set(['BCC']);

/** How long a message may wait, milliseconds, of what stands in its `expiration`. Throws `AmqpFault` 406. */
export function ttlOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const says = !/^-?\d+$/.test(text) ? 'no_integer' : text.startsWith('-') ? `{value_negative,${text}}` : `{value_too_big,${text}}`;
  throw new AmqpFault(406, `invalid expiration '${text}': ${says}`);
}
