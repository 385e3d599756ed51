/** Publishes of one channel on their way to the engine: neighbours with one route go as one batch. */

import type { Publish, Published } from '../../model/engine.ts';
import { type RefusalCode, Refused } from '../../model/refusal.ts';
import { encodeMethod, idOf, type RecordBatch, RecordScan } from '../../wire/amqp/amqp.ts';
import type { Confirms, Ticket } from './confirms.ts';
import { AmqpFault, faultOf, noExchange } from './faults.ts';
import type { Link } from './link.ts';
import type { PublishRoute } from './routes.ts';

/** A batch is sent on at this size, though more of its kind may follow. */
const BATCH_BYTES = 256 * 1024;
const BATCH_COUNT = 1024;

const PUBLISH = idOf('basic.publish');

/** What keeps a publish from sharing a batch with its neighbours. */
export interface Apart {
  readonly mandatory: boolean;
  /** Further routing keys. */
  readonly also: readonly string[];
  /** Asked for; only an exchange that delays grants it. */
  readonly delayMs: number | undefined;
}

const TOGETHER: Apart = { mandatory: false, also: [], delayMs: undefined };

/** Messages of one batch, kept until the engine has answered. */
export interface Sending {
  readonly route: PublishRoute;
  readonly transient: boolean;
  readonly batch: RecordBatch;
  readonly apart: Apart;
}

/** The channel as the publisher sees it. */
export interface Outbound {
  readonly id: number;
  readonly link: Link;
  readonly confirms: Confirms | undefined;
  readonly isOpen: boolean;
  /** Ends the channel or the connection. */
  fail(fault: AmqpFault, id: number): void;
  /** There may be confirms to write. */
  touch(): void;
}

/** Refusals that concern single messages: the others of the batch are tried without them. */
const SINGLE: ReadonlySet<RefusalCode> = new Set(['full', 'schema', 'too-large', 'unrouted']);

export class Publisher {
  readonly #channel: Outbound;
  #open: Sending | undefined;
  /** A message has begun in the open batch and is not whole. */
  #building = false;

  constructor(channel: Outbound) {
    this.#channel = channel;
  }

  /** The batch in which a message with this route begins. */
  begin(route: PublishRoute, transient: boolean, apart: Apart | undefined): RecordBatch {
    const open = this.#open;
    if (open !== undefined) {
      if (open.route === route && open.transient === transient && apart === undefined && open.apart === TOGETHER) {
        this.#building = true;
        return open.batch;
      }
      this.submit();
    }
    this.#open = { route, transient, batch: this.#channel.link.door.batches.take(), apart: apart ?? TOGETHER };
    this.#building = true;
    return this.#open.batch;
  }

  /** Where the message that has begun is being put together; undefined when none has. */
  get building(): RecordBatch | undefined {
    return this.#building ? this.#open?.batch : undefined;
  }

  /** The message that has begun will not be finished. */
  abandon(): void {
    this.building?.abandon();
    this.#building = false;
  }

  /** The message that has begun is whole. */
  end(): void {
    this.building?.end();
    this.#building = false;
  }

  /** A message has ended: the batch goes, if it is full or stands alone. */
  finished(): void {
    const open = this.#open;
    if (open === undefined) return;
    if (open.apart !== TOGETHER || open.batch.sizeBytes >= BATCH_BYTES || open.batch.count >= BATCH_COUNT) this.submit();
  }

