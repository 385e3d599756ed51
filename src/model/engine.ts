/**
 * The Engine port: what carries messages (a long file because it is one contract). The embedded broker is one; foreign systems are
 * others. Doors and the TypeScript API are handed one and know nothing else. Everything speaks of batches; a batch of one is the same road.
 *
 * Every method rejects with `Refused` (see `refusal.ts`) for what is expected to go wrong.
 */

import type { AccessRule, AccessTarget, AccessVerb } from './access.ts';
import type { Binding, Declaration, Kind, TenantSpec, TopicSpec, UserSpec } from './declaration.ts';
import type { Offset } from './lines.ts';
import type { Records } from './record.ts';
import type { Refusal, Refused } from './refusal.ts';

/** What an engine can do. What is false is refused with `unsupported`, never imitated in silence. */
export interface Capabilities {
  readonly name: string;
  readonly durable: boolean;
  readonly topics: boolean;
  readonly queues: boolean;
  readonly exchanges: boolean;
  readonly transactions: boolean;
  readonly priorities: boolean;
  readonly delays: boolean;
  readonly deduplication: boolean;
  readonly retained: boolean;
  readonly seekByTime: boolean;
  /** Records that stand for several messages are kept as they are (`Publish.packs`, `Fetch.packed`). */
  readonly packs: boolean;
  /** Transactions can be open in the log (`Publish.within`, `include`, `end`). */
  readonly openTransactions: boolean;
}

/** Who asks. Absent fields: the process itself, which may do everything in the default tenant. */
export interface Principal {
  readonly user?: string;
  readonly tenant?: string;
}

/** Properties the core acts on, one array per property, one element per record. An absent array means: none has it. */
export interface Columns {
  readonly priority?: Uint8Array;
  /** Do not deliver before, milliseconds since 1970; 0 = none. */
  readonly dueMs?: Float64Array;
  /** Time to live from now; `Infinity` = none. */
  readonly ttlMs?: Float64Array;
  /** Group for queues with `grouped`; `''` = none. */
  readonly group?: readonly (string | undefined)[];
  /** `''` = none. */
  readonly dedupId?: readonly (string | undefined)[];
  /** murmur2 of the key as Kafka's clients compute it (`& 0x7fffffff`); -1 = no key. */
  readonly keyHash?: Int32Array;
  /** The partition asked for; -1 = by key, or the broker's choice. */
  readonly partition?: Int32Array;
  /** The publisher's own time of each record (of a pack, its latest), milliseconds since 1970: what `offsetAt` finds it by. Default: when it is stored. */
  readonly timeMs?: Float64Array;
}

/**
 * Idempotent publishing: the first record has `sequence`, the next one more, and after 2^31 - 1 comes 0. A line begins at 0. A producer
 * without a name may go on with a higher epoch than it was given: its lines begin anew then.
 */
export interface ProducerStamp {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
  /** What is counted by itself. Default: the address. */
  readonly line?: string;
}

export interface Publish {
  /** `''` = straight to the queue named by `address`, or the topic when there is no such queue. Default: the main line. */
  readonly exchange?: string;
  readonly address: string;
  /** Borrowed until the returned promise settles. */
  readonly records: Records;
  readonly columns?: Columns;
  /** Further addresses of the same exchange: a queue or topic that several of them reach takes each record once. */
  readonly also?: readonly string[];
  /** Refuse with `unrouted` when no queue or topic takes it. */
  readonly mandatory?: boolean;
  /** Straight to a queue that is not there: `routed` is 0 instead of a refusal. */
  readonly mayMiss?: boolean;
  /** Refuse with `unknown` unless a topic bears the name of the address. */
  readonly toTopic?: boolean;
  /** Confirm without waiting for the disk. */
  readonly transient?: boolean;
  /** The last record becomes the retained value of the address; an empty body removes it. */
  readonly retain?: boolean;
  /** `sequence` counts messages, also those of packs. */
  readonly producer?: ProducerStamp;
  /**
   * How many messages each record stands for, at least 1, as its language counts them. A record of several is a *pack*: it takes as many
   * offsets, and is kept as it is if only this topic takes it and nothing has to look into it; else it is unpacked first. Only with
   * `toTopic` and a partition asked for each record; else `invalid`. `unsupported` when no open door can unpack its language.
   */
  readonly packs?: Uint32Array;
  /**
   * Belongs to the open transaction of the producer of this name, whose stamp it bears: stored at once, and given its offsets, but until the
   * end only who asks for it reads it (`Fetch.uncommitted`). Only with a partition asked for each record, each included before (else
   * `stale`) or by this (`includes`). `unsupported` when not only this topic takes it, or something has to look into it.
   */
  readonly within?: { readonly name: string; readonly includes?: boolean };
}

