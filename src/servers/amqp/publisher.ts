/** Publishes of one channel on their way to the engine: neighbours with one route go as one batch. */

import type { Published } from '../../model/engine.ts';
import { type RefusalCode, Refused } from '../../model/refusal.ts';
import { encodeMethod, idOf, type RecordBatch, RecordScan } from '../../wire/amqp/amqp.ts';
import type { Confirms, Ticket } from './confirms.ts';
import { AmqpFault, faultOf, noExchange } from './faults.ts';
import type { Link } from './link.ts';
import type { PublishRoute } from './routes.ts';
import { type Apart, publishOf, routeAt, type Sending, sendingOf, TOGETHER, UNASKED } from './sending.ts';

/** A batch is sent on at this size, though more of its kind may follow. */
const BATCH_BYTES = 256 * 1024;
const BATCH_COUNT = 1024;

const PUBLISH = idOf('basic.publish');

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
  /** Whole batches that go before the open one, in order; all transient, or none. */
  #ready: Sending[] = [];
  #readyBytes = 0;
  /** A message has begun in the open batch and is not whole. */
  #building = false;
  /** It has sent something. */
  used = false;

  constructor(channel: Outbound) {
    this.#channel = channel;
  }

  /** The batch in which a message with this route begins. */
  begin(route: PublishRoute, transient: boolean, apart: Apart | undefined): RecordBatch {
    const open = this.#open;
    if (open !== undefined) {
      if (open.transient === transient && apart === undefined && open.apart === TOGETHER && this.#joins(open, route)) {
        this.#building = true;
        return open.batch;
      }
      this.#close();
      // Who sends what may be lost does not wait for what may not.
      if (this.#ready[0] !== undefined && this.#ready[0].transient !== transient) this.#submitReady();
    }
    const batch = this.#channel.link.door.batches.take();
    this.#open = sendingOf(route, transient, batch, apart ?? TOGETHER);
    this.#building = true;
    return batch;
  }

  /** True when a message with this route may be in that batch, which knows it then. */
  #joins(open: Sending, route: PublishRoute): boolean {
    if (open.route !== route) {
      const { exchange, address } = route;
      if (exchange !== open.route.exchange) return false;
      const { engine } = this.#channel.link;
      if (open.way === UNASKED) open.way = engine.way(exchange, open.route.address);
      if (open.way === undefined || open.way !== engine.way(exchange, address)) return false;
      open.others ??= [];
    }
    if (open.others !== undefined) open.others[open.batch.count] = route;
    return true;
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
    const { batch } = open;
    if (
      open.apart.delayMs !== undefined ||
      this.#readyBytes + batch.sizeBytes >= BATCH_BYTES ||
      batch.count + this.#ready.length >= BATCH_COUNT
    )
      this.submit();
    else if (open.apart !== TOGETHER) this.#close();
  }

  /** The open batch takes no more. */
  #close(): void {
    const sending = this.take();
    if (sending === undefined) return;
    this.#ready.push(sending);
    this.#readyBytes += sending.batch.sizeBytes;
  }

  /** The open batch, taken away. A message that is not whole stays. */
  take(): Sending | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    const { transient, apart } = open;
    const { count } = open.batch;
    if (this.#building) {
      // Another turn may find other ways: what is known of them goes with this one.
      const route = routeAt(open, count);
      const batch = count === 0 ? open.batch : this.#channel.link.door.batches.take();
      if (count > 0) open.batch.moveBegun(batch);
      this.#open = sendingOf(route, transient, batch, apart);
      return count === 0 ? undefined : open;
    }
    this.#open = undefined;
    if (count > 0) return open;
    this.#channel.link.door.batches.give(open.batch);
    return undefined;
  }

  /** Sends on what is gathered. A message that is not whole stays. */
  submit(): void {
    const sending = this.take();
    if (sending === undefined) {
      if (this.#ready.length > 0) this.#submitReady();
      return;
    }
    if (this.#ready.length > 0) {
      if (sending.transient === this.#ready[0]?.transient && sending.apart.delayMs === undefined) {
        this.#ready.push(sending);
        this.#submitReady();
        return;
      }
      this.#submitReady();
    }
    this.#send(sending);
  }

  #submitReady(): void {
    const all = this.#ready;
    this.#ready = [];
    this.#readyBytes = 0;
    if (all.length === 1) this.#send(all[0] as Sending);
    else this.#sendAll(all);
  }

  #send(sending: Sending): void {
    const { link } = this.#channel;
    const { count } = sending.batch;
    const ticket = this.#leaves(sending);
    const { delayMs } = sending.apart;
    const publishing = delayMs === undefined ? link.engine.publish(publishOf(sending, 0, count)) : this.#publishLate(sending, delayMs);
    publishing.then(
      () => this.#answered(sending, ticket, undefined),
      (error: unknown) => this.#answered(sending, ticket, error),
    );
  }

  /** As one step: one answer for all that came with one read. */
  #sendAll(all: readonly Sending[]): void {
    const tickets = all.map((sending) => this.#leaves(sending));
    const publishes = all.map((sending) => publishOf(sending, 0, sending.batch.count));
    this.#channel.link.engine.publishAll(publishes).then(
      (answers) => {
        for (const [i, sending] of all.entries()) {
          const answer = answers[i];
          this.#answered(sending, tickets[i], answer instanceof Refused ? answer : undefined);
        }
      },
      (error: unknown) => {
        for (const [i, sending] of all.entries()) this.#answered(sending, tickets[i], error);
      },
    );
  }

  /** Counts a batch that is sent on; answers the ticket for its confirms. */
  #leaves({ batch }: Sending): Ticket | undefined {
    const { link, confirms } = this.#channel;
    this.used = true;
    link.door.figures.published += batch.count;
    link.waiting(batch.sizeBytes);
    return confirms?.expect(batch.count);
  }

  /** `error`: undefined when all of it was taken. */
  #answered(sending: Sending, ticket: Ticket | undefined, error: unknown): void {
    const { batch } = sending;
    if (error !== undefined && batch.count > 1 && error instanceof Refused && SINGLE.has(error.code)) {
      void this.#oneByOne(sending, ticket).finally(() => this.#done(sending));
      return;
    }
    if (error === undefined) this.#settled(ticket, 'acked');
    else this.#failed(error, sending, 0, ticket);
    this.#done(sending);
  }

  #done({ batch }: Sending): void {
    const { link } = this.#channel;
    link.waiting(-batch.sizeBytes);
    link.door.batches.give(batch);
  }

  /** In order: all are asked for before any is answered. */
  async #oneByOne(sending: Sending, ticket: Ticket | undefined): Promise<void> {
    const tickets = ticket === undefined ? [] : (this.#channel.confirms?.split(ticket) ?? []);
    const answers = Array.from({ length: sending.batch.count }, (_, i) => this.#channel.link.engine.publish(publishOf(sending, i, i + 1)));
    await Promise.all(
      answers.map((answer, i) =>
        answer.then(
          () => this.#settled(tickets[i], 'acked'),
          (error: unknown) => this.#failed(error, sending, i, tickets[i]),
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
  #failed(error: unknown, sending: Sending, index: number, ticket: Ticket | undefined): void {
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
    this.explain(error, sending.route).then(
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
