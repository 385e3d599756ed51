/** Load over Kafka by kafkajs: acks -1, a producer with sequences that goes on after the crash, and read-transform-write exactly once. */

import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { FETCH, OFFSET_FETCH } from '../../src/wire/kafka/kafka.ts';
import { Client } from '../servers/kafka/asking.ts';
import { committedOf, readBatches } from '../sim/doors/kafka-records.ts';
import { idIn, type Load, pause, textOf, type Verdict, Wrongs, within } from './load.ts';

const PARTITIONS = [0, 1] as const;
const PLAIN = 'crash-plain';
const ONCE = 'crash-once';
const DONE = 'crash-done';
const GROUP = 'crash-workers';
const BATCH = 5;
const FETCH_VERSION = 11;
const RESUME_MS = 90_000;

/** What lies where, as far as it was read. */
interface Log {
  readonly ids: Map<number, number>;
  next: number;
}

export class KafkaLoad implements Load {
  confirmed = 0;
  #next = 1;
  #frozen = false;
  #stopped = true;
  /** `topic/partition` to offset to id, of what was confirmed and not yet seen. */
  #placed: { readonly place: string; readonly offset: number; readonly id: number }[] = [];
  /** Sent by the producer with sequences, and not answered. */
  readonly #open = new Set<number>();
  readonly #once = new Map<number, number>();
  readonly #logs = new Map<string, Log>();
  readonly #sentOnce = new Set<number>();
  #kafka: Kafka | undefined;
  #idempotent: Producer | undefined;
  #plain: Producer | undefined;
  #working: Promise<unknown> = Promise.resolve();

  /** Clients of former lives go on: they find the broker again by themselves. */
  async start(port: number): Promise<void> {
    this.confirmed = 0;
    this.#frozen = false;
    this.#stopped = false;
    await this.#connect(port);
    this.#working = Promise.all([
      ...Array.from({ length: 8 }, () => this.#sendPlain()),
      ...PARTITIONS.map((partition) => this.#sendOnce(partition)),
      this.#transform(),
    ]);
  }