export interface Published {
  /** How many queues and partitions took the batch. 0: nothing was bound. */
  readonly routed: number;
  /** Per record of the batch, where the topic named like the address put it; absent when there is no such topic. */
  readonly partitions?: Int32Array;
  /** Of a pack, that of its first message. */
  readonly offsets?: Float64Array;
  /** Bits of records that were known already (dedup id or producer sequence) and not stored again; absent = none. */
  readonly duplicates?: Uint8Array;
}

/** Numbers of messages in one queue as runs: first, count, first, count … */
export type Runs = Float64Array;

/** Messages handed to a consumer. **Borrowed**: `bytes` may be written again after the receiver has returned. */
export interface Deliveries {
  readonly queue: string;
  readonly count: number;
  /** Each message's number in its queue: with `lease`, the token that settles it. */
  readonly numbers: Float64Array;
  readonly lease: number;
  /** Where each record begins in `bytes`; records know their size. */
  readonly bytes: Uint8Array;
  readonly at: Uint32Array;
  /** How often each has been delivered, this time included. */
  readonly attempts: Uint16Array;
  /** Bits of those that were handed out before, whether or not that counted as an attempt; absent when none was. */
  readonly returned?: Uint8Array;
  /** Why each was dead-lettered on its way here, newest first; absent when none was. */
  readonly deaths?: readonly (readonly Death[] | undefined)[];
}

export type DeathReason = 'rejected' | 'expired' | 'overflow' | 'attempts' | 'schema';

export interface Death {
  readonly reason: DeathReason;
  readonly queue: string;
  /** Where it had come to that queue from. */
  readonly exchange: string;
  readonly address: string;
  /** Where it was sent to then. */
  readonly to: { readonly exchange: string; readonly address: string };
  /** When it died there for this reason the first time. */
  readonly atMs: number;
  /** How often it died there for this reason. */
  readonly count: number;
}

export interface Consume {
  readonly queue: string;
  /** Most messages this consumer may hold unsettled. Default 256. `Infinity` only with `settle: 'on-delivery'`. */
  readonly prefetch?: number;
  /** `on-delivery` is at-most-once: settled, and safe on disk as settled, before it is handed over. */
  readonly settle?: 'by-consumer' | 'on-delivery';
  /** Overrides the queue's lease. */
  readonly leaseMs?: number;
  /** Refuse if there is another, and keep others out. */
  readonly exclusive?: boolean;
  /** Consumers of higher priority are served first. Default 0. */
  readonly priority?: number;
}

export interface Receiver {
  /** Called in turn, never while an earlier call runs. What it throws is logged, and the messages go back. */
  deliver(deliveries: Deliveries): void;
  /** The queue was removed, or the broker is closing. Nothing is delivered after it. */
  cancelled(reason: string): void;
}

export interface Consumer {
  /** Changes how many it may hold unsettled; 0 pauses. */
  prefetch(count: number): void;
  /** Ends it. What it holds unsettled goes back unless `keep` (then until the lease ends). */
  cancel(options?: { keep?: boolean }): Promise<void>;
}

export interface Receive {
  readonly queue: string;
  /** Default 1. */
  readonly countMax?: number;
  /** How long to wait for the first message. Default 0. */
  readonly waitMs?: number;
  /** Default: the queue's, else 30 s. */
  readonly leaseMs?: number;
  /** `on-delivery`: nothing to settle afterwards. */
  readonly settle?: 'by-consumer' | 'on-delivery';
  readonly signal?: AbortSignal;
}

export interface Settle {
  readonly queue: string;
  readonly runs: Runs;
  /** Refuse messages no longer under this lease. Absent: whoever holds them. */
  readonly lease?: number;
  /**
   * `ack`: done. `nack`: it failed; the retry policy says what follows. `requeue`: back in its place, at once, not counted as a
   * failure. `reject`: dead-letter it now.
   */
  readonly outcome: 'ack' | 'nack' | 'requeue' | 'reject';
  /** nack, requeue: not before this much later; overrides the policy's wait. */
  readonly delayMs?: number;
  /** Let it ride with the next write (10 ms at most) instead of starting one. For doors whose acks have no answer. */
  readonly lazy?: boolean;
}

