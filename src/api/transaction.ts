/** A transaction being put together: nothing happens until it is committed, then all of it in one journal entry. */

import type { Engine, Operation } from '../model/engine.ts';
import { offset } from '../model/lines.ts';
import { MAIN_LINE } from '../model/message.ts';
import { Refused } from '../model/refusal.ts';
import { outgoing } from './outgoing.ts';
import type { Received } from './received.ts';
import { checked, type StandardSchemaV1 } from './standard.ts';
import type { TopicEvent } from './topic-event.ts';
import type { TopicSubscription } from './topic-subscription.ts';
import type { MessageOptions } from './value.ts';

export class Transaction {
  readonly #engine: Engine;
  readonly #schemas: Readonly<Record<string, StandardSchemaV1>>;
  readonly #operations: (Operation | Promise<Operation>)[] = [];
  #over = false;

  constructor(engine: Engine, schemas: Readonly<Record<string, StandardSchemaV1>> = {}) {
    this.#engine = engine;
    this.#schemas = schemas;
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
    this.#settle(message, 'ack');
  }

  /** Dead-letters a message as part of it: refused as `stale` when it is no longer held. */
  reject(message: Received): void {
    this.#settle(message, 'reject');
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
    const operations = await Promise.all(this.#operations);
    if (operations.length > 0) await this.#engine.transact(operations);
  }

  #settle(message: Received, outcome: 'ack' | 'reject'): void {
    this.#add({ kind: 'settle', queue: message.queue, lease: message.lease, runs: Float64Array.of(message.number, 1), outcome });
  }

  #publish(exchange: string, address: string, value: unknown, options: MessageOptions | undefined): void {
    const nowMs = this.#engine.nowMs();
    const operation = (fitting: unknown): Operation => {
      const out = outgoing([fitting], exchange, address, nowMs, () => options);
      return { kind: 'publish', exchange, address, records: out.records, ...(out.columns && { columns: out.columns }) };
    };
    const schema = this.#schemas[address];
    this.#add(schema === undefined ? operation(value) : checked(schema, value).then(operation));
  }

  #add(operation: Operation | Promise<Operation>): void {
    if (this.#over) throw new Refused('invalid', 'This transaction is over. Begin another.');
    this.#operations.push(operation);
    // What does not fit its schema is told by `commit`, and by nobody when there is none.
    if (operation instanceof Promise) operation.catch(() => undefined);
  }
}