  async #connect(port: number): Promise<void> {
    if (this.#kafka !== undefined) return;
    const kafka = new Kafka({
      brokers: [`127.0.0.1:${port}`],
      clientId: 'crash',
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 1000 },
    });
    this.#kafka = kafka;
    const admin = kafka.admin();
    await admin.connect();
    const topics = [PLAIN, ONCE, DONE].map((topic) => ({ topic, numPartitions: PARTITIONS.length }));
    await admin.createTopics({ topics });
    await admin.disconnect();
    const createPartitioner = Partitioners.DefaultPartitioner;
    this.#plain = kafka.producer({ createPartitioner, retry: { retries: 0 } });
    this.#idempotent = kafka.producer({ createPartitioner, idempotent: true, maxInFlightRequests: 1 });
    await this.#plain.connect();
    await this.#idempotent.connect();
  }

  async #sendPlain(): Promise<void> {
    while (!this.#stopped) {
      const partition = this.#next % 2;
      const ids = this.#draw();
      try {
        const [told] = (await this.#plain?.send({ topic: PLAIN, acks: -1, messages: messagesOf(ids, partition) })) ?? [];
        if (!this.#frozen) this.#keep(`${PLAIN}/${partition}`, Number(told?.baseOffset ?? -1), ids);
      } catch {
        // Not answered: there or not. It is not sent again.
        await pause(50);
      }
    }
  }

  /**
   * Until it is answered, however often the broker dies meanwhile. One at a time for each partition: kafkajs numbers a batch only when it
   * sends it, so that of two that wait, either may be repeated under the number of the other.
   */
  async #sendOnce(partition: number): Promise<void> {
    while (!this.#stopped) {
      const ids = this.#draw();
      for (const id of ids) {
        this.#open.add(id);
        this.#sentOnce.add(id);
      }
      await this.#idempotent?.send({ topic: ONCE, acks: -1, messages: messagesOf(ids, partition) });
      for (const id of ids) this.#open.delete(id);
      if (!this.#frozen) for (const id of ids) this.#once.set(id, partition);
      if (!this.#frozen) this.confirmed += ids.length;
    }
  }

  #draw(): number[] {
    return Array.from({ length: BATCH }, () => this.#next++);
  }

  #keep(place: string, base: number, ids: readonly number[]): void {
    for (const [i, id] of ids.entries()) this.#placed.push({ place, offset: base + i, id });
    this.confirmed += ids.length;
  }

  /** From the first record to a no, then all anew: a new epoch, a new member, and what was committed says where to go on. */
  async #transform(): Promise<void> {
    while (!this.#stopped) {
      const worker = new Worker(this.#kafka as Kafka, () => this.#stopped);
      await worker.run();
      await pause(50);
    }
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** Nothing stops here: what was under way waits for the next broker. */
  async stop(): Promise<void> {}

  async verify(port: number, resumes: boolean): Promise<Verdict> {
    const wrongs = new Wrongs();
    // What the new broker answers is confirmed by it.
    this.#frozen = false;
    if (resumes) await this.#finish(wrongs);
    const confirmed = this.#placed.length + this.#once.size;
    const client = new Client(port);
    for (const topic of [PLAIN, ONCE, DONE]) for (const partition of PARTITIONS) await this.#read(client, topic, partition, wrongs);
    for (const { place, offset, id } of this.#placed) {
      const there = this.#logs.get(place)?.ids.get(offset);
      if (there !== id) wrongs.lose(`${place}: ${id} was confirmed at ${offset}, where ${there ?? 'nothing'} is`);
    }
    this.#placed = [];
    const counts = new Map<number, number>();
    for (const partition of PARTITIONS)
      for (const id of this.#logs.get(`${ONCE}/${partition}`)?.ids.values() ?? []) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const id of this.#once.keys()) if (!counts.has(id)) wrongs.lose(`${ONCE}: ${id} was confirmed and is lost`);
    this.#once.clear();
    for (const [id, count] of counts) if (count > 1) wrongs.say(`${ONCE}: ${id} is there ${count} times`);
    if (resumes) await this.#judgeTransformed(client, wrongs);
    client.end();
    return { confirmed, lost: wrongs.lost, wrong: wrongs.list };
  }

  /** What was sent and not answered is answered in the end. */
  async #finish(wrongs: Wrongs): Promise<void> {
    this.#stopped = true;
    const late = Symbol();
    const done = await within(RESUME_MS, this.#working, late);
    if (done === late) wrongs.say(`the clients did not go on within ${RESUME_MS / 1000} s: ${this.#open.size} records are not answered`);
  }

  async #read(client: Client, topic: string, partition: number, wrongs: Wrongs): Promise<void> {
    const place = `${topic}/${partition}`;
    const log = this.#logs.get(place) ?? { ids: new Map<number, number>(), next: 0 };
    this.#logs.set(place, log);
    for (;;) {
      const answer = await client.ask(FETCH, FETCH_VERSION, {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 8_000_000,
        isolationLevel: 1,
        topics: [{ topic, partitions: [{ partition, fetchOffset: log.next, partitionMaxBytes: 4_000_000 }] }],
        forgottenTopicsData: [],
        rackId: '',
      });
      const told = answer.responses[0].partitions[0];
      if (told.errorCode !== 0) return wrongs.say(`${place}: fetch answers ${told.errorCode}`);
      const batches = readBatches(told.records);
      for (const { base, last, isControl } of batches)
        if (last < base && !isControl) wrongs.say(`${place}: a batch from ${base} to ${last}`);
      for (const { records } of committedOf(batches, told.abortedTransactions ?? []))
        for (const { offset, text } of records) {
          const id = idIn(text, wrongs, place);
          if (id !== undefined && offset >= log.next) log.ids.set(offset, id);
        }
      const next = Math.max(log.next, (batches.at(-1)?.last ?? -1) + 1);
      if (next === log.next) return;
      log.next = next;
    }
  }

  /** Each input below the group's offset has become one output, and none from there on. */
  async #judgeTransformed(client: Client, wrongs: Wrongs): Promise<void> {
    const outputs = new Map<number, number>();
    for (const partition of PARTITIONS)
      for (const id of this.#logs.get(`${DONE}/${partition}`)?.ids.values() ?? []) outputs.set(id, (outputs.get(id) ?? 0) + 1);
    for (const partition of PARTITIONS) {
      const answer = await client.ask(OFFSET_FETCH, 5, { groupId: GROUP, topics: [{ name: ONCE, partitionIndexes: [partition] }] });
      const end = answer.topics[0].partitions[0].committedOffset;
      for (const [offset, id] of this.#logs.get(`${ONCE}/${partition}`)?.ids ?? []) {
        const count = outputs.get(id) ?? 0;
        if (offset < end && count === 0)
          wrongs.lose(`${DONE}: ${id} at ${partition}/${offset} is not there, and the group stands at ${end}`);
        if (count > 1 || (offset >= end && count > 0))
          wrongs.say(`${DONE}: ${id} at ${partition}/${offset} is there ${count} times, and the group stands at ${end}`);
      }
    }
  }

  async end(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#plain?.disconnect(), this.#idempotent?.disconnect()].map((one) => one?.catch(() => undefined)));
  }
}

/** One life of a worker: a transaction for each batch it reads. */
class Worker {
  readonly #consumer: Consumer;
  readonly #producer: Producer;
  readonly #isOver: () => boolean;
  readonly #failed = Promise.withResolvers<void>();

  constructor(kafka: Kafka, isOver: () => boolean) {
    this.#isOver = isOver;
    const retry = { initialRetryTime: 20, maxRetryTime: 100, retries: 3 };
    this.#consumer = kafka.consumer({ groupId: GROUP, maxWaitTimeInMs: 20, sessionTimeout: 6000, heartbeatInterval: 500, retry });
    this.#producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionalId: 'crash-worker',
      idempotent: true,
      maxInFlightRequests: 1,
      retry,
    });
  }

  async run(): Promise<void> {
    const watch = setInterval(() => this.#isOver() && this.#failed.resolve(), 20);
    try {
      await this.#producer.connect();
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topic: ONCE, fromBeginning: true });
      this.#consumer.on('consumer.crash', () => this.#failed.resolve());
      await this.#consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (batch) => this.#transform(batch) });
      await this.#failed.promise;
    } catch {
      // Whatever went wrong, the next life begins where the group stands.
    }
    clearInterval(watch);
    await Promise.all([this.#consumer.disconnect().catch(() => undefined), this.#producer.disconnect().catch(() => undefined)]);
  }

  async #transform({ batch, resolveOffset }: Parameters<NonNullable<Parameters<Consumer['run']>[0]>['eachBatch'] & {}>[0]): Promise<void> {
    const [first] = batch.messages;
    const last = batch.messages.slice(0, 50).at(-1);
    if (first === undefined || last === undefined || this.#isOver()) return;
    try {
      const transaction = await this.#producer.transaction();
      const messages = batch.messages.slice(0, 50).map(({ value }) => ({ value, partition: Number.parseInt(String(value), 10) % 2 }));
      await transaction.send({ topic: DONE, messages });
      const offset = String(Number(last.offset) + 1);
      await transaction.sendOffsets({
        consumerGroupId: GROUP,
        topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset }] }],
      });
      await transaction.commit();
      resolveOffset(last.offset);
    } catch {
      this.#failed.resolve();
      // Nothing more is read in this life: what comes next would be without what failed.
      await new Promise<void>((resolve) => setTimeout(resolve, 1000));
      throw new Error('This worker is over.');
    }
  }
}

function messagesOf(ids: readonly number[], partition: number): { readonly value: string; readonly partition: number }[] {
  return ids.map((id) => ({ value: textOf(id), partition }));
}