export interface Peek {
  readonly queue: string;
  /** First message number to look at; default the oldest. */
  readonly from?: number;
  readonly countMax?: number;
}

export type MessageState = 'ready' | 'delayed' | 'in-flight';

/** Messages seen without being taken. Not borrowed: its own copy. */
export interface Peeked extends Deliveries {
  readonly states: readonly MessageState[];
}

/** Records of one partition, in order. Not borrowed. */
export interface Fetched {
  /** Batches as the log keeps them; records of the neutral language side by side. */
  readonly records: Records;
  /** Offset of each record (compaction leaves gaps). */
  readonly offsets: Float64Array;
  /** When each was stored. */
  readonly timestamps: Float64Array;
  /** With `Fetch.packed`: how many messages each record stands for; absent: one each. The first may begin before what was asked for. */
  readonly packs?: Uint32Array;
  /** Where to read next. */
  readonly next: Offset;
  readonly start: Offset;
  /** Where the partition ends; for who reads only what is committed, where it is `stable`. */
  readonly end: Offset;
  /** Where the first transaction begins that is still open; else the partition's end. */
  readonly stable: Offset;
  /** With `Fetch.uncommitted`: which transactions were aborted that have records between the asked offset and `next`, those first that ended first. */
  readonly aborted?: readonly AbortedShare[];
}

/** What an aborted transaction left in a partition: the records of this producer from `first` on, up to its next mark. */
export interface AbortedShare {
  readonly producer: number;
  readonly first: Offset;
}

