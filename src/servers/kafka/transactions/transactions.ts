/**
 * The door of the transactions: producers with a name, and what each has under way.
 *
 * What is produced within a transaction goes into the log at once, where the engine keeps it apart until the end. Only partitions whose
 * records somebody else would see before (a queue is bound to the topic, it is compacted, it has a schema) are held here until then, and
 * handed over in the same step as the end.
 */

import type { Engine, Include, Principal, ProducerClaim, Publish, TopicPartition } from '../../../model/engine.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import { type RefusalCode, Refused } from '../../../model/refusal.ts';
import { ERROR, type ErrorCode, packInPlace, packOf } from '../../../wire/kafka/kafka.ts';
import { ERROR_OF } from '../error-codes.ts';
import type { Machine } from '../machine.ts';
import { Held, type Line, type TransactionLimits } from './transaction.ts';

export type { TransactionLimits } from './transaction.ts';

/** Who speaks for a producer. */
export interface Speaker {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** A batch that is produced within a transaction. Its bytes are borrowed. */
export interface Within {
  readonly by: Speaker;
  readonly topic: string;
  readonly partition: number;
  readonly batch: Uint8Array;
  readonly count: number;
  readonly sequence: number;
  readonly latestMs: number;
  /** What stands in front of the batch may be written over. */
  readonly isAlone: boolean;
  readonly transient: boolean;
  /** The partition becomes one of the transaction by this; else it has to be one already. */
  readonly includes: boolean;
}

/** A producer that has something held here, or had. */
interface Named {
  readonly engine: Engine;
  readonly claim: ProducerClaim;
  /** What was held of it, by partition: counted over all its transactions. */
  readonly lines: Map<string, Line>;
  held: Held | undefined;
  /** Its time was up: this epoch may do nothing more. */
  isOver: boolean;
}

/** Of what has no offset yet. */
const NO_OFFSET = -1;
/** Names of producers by this door. */
export const PREFIX = 'kafka/';

export class Transactions {
  readonly #machine: Machine;
  readonly #limits: TransactionLimits;
  /** By tenant and name. */
  readonly #named = new Map<string, Named>();
  #heldBytes = 0;

  constructor(machine: Machine, limits: TransactionLimits) {
    this.#machine = machine;
    this.#limits = limits;
  }

  /** Takes over the name: what was under way under it is aborted, and former producers of that name may do nothing more. */
  async begin(
    engine: Engine,
    principal: Principal | undefined,
    { transactionalId, producerId: id, producerEpoch: epoch }: Speaker,
    timeoutMs: number,
  ): Promise<{ readonly id: number; readonly epoch: number } | ErrorCode> {
    if (transactionalId === '') return ERROR.invalidRequest;
    if (timeoutMs <= 0 || timeoutMs > this.#limits.transactionMs) return ERROR.invalidTransactionTimeout;
    try {
      const given = await engine.producer(nameOf(transactionalId), { openMs: timeoutMs, ...(id >= 0 && { former: { id, epoch } }) });
      this.#forget(keyOf(principal, transactionalId));
      return given;
    } catch (error) {
      return codeOf(error);
    }
  }

  /** More belongs to the transaction from now on; it begins with the first. */
  async include(engine: Engine, by: Speaker, what: Omit<Include, 'producer'>): Promise<ErrorCode> {
    try {
      await engine.include({ producer: claimOf(by), ...what });
      return ERROR.none;
    } catch (error) {
      return codeOf(error);
    }
  }

  /** Resolves with the offset of the batch; -1 where it is held. */
  async produce(engine: Engine, principal: Principal | undefined, within: Within): Promise<{ readonly offset: number } | ErrorCode> {
    const { by, topic, partition } = within;
    const key = keyOf(principal, by.transactionalId);
    const named = this.#named.get(key);
    const place = `${topic}/${partition}`;
    if (isOf(named, by) && named.isOver) return ERROR.producerFenced;
    if (isOf(named, by) && named.held?.partitions.has(place) === true) return this.#hold(named, place, within);
    // Counted here once, it is counted here for good: the engine has not seen those before.
    if (isOf(named, by) && named.lines.has(place)) return this.#holdFirst(engine, key, within);
    try {
      const { offsets } = await engine.publish({
        ...this.#publishOf(within),
        within: { name: nameOf(by.transactionalId), includes: within.includes },
      });
      return { offset: offsets?.[0] ?? NO_OFFSET };
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'unsupported') return codeOf(error);
    }
    return this.#holdFirst(engine, key, within);
  }

