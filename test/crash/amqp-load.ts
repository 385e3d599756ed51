/** Load over AMQP by amqplib: confirms, acknowledgements, and transactions that move messages from one queue to another. */

import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';
import { idOf } from '../../src/wire/amqp/amqp.ts';
import { idIn, type Load, textOf, type Verdict, Wrongs } from './load.ts';

/** amqplib knows the methods of transactions, by their numbers, and has no functions for them. */
const [TX_SELECT, TX_SELECT_OK] = [idOf('tx.select'), idOf('tx.select-ok')];
const [TX_COMMIT, TX_COMMIT_OK] = [idOf('tx.commit'), idOf('tx.commit-ok')];

type Asking = Channel & { rpc(method: number, fields: object, expect: number): Promise<unknown> };

const QUEUES = ['crash-plain', 'crash-in', 'crash-out'] as const;
const [PLAIN, IN, OUT] = QUEUES;
const WINDOW = 200;
const MOVED_AT_ONCE = 10;

export class AmqpLoad implements Load {
  #next = 1;
  confirmed = 0;
  #frozen = false;
  #connection: ChannelModel | undefined;
  /** Confirmed and not drained. */
  readonly #plain = new Set<number>();
  readonly #in = new Set<number>();
  /** Moved: the commit was answered. */
  readonly #moved = new Set<number>();
  /** Asked to be acknowledged: may be gone, or there. */
  readonly #asked = new Set<number>();
  /** Taken out for good: their commit was answered. */
  readonly #drained = new Set<string>();

  async start(port: number): Promise<void> {
    this.confirmed = 0;
    this.#frozen = false;
    const connection = await quiet(port);
    this.#connection = connection;
    const setup = await channelOf(connection);
    for (const queue of QUEUES) await setup.assertQueue(queue, { durable: true });
    void this.#publish(PLAIN, this.#plain);
    void this.#publish(IN, this.#in);
    await this.#consume();
    await this.#move();
  }

  async #publish(queue: string, confirmed: Set<number>): Promise<void> {
    const channel = await this.#connection?.createConfirmChannel();
    channel?.on('error', () => undefined); // it is killed
    const send = (): void => {
      const id = this.#next++;
      channel?.sendToQueue(queue, Buffer.from(textOf(id)), { persistent: true }, (error) => {
        if (error !== null || this.#frozen) return;
        confirmed.add(id);
        this.confirmed++;
        send();
      });
    };
    for (let i = 0; i < WINDOW; i++) send();
  }

  async #consume(): Promise<void> {
    const channel = await channelOf(this.#connection);
    await channel.prefetch(50);
    await channel.consume(PLAIN, (message) => {
      if (message === null || this.#frozen) return;
      const id = Number.parseInt(message.content.toString(), 10);
      if (id % 4 === 1 && !message.fields.redelivered) return channel.nack(message, false, true);
      // Every other one stays until the end.
      if (id % 2 === 1) return;
      this.#asked.add(id);
      channel.ack(message);
    });
  }

  async #move(): Promise<void> {
    const channel = await channelOf(this.#connection);
    await channel.rpc(TX_SELECT, {}, TX_SELECT_OK);
    await channel.prefetch(3 * MOVED_AT_ONCE);
    let waiting: ConsumeMessage[] = [];
    let moving = false;
    const move = async (): Promise<void> => {
      if (moving || waiting.length < MOVED_AT_ONCE) return;
      moving = true;
      const batch = waiting;
      waiting = [];
      for (const message of batch) {
        channel.sendToQueue(OUT, message.content, { persistent: true });
        channel.ack(message);
      }
      await channel.rpc(TX_COMMIT, {}, TX_COMMIT_OK);
      moving = false;
      if (this.#frozen) return;
      for (const { content } of batch) this.#moved.add(Number.parseInt(content.toString(), 10));
      this.confirmed += batch.length;
      await move();
    };
    await channel.consume(IN, (message) => {
      if (message === null) return;
      waiting.push(message);
      // A commit that is never answered has no outcome: what it moved is looked for afterwards.
      move().catch(() => undefined);
    });
  }

  freeze(): void {
    this.#frozen = true;
  }

  async stop(): Promise<void> {
    this.#connection = undefined;
  }

  async verify(port: number): Promise<Verdict> {
    const wrongs = new Wrongs();
    const confirmed = this.#plain.size + this.#in.size + this.#moved.size;
    const connection = await quiet(port);
    const found = new Map<string, Set<number>>();
    for (const queue of QUEUES) found.set(queue, await this.#drain(connection, queue, wrongs));
    await connection.close();
    const [plain, left, moved] = QUEUES.map((queue) => found.get(queue) ?? new Set<number>()) as [Set<number>, Set<number>, Set<number>];
    for (const id of this.#plain) if (!plain.has(id) && !this.#asked.has(id)) wrongs.lose(`plain: ${id} was confirmed and is lost`);
    for (const id of this.#in) if (!left.has(id) && !moved.has(id)) wrongs.lose(`in: ${id} was confirmed and is in neither queue`);
    for (const id of this.#moved) {
      if (!moved.has(id)) wrongs.lose(`out: ${id} was moved, the commit was answered, and it is lost`);
      if (left.has(id)) wrongs.say(`in: ${id} is there again after its commit was answered`);
    }
    for (const id of moved) if (left.has(id)) wrongs.say(`${id} is in both queues: its transaction was torn`);
    for (const set of [this.#plain, this.#in, this.#moved]) set.clear();
    return { confirmed, lost: wrongs.lost, wrong: wrongs.list };
  }

  /** Takes everything out in transactions: what was drained once may never come again. */
  async #drain(connection: ChannelModel, queue: string, wrongs: Wrongs): Promise<Set<number>> {
    const found = new Set<number>();
    const channel = await channelOf(connection);
    await channel.rpc(TX_SELECT, {}, TX_SELECT_OK);
    for (;;) {
      const { messageCount } = await channel.assertQueue(queue, { durable: true });
      if (messageCount === 0) break;
      const messages = await takenFrom(channel, queue, messageCount);
      for (const message of messages) {
        const id = idIn(message.content.toString(), wrongs, queue);
        if (id === undefined) continue;
        if (found.has(id)) wrongs.say(`${queue}: ${id} is there twice`);
        if (this.#drained.has(`${queue} ${id}`)) wrongs.say(`${queue}: ${id} is there again after its commit was answered`);
        found.add(id);
        this.#drained.add(`${queue} ${id}`);
      }
      const last = messages.at(-1);
      if (last !== undefined) channel.ack(last, true);
      await channel.rpc(TX_COMMIT, {}, TX_COMMIT_OK);
    }
    return found;
  }
}

async function quiet(port: number): Promise<ChannelModel> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`);
  connection.on('error', () => undefined); // it is killed
  return connection;
}

async function channelOf(connection: ChannelModel | undefined): Promise<Asking> {
  const channel = await connection?.createChannel();
  if (channel === undefined) throw new Error('There is no connection.');
  channel.on('error', () => undefined); // it is killed
  return channel as unknown as Asking;
}

async function takenFrom(channel: Channel, queue: string, count: number): Promise<ConsumeMessage[]> {
  const messages: ConsumeMessage[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message !== null) messages.push(message);
    if (messages.length === count) resolve();
  });
  await promise;
  await channel.cancel(consumerTag);
  return messages;
}
