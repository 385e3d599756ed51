/**
 * The door of the transactions: producers with a name, and what each has under way.
 *
 * What is produced within a transaction is held here, and handed to the engine in one step when it is committed: with the offsets that
 * belong to it, all or nothing, whatever crashes. Until then nobody sees anything of it, and an aborted one leaves no trace.
 */

import type { Engine, Principal } from '../../../model/engine.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import { ERROR, type ErrorCode } from '../../../wire/kafka/kafka.ts';
import type { Machine } from '../machine.ts';
import { type Held, type KeptOffset, type Line, Transaction } from './transaction.ts';

export type { Held, KeptOffset } from './transaction.ts';

export interface TransactionLimits {
  /** Longest time a transaction may take. */
  readonly transactionMs: number;
  /** Held for one transaction, and for all together, bytes. */
  readonly transactionBytesMax: number;
  readonly transactionsBytesMax: number;
}

/** Epochs are told in 16 bits; a producer that has used up its own goes on as another. */
const EPOCH_MAX = 32_000;

/** A producer with a name. */
interface Named {
  readonly id: number;
  readonly epoch: number;
  readonly timeoutMs: number;
  /** What it has sent, by partition: counted over all its transactions. */
  readonly lines: Map<string, Line>;
  open: Transaction | undefined;
  /** Its end is on its way to the disk. */
  ending: boolean;
  /** Its time was up: this epoch may do nothing more. */
  isOver: boolean;
  /** How the last one ended, for who asks again. */
  committed: boolean | undefined;
}

/** Who speaks for a producer. */
export interface Speaker {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

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
    { transactionalId, producerId, producerEpoch }: Speaker,
    timeoutMs: number,
  ): Promise<{ readonly id: number; readonly epoch: number } | ErrorCode> {
    if (transactionalId === '') return ERROR.invalidRequest;
    if (timeoutMs <= 0 || timeoutMs > this.#limits.transactionMs) return ERROR.invalidTransactionTimeout;
    const key = keyOf(principal, transactionalId);
    const former = this.#named.get(key);
    if (former?.ending === true) return ERROR.concurrentTransactions;
    // Who says what it was given before must have been given just that last.
    if (producerId >= 0 && former !== undefined && (former.id !== producerId || former.epoch !== producerEpoch))
      return ERROR.producerFenced;
    if (former !== undefined) this.#drop(former);
    const { id, epoch } = await this.#next(engine, transactionalId);
    this.#named.set(key, { id, epoch, timeoutMs, lines: new Map(), open: undefined, ending: false, isOver: false, committed: undefined });
    return { id, epoch };
  }

  async #next(engine: Engine, transactionalId: string): Promise<{ readonly id: number; readonly epoch: number }> {
    let name = `kafka/${transactionalId}`;
    let given = await engine.producer(name);
    while (given.epoch > EPOCH_MAX) {
      name += '+';
      given = await engine.producer(name);
    }
    return given;
  }

  /** These partitions belong to the transaction from now on; it begins with the first. */
  addPartitions(principal: Principal | undefined, speaker: Speaker, partitions: readonly string[]): ErrorCode {
    const named = this.#speaks(principal, speaker);
    if (typeof named === 'number') return named;
    for (const partition of partitions) this.#opened(named).partitions.add(partition);
    return ERROR.none;
  }

  /** Offsets of this group belong to the transaction from now on. */
  addGroup(principal: Principal | undefined, speaker: Speaker, group: string): ErrorCode {
    const named = this.#speaks(principal, speaker);
    if (typeof named === 'number') return named;
    this.#opened(named).groups.add(group);
    return ERROR.none;
  }

  /** Holds a batch until the transaction ends. Its bytes are borrowed. */
  produce(principal: Principal | undefined, transactionalId: string, held: Held): ErrorCode {
    const { id, epoch } = held.producer;
    const named = this.#speaks(principal, { transactionalId, producerId: id, producerEpoch: epoch });
    if (typeof named === 'number') return named === ERROR.producerFenced ? ERROR.invalidProducerEpoch : named;
    const { open } = named;
    if (open === undefined || !open.partitions.has(`${held.topic}/${held.partition}`)) return ERROR.invalidTxnState;
    const sizeBytes = held.batch.length;
    if (open.sizeBytes + sizeBytes > this.#limits.transactionBytesMax) return ERROR.messageTooLarge;
    if (this.#heldBytes + sizeBytes > this.#limits.transactionsBytesMax) return ERROR.storageError;
    const errorCode = open.hold(held);
    if (errorCode === ERROR.none) this.#heldBytes += sizeBytes;
    return errorCode;
  }

  /** Keeps offsets of a group until the transaction ends. */
  keepOffsets(principal: Principal | undefined, speaker: Speaker, group: string, offsets: readonly KeptOffset[]): ErrorCode {
    const named = this.#speaks(principal, speaker);
    if (typeof named === 'number') return named;
    if (named.open === undefined || !named.open.groups.has(group)) return ERROR.invalidTxnState;
    named.open.keep(group, offsets);
    return ERROR.none;
  }

  /** Whether a transaction that is under way may still move this group's place in a partition. */
  isUnstable(principal: Principal | undefined, group: string, topic: string, partition: number): boolean {
    const tenant = keyOf(principal, '');
    for (const [key, { open }] of this.#named) if (open?.keeps(group, topic, partition) === true && key.startsWith(tenant)) return true;
    return false;
  }

  /** Resolves once the end is safe. Rejects with what the engine refuses: then it is aborted. */
  async end(engine: Engine, principal: Principal | undefined, speaker: Speaker, committed: boolean): Promise<ErrorCode> {
    const named = this.#speaks(principal, speaker);
    if (typeof named === 'number') return named;
    const { open } = named;
    // Asked again, the answer is the same.
    if (open === undefined) return named.committed === committed ? ERROR.none : ERROR.invalidTxnState;
    open.stop();
    if (committed && !open.isEmpty) {
      named.ending = true;
      try {
        await engine.transact(open.operations());
      } catch (error) {
        named.committed = false;
        throw error;
      } finally {
        named.ending = false;
        this.#forget(named);
      }
    } else this.#forget(named);
    named.committed = committed;
    return ERROR.none;
  }

  /** Nothing more will come: what is under way is aborted. */
  close(): void {
    for (const named of this.#named.values()) this.#drop(named);
    this.#named.clear();
  }

  #speaks(principal: Principal | undefined, { transactionalId, producerId, producerEpoch }: Speaker): Named | ErrorCode {
    const named = this.#named.get(keyOf(principal, transactionalId));
    if (named === undefined || named.id !== producerId) return ERROR.invalidProducerIdMapping;
    if (named.epoch !== producerEpoch || named.isOver) return ERROR.producerFenced;
    return named.ending ? ERROR.concurrentTransactions : named;
  }

  #opened(named: Named): Transaction {
    if (named.open === undefined) {
      const timeUp = this.#machine.clock.after(named.timeoutMs, () => {
        named.isOver = true;
        this.#drop(named);
      });
      named.open = new Transaction(named.lines, timeUp);
      named.committed = undefined;
    }
    return named.open;
  }

  #drop(named: Named): void {
    named.open?.stop();
    this.#forget(named);
  }

  #forget(named: Named): void {
    this.#heldBytes -= named.open?.sizeBytes ?? 0;
    named.open = undefined;
  }
}

function keyOf(principal: Principal | undefined, name: string): string {
  return `${principal?.tenant ?? DEFAULT_TENANT}\n${name}`;
}
