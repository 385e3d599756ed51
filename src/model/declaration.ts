/** What can be declared. Declaring again with the same properties is fine; with others it is refused as `conflict`. */

import type { AccessRule } from './access.ts';

export type Kind = 'topic' | 'queue' | 'exchange' | 'group' | 'user' | 'tenant';

/**
 * What doors note on a declaration in their own words: kept and described, never interpreted, and no reason for a `conflict`. At most 8 KiB
 * of names and values.
 */
export type Labels = Readonly<Record<string, string>>;

/** Times are milliseconds, sizes bytes. Absent means no limit unless said otherwise. */
export interface TopicSpec {
  readonly kind: 'topic';
  readonly name: string;
  readonly labels?: Labels;
  /** Default 1. May be raised later, never lowered. */
  readonly partitions?: number;
  readonly retentionMs?: number;
  /** Per partition. */
  readonly retentionBytes?: number;
  /** Keep only the last record of each key; a record with an empty body removes its key. */
  readonly compact?: boolean;
  readonly schema?: SchemaSpec;
  /** A message larger than this is refused. Default: the broker's limit. */
  readonly messageBytesMax?: number;
}

export type Overflow = 'refuse' | 'drop-head' | 'dead-letter-head' | 'refuse-dead-letter';

/** What happens to a message that came back: `nack`, lease run out, consumer gone. */
export interface RetryPolicy {
  /** Deliveries in all, the first included; after the last the message is dead-lettered (or dropped). */
  readonly attempts: number;
  /** Wait before the second delivery; doubled (times `factor`) before each further one. Default 0: at once. */
  readonly backoffMs?: number;
  /** Default 2. */
  readonly factor?: number;
  readonly backoffMaxMs?: number;
  /** 0 to 1: each wait is drawn from `[wait * (1 - jitter), wait]`. Default 0. */
  readonly jitter?: number;
}

/** Where dead letters go: an exchange with its routing key, or (exchange `''`) a queue by its name. */
export interface DeadLetterSpec {
  readonly exchange: string;
  /** Default: the address the message was published to. */
  readonly address?: string;
}

export interface QueueSpec {
  readonly kind: 'queue';
  readonly name: string;
  readonly labels?: Labels;
  /** Default true. False: gone at restart, and nothing waits for the disk on its account. */
  readonly durable?: boolean;
  /** Removed when its last consumer has gone. */
  readonly autoDelete?: boolean;
  /** Removed after this long without consumers, `receive` or renewed declaration. */
  readonly expiresMs?: number;
  /** How long a delivery may go unsettled before it goes back. Absent: as long as its consumer lives; for `receive`, 30 s. */
  readonly leaseMs?: number;
  /** How long a message may wait. 0: only if a consumer is ready. */
  readonly ttlMs?: number;
  /** Every message waits this long before its first delivery, unless it says otherwise itself. */
  readonly delayMs?: number;
  readonly countMax?: number;
  readonly sizeBytesMax?: number;
  /** What happens at `countMax` or `sizeBytesMax`. Default `refuse`. */
  readonly overflow?: Overflow;
  readonly deadLetter?: DeadLetterSpec;
  readonly retry?: RetryPolicy;
  /**
   * Highest priority that counts, 0 to 255; 0 (default) is a plain FIFO. Higher first, FIFO within one level.
   * There is no ageing unless `priorityAgeMs` says so: then a message counts one level higher for each such time it has waited.
   */
  readonly priorityMax?: number;
  readonly priorityAgeMs?: number;
  /** One consumer at a time gets everything; the next takes over when it goes. */
  readonly singleActiveConsumer?: boolean;
  /** Messages of one group are delivered one at a time, in order. */
  readonly grouped?: boolean;
  /** A message whose dedup id was seen within this window is confirmed and not stored. */
  readonly dedupWindowMs?: number;
  readonly schema?: SchemaSpec;
  readonly messageBytesMax?: number;
}

export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers' | 'consistent-hash';

export interface ExchangeSpec {
  readonly kind: 'exchange';
  readonly name: string;
  readonly labels?: Labels;
  readonly type: ExchangeType;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  /** Publishers may not name it; only bindings feed it. */
  readonly internal?: boolean;
  /** Where a message goes that no binding took. */
  readonly alternate?: string;
  /** consistent-hash: hash this header instead of the address. */
  readonly hashHeader?: string;
  readonly schema?: SchemaSpec;
}

/** JSON Schema, kept with the declaration. A Standard Schema (a function) is given to `open` or `declare` in process and not kept. */
export interface SchemaSpec {
  readonly jsonSchema: unknown;
  /** What does not fit is refused to the publisher (default), or taken and dead-lettered there. */
  readonly onFault?: 'refuse' | DeadLetterSpec;
}

export type HeadersMatch = 'all' | 'any' | 'all-with-x' | 'any-with-x';

export interface Binding {
  /** The exchange messages come from. */
  readonly exchange: string;
  readonly to: { readonly kind: 'queue' | 'topic' | 'exchange'; readonly name: string };
  /** direct: the address · topic: words with `*` (one) and `#` (any number) · consistent-hash: the weight, `"1"` … · fanout, headers: kept, and means nothing */
  readonly pattern?: string;
  /** headers exchange: what must be there; `undefined` asks only that the header exists. */
  readonly headers?: { readonly match: HeadersMatch; readonly values: ReadonlyMap<string, string | number | boolean | undefined> };
  /** JMESPath over `{ exchange, address, key, id, type, source, subject, contentType, headers, body }`; taken when the result is truthy. */
  readonly filter?: string;
  /** JMESPath over the same; its result, as JSON, is the body this target gets. */
  readonly transform?: string;
  /** Two bindings that differ in these alone are two; what both lead to takes a message once. */
  readonly labels?: Labels;
}

/** Names with `*` for any run of characters and `?` for one. Absent: nothing. */
export interface Permissions {
  readonly configure?: readonly string[];
  readonly write?: readonly string[];
  readonly read?: readonly string[];
}

/** Its permissions are those in its own tenant. */
export interface UserSpec extends Permissions {
  readonly kind: 'user';
  readonly name: string;
  /** Its own. Default `/`. */
  readonly tenant?: string;
  /** What it may in further tenants, by their names; in a tenant that is not named, nothing. */
  readonly tenants?: Readonly<Record<string, Permissions>>;
  readonly admin?: boolean;
  /** Counted together with the patterns. Declared again without a word about them, a user keeps those it has. */
  readonly rules?: readonly AccessRule[];
  /** Verifiers of secrets, never the secret: `{ scheme: 'scrypt' | 'sha256', salt, hash … }`, by purpose (`password`, `token`). */
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * A tenant comes by being used, too; one that is declared is there though it holds nothing. Declared again it takes the new labels. Removed,
 * it takes with it all it holds, and what users may in it.
 */
export interface TenantSpec {
  readonly kind: 'tenant';
  readonly name: string;
  readonly labels?: Labels;
}

export type Declaration = TopicSpec | QueueSpec | ExchangeSpec | UserSpec | TenantSpec;
