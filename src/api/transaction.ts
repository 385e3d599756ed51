/** A transaction being put together: nothing happens until it is committed, then all of it in one journal entry. */

import type { Engine, Operation } from '../model/engine.ts';
import { offset } from '../model/lines.ts';
import { MAIN_LINE } from '../model/message.ts';
import { Refused } from '../model/refusal.ts';
import { outgoing } from './outgoing.ts';
import type { Received } from './received.ts';
import type { TopicEvent, TopicSubscription } from './topic-subscription.ts';
import type { MessageOptions } from './value.ts';

export class Transaction {
  readonly #engine: Engine;
  readonly #operations: Operation[] = [];
  #over = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** To an address of the main line, or a topic. */
  publish(address: string, value: unknown, options?: MessageOptions): void {
    this.#publish(MAIN_LINE, address, value, options);
  }

  /** To an exchange. */
  publishTo(exchange: string, address: string, value: unknown, options?: MessageOptions): void {
    this.#publish(exchange, address, value, options);
  }

  /** To a queue. */
  send(queue: string, value: unknown, options?: MessageOptions): void {
    this.#publish('', queue, value, options);
  }

  /** Settles a message as part of it: refused as `stale` when it is no longer held. */
  ack(message: Received): void {
    this.#add({ kind: 'settle', queue: message.queue, lease: message.lease, runs: Float64Array.of(message.number, 1), outcome: 'ack' });
  }

  /** Moves the group's cursor past an event: refused as `stale` when the partition has gone to another member. */
  done(subscription: TopicSubscription, event: TopicEvent): void {
    const { group, membership } = subscription;
    if (group === undefined || membership === undefined)
      throw new Refused('invalid', 'A subscription without a group has no cursor to move in a transaction.');
    const moves = [{ topic: event.topic, partition: event.partition, offset: offset(event.offset + 1) }];
    this.#add({ kind: 'move', group, membership, moves });
  }

  async commit(): Promise<void> {
    if (this.#over) throw new Refused('invalid', 'This transaction is over. Begin another.');
    this.#over = true;
    if (this.#operations.length > 0) await this.#engine.transact(this.#operations);
  }

  #publish(exchange: string, address: string, value: unknown, options: MessageOptions | undefined): void {
    const out = outgoing([value], exchange, address, this.#engine.nowMs(), () => options);
    this.#add({ kind: 'publish', exchange, address, records: out.records, ...(out.columns && { columns: out.columns }) });
  }

  #add(operation: Operation): void {
    if (this.#over) throw new Refused('invalid', 'This transaction is over. Begin another.');
    this.#operations.push(operation);
  }
}
