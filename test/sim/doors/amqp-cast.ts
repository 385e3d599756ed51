/** The AMQP door on a simulated machine: its clients come and go, and at the end everything is taken out and compared with the ledger. */

import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { Door } from '../../../src/servers/amqp/door.ts';
import { AMQP_LIMITS } from '../../../src/servers/amqp/limits.ts';
import { Attempts } from '../../../src/servers/attempts.ts';
import { AMQP_LANGUAGE, type Args } from '../../../src/wire/amqp/amqp.ts';
import { method } from '../../doors/amqp/raw.ts';
import { AmqpClient } from './amqp-client.ts';
import { AmqpLedger, DEAD, QUEUES } from './amqp-ledger.ts';
import { type Cast, type DoorReport, type Life, play } from './stage.ts';

const CLIENTS = 3;

export function runAmqpSeed(seed: number, trace?: (line: string) => void): Promise<DoorReport> {
  return play(seed, (random, tracing) => new AmqpCast(random, tracing), [AMQP_LANGUAGE], trace);
}

export class AmqpCast implements Cast {
  readonly #ledger = new AmqpLedger();
  readonly #random: SimRandom;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #clients = new Set<AmqpClient>();
  #door: Door | undefined;
  #life: Life | undefined;
  #numbers = 0;

  constructor(random: SimRandom, trace: ((line: string) => void) | undefined) {
    this.#random = random;
    this.#trace = trace;
    this.#ledger.trace = trace;
  }

  get faults(): string[] {
    return this.#ledger.faults;
  }

  get confirmed(): number {
    return this.#ledger.confirmed;
  }

  begin(life: Life): void {
    this.#open(life);
    const first = this.#client(false);
    first.onOpen = () => void this.#declare(first).then(() => this.#life === life && this.#work());
  }

  #open(life: Life): void {
    const { clock, random, logger } = life.machine.host;
    this.#life = life;
    this.#ledger.life = life.number;
    const limits = { ...AMQP_LIMITS, waitingBytesMax: 20_000 };
    const languages = new Map([[AMQP_LANGUAGE.number, AMQP_LANGUAGE]]);
    this.#door = new Door(life.broker, { clock, random, logger }, limits, languages, new Attempts(clock, 20, 60_000));
  }

  #client(works: boolean): AmqpClient {
    const { door, life } = { door: this.#door, life: this.#life };
    if (door === undefined || life === undefined) throw new Error('No life has begun.');
    const client: AmqpClient = new AmqpClient(door, life, this.#ledger, this.#numbers++, works, this.#trace, (gone) => {
      this.#clients.delete(gone);
      // Whoever went comes again, while there is a door.
      if (works && this.#life === life && !door.isClosing)
        life.machine.clock.after(this.#random.float() * 20, () => {
          if (this.#life === life && !door.isClosing && !life.machine.disk.halted) this.#client(true);
        });
    });
    this.#clients.add(client);
    return client;
  }

  /** What is there already stays as it is. */
  async #declare(client: AmqpClient): Promise<void> {
    const table = { ticket: 0, passive: false, durable: true, exclusive: false, autoDelete: false, nowait: true };
    const queues = QUEUES.map((queue) => {
      const dead = DEAD[queue];
      const arguments_ = new Map(
        dead === undefined
          ? []
          : [
              ['x-dead-letter-exchange', ''],
              ['x-dead-letter-routing-key', dead],
            ],
      );
      return method(1, 'queue.declare', { ...table, queue, arguments: arguments_ });
    });
    const exchange = (name: string, type: string) =>
      method(1, 'exchange.declare', { ...table, exchange: name, type, internal: false, arguments: new Map() });
    const bind = (queue: string, name: string, routingKey: string, nowait = true) =>
      method(1, 'queue.bind', { ticket: 0, queue, exchange: name, routingKey, nowait, arguments: new Map() });
    await client.ask(
      ['queue.bind-ok'],
      method(1, 'channel.open', { reserved1: '' }),
      ...queues,
      exchange('fan', 'fanout'),
      exchange('top', 'topic'),
      bind('a', 'fan', ''),
      bind('b', 'fan', ''),
      bind('b', 'top', 'k.#'),
      bind('c', 'top', 'k.1', false),
    );
  }

  #work(): void {
    for (let i = 0; i < CLIENTS; i++) this.#client(true);
  }

  async leave(): Promise<void> {
    const { door } = { door: this.#door };
    if (door === undefined) return;
    door.isClosing = true;
    const clients = [...this.#clients];
    for (const visitor of [...door.visitors]) visitor.dismiss(320, 'the broker is closing this door');
    await Promise.all(clients.map((client) => client.session.over()));
  }

  died(clean: boolean): void {
    this.#life = undefined;
    for (const client of [...this.#clients]) client.die();
    this.#clients.clear();
    this.#ledger.died(clean);
  }

  async judge(life: Life): Promise<void> {
    this.#open(life);
    const client = this.#client(false);
    await new Promise<void>((resolve) => {
      client.onOpen = resolve;
    });
    await this.#declare(client);
    const found = new Map<string, Buffer[]>();
    for (const queue of QUEUES) {
      const bodies: Buffer[] = [];
      found.set(queue, bodies);
      for (;;) {
        const answer = await client.ask(['basic.get-ok', 'basic.get-empty'], method(1, 'basic.get', { ticket: 0, queue, noAck: false }));
        if (answer.name !== 'basic.get-ok') break;
        bodies.push(answer.body);
        const { deliveryTag } = answer.args as Args<'basic.get-ok'>;
        client.say(method(1, 'basic.ack', { deliveryTag, multiple: false }));
      }
    }
    this.#ledger.judge(found);
    await client.session.closed();
  }
}