  /** Whether all of these partitions belong to the transaction. */
  async verify(engine: Engine, by: Speaker, partitions: readonly TopicPartition[]): Promise<ErrorCode> {
    for (const { topic, partition } of partitions) if (!(await isIncluded(engine, by, topic, partition))) return ERROR.invalidTxnState;
    return ERROR.none;
  }

  /** Holds what is the first for its partition in this transaction. What is only in this memory must not be thought committed by who does not know of it. */
  async #holdFirst(engine: Engine, key: string, within: Within): Promise<{ readonly offset: number } | ErrorCode> {
    const { by, topic, partition, includes } = within;
    if (!includes && !(await isIncluded(engine, by, topic, partition))) return ERROR.invalidTxnState;
    const errorCode = await this.include(engine, by, { partitions: [{ topic, partition }], passing: true });
    return errorCode === ERROR.none ? this.#hold(this.#namedBy(engine, key, by), `${topic}/${partition}`, within) : errorCode;
  }

  /** Places, as `topic/partition`, where a transaction that is under way may still move this group's cursor. */
  async unstable(engine: Engine, group: string): Promise<ReadonlySet<string>> {
    const places = new Set<string>();
    for (const { open } of await engine.producers({ open: true }))
      for (const of of open?.moves ?? [])
        if (of.group === group) for (const { topic, partition } of of.moves) places.add(`${topic}/${partition}`);
    return places;
  }

  /** Resolves once the end is safe, with what the producer goes on as. What cannot be committed is aborted. */
  async end(
    engine: Engine,
    principal: Principal | undefined,
    by: Speaker,
    outcome: 'commit' | 'abort',
    bump: boolean,
  ): Promise<{ readonly id: number; readonly epoch: number } | ErrorCode> {
    const key = keyOf(principal, by.transactionalId);
    const named = this.#named.get(key);
    const isMine = isOf(named, by);
    if (isMine && named.isOver) return ERROR.producerFenced;
    const held = isMine ? named.held : undefined;
    held?.stop();
    const end = { producer: claimOf(by), bump };
    try {
      const operations = outcome === 'commit' ? (held?.operations ?? []) : [];
      return await engine.end({ ...end, outcome, operations });
    } catch (error) {
      if (outcome === 'commit' && held !== undefined && error instanceof Refused && !ENDED.has(error.code)) {
        const isAborted = await engine.end({ ...end, outcome: 'abort' }).then(
          () => true,
          () => false,
        );
        // Then it is something that was held which cannot be.
        if (isAborted) return ERROR_OF[error.code];
      }
      return codeOf(error);
    } finally {
      if (isMine && named.held === held) this.#drop(named);
    }
  }

  /** Nothing more will come: what is held here is gone, and its transactions are aborted. */
  async close(): Promise<void> {
    const all = [...this.#named];
    this.#named.clear();
    const aborts = all.map(async ([, named]) => {
      const isUnderWay = named.held !== undefined;
      this.#drop(named);
      // Refused: it has ended already.
      if (isUnderWay) await named.engine.end({ producer: named.claim, outcome: 'abort', bump: true }).catch(() => undefined);
    });
    await Promise.all(aborts);
  }

  #publishOf({ by, topic, partition, batch, count, sequence, latestMs, isAlone, transient }: Within): Publish {
    return {
      address: topic,
      toTopic: true,
      records: isAlone ? packInPlace(topic, batch) : packOf(topic, batch),
      columns: { partition: Int32Array.of(partition), timeMs: Float64Array.of(latestMs) },
      packs: Uint32Array.of(count),
      transient,
      producer: { id: by.producerId, epoch: by.producerEpoch, sequence, line: `${topic}/${partition}` },
    };
  }

