/** Listens in between a test and its broker: what was published, delivered, dead-lettered. */

import type {
  Consume,
  Consumer,
  DeathReason,
  Deliveries,
  Engine,
  Operation,
  Publish,
  Published,
  Receive,
  Receiver,
} from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { packedIn, unpackRecord } from '../model/packs.ts';
import { type Language, type Records, readMessage } from '../model/record.ts';

/** A message that went by. */
export interface Recorded {
  readonly exchange: string;
  readonly address: string;
  /** The queue it was delivered from; `''` when published. */
  readonly queue: string;
  readonly message: Message;
  /** The body by its content type; its bytes where it is not what it says. */
  readonly value: unknown;
  /** How often it had been delivered, this time included; 0 when published. */
  readonly attempts: number;
}

export interface RecordedDeath extends Recorded {
  readonly reason: DeathReason;
}

export class Recorder {
  readonly published: Recorded[] = [];
  readonly delivered: Recorded[] = [];
  readonly deadLettered: RecordedDeath[] = [];
  readonly #valueOf: (message: Message) => unknown;
  readonly #languages: ReadonlyMap<number, Language>;

  constructor(decodeValue: (message: Message) => unknown, languages: readonly Language[]) {
    this.#valueOf = decodeValue;
    this.#languages = new Map(languages.map((language) => [language.number, language]));
  }

  died(queue: string, deliveries: Deliveries, reason: DeathReason): void {
    for (const recorded of this.#read(queue, deliveries)) this.deadLettered.push({ ...recorded, reason });
  }

  /** The same engine, listened to. */
  watch(engine: Engine): Engine {
    const recorder = this;
    return new Proxy(engine, {
      get(target, name) {
        if (name === 'publish') return (publish: Publish) => recorder.#publish(target, publish);
        if (name === 'transact') return (operations: readonly Operation[]) => recorder.#transact(target, operations);
        if (name === 'consume') return (consume: Consume, receiver: Receiver) => recorder.#consume(target, consume, receiver);
        if (name === 'receive') return (receive: Receive) => recorder.#receive(target, receive);
        if (name === 'as') return (...who: Parameters<Engine['as']>) => recorder.watch(target.as(...who));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  async #publish(engine: Engine, publish: Publish): Promise<Published> {
    const published = await engine.publish(publish);
    this.#note(publish.exchange, publish.address, publish.records);
    return published;
  }

  async #transact(engine: Engine, operations: readonly Operation[]): Promise<readonly (Published | number)[]> {
    const answers = await engine.transact(operations);
    for (const operation of operations)
      if (operation.kind === 'publish') this.#note(operation.exchange, operation.address, operation.records);
    return answers;
  }

  #consume(engine: Engine, consume: Consume, receiver: Receiver): Promise<Consumer> {
    return engine.consume(consume, {
      deliver: (deliveries) => {
        this.delivered.push(...this.#read(deliveries.queue, deliveries));
        receiver.deliver(deliveries);
      },
      cancelled: (reason) => receiver.cancelled(reason),
    });
  }

  async #receive(engine: Engine, receive: Receive): Promise<Deliveries | undefined> {
    const deliveries = await engine.receive(receive);
    if (deliveries !== undefined) this.delivered.push(...this.#read(deliveries.queue, deliveries));
    return deliveries;
  }

  #note(exchange: string = MAIN_LINE, address: string, records: Records): void {
    for (let i = 0; i < records.count; i++) {
      const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
      if (packedIn(records.bytes, at, this.#languages) > 0) {
        this.#note(exchange, address, unpackRecord(records.bytes, at, this.#languages));
        continue;
      }
      const message = readMessage(records.bytes, at, this.#languages);
      this.published.push({ exchange, address, queue: '', message, value: this.#valueOf(message), attempts: 0 });
    }
  }

  *#read(queue: string, { bytes, at, count, attempts }: Deliveries): Generator<Recorded> {
    for (let i = 0; i < count; i++) {
      const message = readMessage(bytes, at[i] ?? 0, this.#languages);
      yield {
        exchange: message.exchange,
        address: message.address,
        queue,
        message,
        value: this.#valueOf(message),
        attempts: attempts[i] ?? 0,
      };
    }
  }
}