  /** What is gathered, taken away. A message that is not whole stays. */
  take(): Sending | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    if (this.#building) {
      if (open.batch.count === 0) return undefined;
      const batch = this.#channel.link.door.batches.take();
      open.batch.moveBegun(batch);
      this.#open = { ...open, batch };
      return open;
    }
    this.#open = undefined;
    if (open.batch.count > 0) return open;
    this.#channel.link.door.batches.give(open.batch);
    return undefined;
  }

  /** Sends on what is gathered. A message that is not whole stays. */
  submit(): void {
    const sending = this.take();
    if (sending === undefined) return;
    const { link, confirms } = this.#channel;
    const { batch, route } = sending;
    const { count, sizeBytes } = batch;
    link.door.figures.published += count;
    link.waiting(sizeBytes);
    const ticket = confirms?.expect(count);
    const done = (): void => {
      link.waiting(-sizeBytes);
      link.door.batches.give(batch);
    };
    const publishing =
      sending.apart.delayMs === undefined
        ? link.engine.publish(publishOf(sending, 0, count))
        : this.#publishLate(sending, sending.apart.delayMs);
    publishing.then(
      () => {
        this.#settled(ticket, 'acked');
        done();
      },
      (error: unknown) => {
        if (count > 1 && error instanceof Refused && SINGLE.has(error.code)) void this.#oneByOne(sending, ticket).finally(done);
        else {
          this.#failed(error, route, sending, 0, ticket);
          done();
        }
      },
    );
  }

  /** In order: all are asked for before any is answered. */
  async #oneByOne(sending: Sending, ticket: Ticket | undefined): Promise<void> {
    const tickets = ticket === undefined ? [] : (this.#channel.confirms?.split(ticket) ?? []);
    const answers = Array.from({ length: sending.batch.count }, (_, i) => this.#channel.link.engine.publish(publishOf(sending, i, i + 1)));
    await Promise.all(
      answers.map((answer, i) =>
        answer.then(
          () => this.#settled(tickets[i], 'acked'),
          (error: unknown) => this.#failed(error, sending.route, sending, i, tickets[i]),
        ),
      ),
    );
  }

  /** Looks first whether the exchange grants the delay; its order among others is of no matter then. */
  async #publishLate(sending: Sending, delayMs: number): Promise<Published> {
    const { link } = this.#channel;
    if (await link.door.delays(link.house, link.vhost, sending.route.exchange)) sending.batch.setDueMs(0, link.engine.nowMs() + delayMs);
    return link.engine.publish(publishOf(sending, 0, 1));
  }

  #settled(ticket: Ticket | undefined, state: 'acked' | 'nacked'): void {
    if (ticket === undefined) return;
    ticket.state = state;
    this.#channel.touch();
  }

  /** `index`: which message of the batch it is about. */
  #failed(error: unknown, route: PublishRoute, sending: Sending, index: number, ticket: Ticket | undefined): void {
    const channel = this.#channel;
    if (!channel.isOpen) return;
    if (!(error instanceof Refused)) {
      channel.link.door.tell(error, 'publish');
      channel.fail(new AmqpFault(541, 'the broker could not publish; its log has more', 'connection'), PUBLISH);
      return;
    }
    if (error.code === 'unrouted') {
      if (sending.apart.mandatory) this.returned(sending, index);
      this.#settled(ticket, 'acked');
      return;
    }
    if (error.code === 'full' || ((error.code === 'schema' || error.code === 'disk-full') && ticket !== undefined)) {
      this.#settled(ticket, 'nacked');
      return;
    }
    this.explain(error, route).then(
      (fault) => channel.fail(fault, PUBLISH),
      (other: unknown) => channel.link.door.tell(other, 'publish'),
    );
  }

  /** The refusal of a publish in the words clients know. */
  async explain(error: Refused, { exchange }: PublishRoute): Promise<AmqpFault> {
    const { link } = this.#channel;
    if (error.code === 'unknown') return noExchange(exchange, link.vhost);
    if (error.code !== 'forbidden') return faultOf(error);
    const known = await link.house.describe('exchange', exchange);
    const spec = known?.kind === 'exchange' ? known.spec : undefined;
    if (spec?.kind === 'exchange' && spec.internal === true)
      return new AmqpFault(403, `cannot publish to internal exchange '${exchange}' in vhost '${link.vhost}'`);
    return new AmqpFault(403, `access to exchange '${exchange}' in vhost '${link.vhost}' refused for user '${link.user}'`);
  }

  /** Gives a mandatory message back that nobody takes. */
  returned({ batch, route }: Sending, index: number): void {
    const { link, id } = this.#channel;
    const { bytes } = batch;
    recordScan.scan(bytes, batch.records(index, index + 1).start);
    link.output.method(
      id,
      encodeMethod('basic.return', { replyCode: 312, replyText: 'NO_ROUTE', exchange: route.exchange, routingKey: route.address }),
    );
    const { propertiesAt, bodyAt, end } = recordScan;
    link.output.content(id, {
      properties: bytes,
      propertiesFrom: propertiesAt,
      propertiesTo: bodyAt,
      body: bytes,
      bodyFrom: bodyAt,
      bodyTo: end,
    });
    link.door.figures.returned++;
    link.touch();
  }
}

/** Looks at one record after another, never at two at once. */
const recordScan: RecordScan = new RecordScan();

/** What the engine is asked for the messages from `from` to `to`. Without spreading: it is made for every message where each has an address of its own. */
export function publishOf({ route, transient, batch, apart }: Sending, from: number, to: number): Publish {
  const publish: { -readonly [P in keyof Publish]: Publish[P] } = {
    exchange: route.exchange,
    address: route.address,
    records: batch.records(from, to),
  };
  const columns = batch.columns(from, to);
  if (columns !== undefined) publish.columns = columns;
  if (transient) publish.transient = true;
  if (route.exchange === '') publish.mayMiss = true;
  if (apart === TOGETHER) return publish;
  if (apart.also.length > 0) publish.also = apart.also;
  if (apart.mandatory) publish.mandatory = true;
  return publish;
}

/** How an answer of the engine looks when nothing took the message. */
export function isUnrouted(published: Published | number | undefined): boolean {
  return typeof published === 'object' && published.routed === 0;
}