  #hold(named: Named, place: string, within: Within): { readonly offset: number } | ErrorCode {
    const { topic, batch, partition, latestMs, count, sequence } = within;
    const { transactionMs, transactionBytesMax, transactionsBytesMax } = this.#limits;
    const held =
      named.held ??
      new Held(
        named.lines,
        this.#machine.clock.after(transactionMs, () => {
          named.isOver = true;
          this.#drop(named);
        }),
      );
    named.held = held;
    if (held.sizeBytes + batch.length > transactionBytesMax) return ERROR.messageTooLarge;
    if (this.#heldBytes + batch.length > transactionsBytesMax) return ERROR.storageError;
    const before = held.sizeBytes;
    const publish = {
      address: topic,
      toTopic: true,
      records: packOf(topic, batch),
      columns: { partition: Int32Array.of(partition), timeMs: Float64Array.of(latestMs) },
      packs: Uint32Array.of(count),
    };
    const errorCode = held.hold(place, publish, sequence, count);
    this.#heldBytes += held.sizeBytes - before;
    return errorCode === ERROR.none ? { offset: NO_OFFSET } : errorCode;
  }

  /** What is kept of this producer, in this epoch. */
  #namedBy(engine: Engine, key: string, by: Speaker): Named {
    const known = this.#named.get(key);
    if (isOf(known, by)) return known;
    this.#forget(key);
    const named: Named = { engine, claim: claimOf(by), lines: new Map(), held: undefined, isOver: false };
    this.#named.set(key, named);
    return named;
  }

  #forget(key: string): void {
    const named = this.#named.get(key);
    if (named !== undefined) this.#drop(named);
    this.#named.delete(key);
  }

  #drop(named: Named): void {
    named.held?.stop();
    this.#heldBytes -= named.held?.sizeBytes ?? 0;
    named.held = undefined;
  }
}

function isOf(named: Named | undefined, { producerId, producerEpoch }: Speaker): named is Named {
  return named?.claim.id === producerId && named.claim.epoch === producerEpoch;
}

async function isIncluded(engine: Engine, by: Speaker, topic: string, partition: number): Promise<boolean> {
  const { name, id, epoch } = claimOf(by);
  const mine = (await engine.producers({ open: true })).find((one) => one.name === name && one.id === id);
  if (mine === undefined) return false;
  // Who is no longer meant hears so from the engine.
  return mine.epoch !== epoch || mine.open?.partitions.some((one) => one.topic === topic && one.partition === partition) === true;
}

function claimOf({ transactionalId, producerId, producerEpoch }: Speaker): ProducerClaim {
  return { name: nameOf(transactionalId), id: producerId, epoch: producerEpoch };
}

/** As the engine knows it. */
function nameOf(transactionalId: string): string {
  return `${PREFIX}${transactionalId}`;
}

function keyOf(principal: Principal | undefined, name: string): string {
  return `${principal?.tenant ?? DEFAULT_TENANT}\n${name}`;
}

/** The codes that mean something else here. */
const CODE_OF: Partial<Record<RefusalCode, ErrorCode>> = {
  unknown: ERROR.invalidProducerIdMapping,
  fenced: ERROR.producerFenced,
  stale: ERROR.invalidTxnState,
};

/** Throws what is no refusal. */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof Refused) return CODE_OF[error.code] ?? ERROR_OF[error.code];
  throw error;
}

/** After these there is nothing left that could be aborted. */
const ENDED: ReadonlySet<RefusalCode> = new Set(['fenced', 'stale', 'closed']);