export interface Fetch {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  /** Default 1 MiB; at least one record is answered whatever its size. */
  readonly sizeBytesMax?: number;
  /** Wait for a record to come when there is none. Default 0. */
  readonly waitMs?: number;
  /** Packs come as they are kept, instead of message by message: for those who speak their language. */
  readonly packed?: true;
  /**
   * Absent: what is committed, and nothing behind the first transaction that is open. `aborted`: up to there, but with records of aborted
   * transactions and the marks of ends (`model/mark.ts`). `open`: all there is.
   */
  readonly uncommitted?: 'aborted' | 'open';
  /** Memory of the caller's own that the records may be put into, if they fit; whether they were, their `bytes` tell. */
  readonly room?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface PartitionState {
  readonly partition: number;
  readonly start: Offset;
  /** First offset that is not there yet. */
  readonly end: Offset;
  /** Up to where everything is committed or aborted: readers of what is committed end here. */
  readonly stable: Offset;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface CursorMove extends TopicPartition {
  /** The next offset to read. */
  readonly offset: Offset;
  /** Kept with the cursor and given back when the group is described; at most 4 KiB. */
  readonly note?: string;
}

export interface MemberEvents {
  /** These partitions are yours from now on, with where to begin. */
  assigned(partitions: readonly CursorMove[]): void;
  /** Finish with these; they go to another member once the promise settles. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
}

export interface Membership {
  /** Moves the group's cursors for partitions this member owns; `stale` when it does not (any more). Safe when it resolves. */
  move(moves: readonly CursorMove[]): Promise<void>;
  leave(): Promise<void>;
}

export interface Join {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group without a cursor begins. Default `latest`. */
  readonly from?: 'earliest' | 'latest';
}

/** One step of a transaction. */
export type Operation =
  | ({ readonly kind: 'publish' } & Publish)
  | ({ readonly kind: 'settle' } & Settle)
  | { readonly kind: 'move'; readonly group: string; readonly moves: readonly CursorMove[]; readonly membership?: Membership };

export interface ProducerOptions {
  /** How long a transaction of it may be open before it is aborted. Default one minute. */
  readonly openMs?: number;
  /** Refuse as `fenced` unless this is what the name was given last, if it ever was. */
  readonly former?: { readonly id: number; readonly epoch: number };
}

/** Who speaks for a producer with a name, in the epoch it was given. */
export interface ProducerClaim {
  readonly name: string;
  readonly id: number;
  readonly epoch: number;
}

/** What belongs to a producer's transaction from now on; the first of it begins the transaction. */
export interface Include {
  readonly producer: ProducerClaim;
  readonly partitions?: readonly TopicPartition[];
  readonly groups?: readonly string[];
  /** Cursors that move when it is committed; of two moves of one cursor the later counts. Its group has to be included before (else `stale`) or by this (`includes`). */
  readonly move?: { readonly group: string; readonly moves: readonly CursorMove[]; readonly includes?: boolean };
  /** Something that belongs to it exists only in the memory of who asks: it is aborted when the engine is opened again. */
  readonly passing?: true;
}

/** The end of a transaction. */
export interface End {
  readonly producer: ProducerClaim;
  readonly outcome: 'commit' | 'abort';
  /** The producer goes on with its next epoch, so that nothing late can meet its next transaction. */
  readonly bump?: boolean;
  /** Done in the same step; not with `abort`. */
  readonly operations?: readonly Operation[];
}

/** A producer with a name, and the transaction it has open. */
export interface ProducerState {
  readonly name: string;
  readonly id: number;
  readonly epoch: number;
  /** How long its transactions may be open. */
  readonly openMs: number;
  /** How its last transaction ended, unless one is open. */
  readonly ended?: 'commit' | 'abort';
  readonly open?: OpenTransaction;
}

export interface OpenTransaction {
  readonly beganMs: number;
  /** `first`: of its records there, if there are any. */
  readonly partitions: readonly (TopicPartition & { readonly first?: Offset })[];
  readonly groups: readonly string[];
  readonly moves: readonly { readonly group: string; readonly moves: readonly CursorMove[] }[];
}

/** A declared thing and how it is doing. Numbers are counts unless the name says otherwise. */
export type Description =
  | {
      readonly kind: 'topic';
      /** Never used twice: a topic of the same name declared later has another. */
      readonly id: number;
      readonly spec: Declaration;
      readonly partitions: readonly PartitionState[];
      /** Absent when asked for briefly: every partition's log has to be open to know it. */
      readonly sizeBytes?: number;
    }
  | {
      readonly kind: 'queue';
      readonly spec: Declaration;
      readonly ready: number;
      readonly delayed: number;
      readonly inFlight: number;
      readonly consumers: number;
      readonly sizeBytes: number;
      /** Since it was declared: `published = ready + delayed + inFlight + acked + deadLettered + expired + dropped + purged`. */
      readonly totals: QueueTotals;
    }
  | { readonly kind: 'exchange'; readonly spec: Declaration; readonly bindings: readonly Binding[] }
  | {
      readonly kind: 'group';
      readonly name: string;
      readonly members: number;
      readonly cursors: readonly (CursorMove & { readonly lag: number })[];
    }
  | { readonly kind: 'user'; readonly spec: UserSpec }
  | { readonly kind: 'tenant'; readonly spec: TenantSpec };

export interface QueueTotals {
  readonly published: number;
  readonly acked: number;
  readonly deadLettered: number;
  readonly expired: number;
  readonly dropped: number;
  readonly purged: number;
}

export interface Engine {
  readonly capabilities: Capabilities;
  /** 32 hexadecimal digits, made once for this data: the same after a restart. */
  readonly identity: string;
  /** The same engine as this user sees it: in its tenant, with its permissions. */
  as(principal: Principal): Engine;

  /** Whether this user may do so: the check that is made before anything is done, as a question. `name` does not matter for `broker`. */
  may(verb: AccessVerb, on: AccessTarget, name: string): Promise<boolean>;

  declare(declaration: Declaration): Promise<void>;
  /** Gives a topic other properties; its partitions may be raised, not lowered. */
  alter(declaration: TopicSpec): Promise<void>;
  /** `ifUnused`: refuse while it has consumers or bindings; `ifEmpty`: refuse while a queue holds messages. */
  remove(kind: Kind, name: string, options?: { ifUnused?: boolean; ifEmpty?: boolean }): Promise<void>;
  /** `brief`: only what is known at once. */
  describe(kind: Kind, name: string, options?: { brief?: boolean }): Promise<Description | undefined>;
  list(kind: Kind, options?: { brief?: boolean }): Promise<Description[]>;
  bind(binding: Binding): Promise<void>;
  unbind(binding: Binding): Promise<void>;

  /** Resolves once safe: what was confirmed is never lost. */
  publish(publish: Publish): Promise<Published>;
  /**
   * Many publishes as one step, in order: what each would have been answered. Resolves once all of them are safe, but those that are
   * `transient`; one that is refused does not keep back the others.
   */
  publishAll(publishes: readonly Publish[]): Promise<readonly (Published | Refused)[]>;
  /**
   * Where a message of this address goes as things stand in this turn, as a token. While addresses of one exchange have the same one, all
   * that is published to them goes to one and the same queue, whatever is in it: one publish may then hold records of them all, under any
   * of these addresses. Undefined: nothing is promised of this address.
   */
  way(exchange: string, address: string): object | undefined;
  /** True while publishers should wait: too much is on its way to the disk. `relief` resolves when it is over. */
  readonly pressed: boolean;
  relief(): Promise<void>;

  consume(consume: Consume, receiver: Receiver): Promise<Consumer>;
  /** Not borrowed. */
  receive(receive: Receive): Promise<Deliveries | undefined>;
  /** Resolves with how many were settled, once that is safe; fewer than asked when some were no longer held (`lease`). */
  settle(settle: Settle): Promise<number>;
  extend(queue: string, lease: number, runs: Runs, leaseMs: number): Promise<number>;
  peek(peek: Peek): Promise<Peeked>;
  /** Resolves with how many ready messages were thrown away. */
  purge(queue: string): Promise<number>;

  fetch(fetch: Fetch): Promise<Fetched>;
  /** The first record at or after a time, its publisher's if told, else that of its storing; when there is none, where its readers end. */
  offsetAt(topic: string, partition: number, timeMs: number, uncommitted?: 'open'): Promise<Offset>;
  /** Lets a partition begin later: what is before goes. Resolves with where it begins now, once that is safe. */
  trim(topic: string, partition: number, start: Offset): Promise<Offset>;
  join(join: Join, events: MemberEvents): Promise<Membership>;
  /**
   * Moves cursors of a group by hand, also beyond the end; refused as `exclusive` while it has members. An offset of -1 removes the
   * cursor.
   */
  moveCursors(group: string, moves: readonly CursorMove[]): Promise<void>;

  /**
   * All or nothing, also after a crash. One answer per operation, in order. One that dead-letters reads those messages first: what is
   * called while it is under way may be decided before it.
   */
  transact(operations: readonly Operation[]): Promise<readonly (Published | number)[]>;
  /**
   * An id for idempotent publishing. The same `name` again gets the same id with the next epoch (or another id, when epochs are used up),
   * fences the former, and aborts what it has open.
   */
  producer(name?: string, options?: ProducerOptions): Promise<{ readonly id: number; readonly epoch: number }>;
  /** Transactions that are open in the log: `Publish.within` puts records into them. Safe when it resolves. */
  include(include: Include): Promise<void>;
  /**
   * Commits or aborts: all of it is seen, or nothing, also after a crash. Resolves with what the producer goes on as, once it is safe.
   * Asked again, the answer is the same; `stale` when none is open, or it ended otherwise.
   */
  end(end: End): Promise<{ readonly id: number; readonly epoch: number }>;
  /** Producers with a name, or those of them that have a transaction open. */
  producers(options?: { readonly open?: boolean }): Promise<readonly ProducerState[]>;

  /** Retained values whose address matches a topic pattern. */
  retained(pattern: string): Promise<{ readonly address: string; readonly record: Uint8Array }[]>;

  /** Checks a secret for a purpose (`token`, `password`); undefined = no. */
  authenticate(purpose: string, name: string, secret: string): Promise<Principal | undefined>;
  /**
   * What is kept of a user's secret for a purpose: for challenges, where the secret itself never comes. Refused as `forbidden` to whoever
   * is a user.
   */
  verifier(purpose: string, name: string): Promise<string | undefined>;
  /** Keeps another verifier for one purpose of a user, or none; its other secrets stay. Needs the permission to administer. */
  keepVerifier(purpose: string, name: string, verifier: string | undefined): Promise<void>;
  /**
   * Gives a user these rules instead of those it has; all else stays as it is. One that there is not comes to be: it may do what the rules say, and
   * has nothing to log in with. Needs the permission to administer.
   */
  keepRules(name: string, rules: readonly AccessRule[]): Promise<void>;
  /** Why it no longer serves (closed, or ended by a disk error); undefined while it does. */
  readonly ended: Refusal | undefined;
  /** True when users are configured; then every door asks who comes. */
  readonly guarded: boolean;

  /** The engine's time, milliseconds since 1970: what due times and time stamps are measured by. Never jumps. */
  nowMs(): number;
  /** Calls `fn` once, so much later by the engine's time. The wait alone does not keep the process alive. Returns what cancels it. */
  after(delayMs: number, fn: () => void): () => void;
  /** Figures for `/metrics` and the console: name → value. */
  metrics(): ReadonlyMap<string, number>;
  /** Lets what is under way finish, makes it safe, and stops. */
  close(): Promise<void>;
}
