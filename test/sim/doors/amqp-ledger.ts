/** What AMQP clients have sent, heard, held and settled; every rule that one event can break is checked when the event is seen. */

/** A way of publishing, and the queues it leads to. */
export interface Route {
  readonly exchange: string;
  readonly key: string;
  readonly queues: readonly string[];
}

export const QUEUES = ['a', 'b', 'c', 'd', 'n'] as const;
/** Read without acknowledgement, and only so: what is under way then may be lost. */
export const UNACKED = 'n';
/** What is rejected from `c` goes to `d`. */
export const DEAD: Readonly<Record<string, string>> = { c: 'd' };
export const ROUTES: readonly Route[] = [
  { exchange: '', key: 'a', queues: ['a'] },
  { exchange: '', key: 'b', queues: ['b'] },
  { exchange: '', key: 'c', queues: ['c'] },
  { exchange: '', key: UNACKED, queues: [UNACKED] },
  { exchange: 'fan', key: '', queues: ['a', 'b'] },
  { exchange: 'top', key: 'k.1', queues: ['b', 'c'] },
  { exchange: 'top', key: 'k.2', queues: ['b'] },
  { exchange: 'top', key: 'x', queues: [] },
  { exchange: '', key: 'nobody', queues: [] },
];

export interface Message {
  readonly id: number;
  readonly route: Route;
  readonly persistent: boolean;
  readonly mandatory: boolean;
  /** The channel it was published on, and its place among what was. */
  readonly publisher: number;
  readonly transaction: Transaction | undefined;
  outcome: 'unknown' | 'confirmed' | 'refused';
  returned: boolean;
}

export interface Transaction {
  readonly number: number;
  outcome: 'open' | 'unknown' | 'committed' | 'rolled-back';
  readonly messages: Message[];
  readonly settled: Delivery[];
}

/** A channel from its opening to its end, as those see it who hold something of it. */
export interface Holder {
  readonly number: number;
  alive: boolean;
}

export interface Delivery {
  readonly message: Message;
  readonly queue: string;
  /** The queue it was routed to; what is in `d` came by way of another. */
  readonly root: string;
  readonly life: number;
  readonly holder: Holder;
  state: 'held' | 'acked' | 'rejected' | 'returned' | 'pending';
  /** What it is to become when its transaction is committed. */
  wish: 'acked' | 'rejected' | 'returned' | undefined;
  /** A later answer on the same channel shows that the broker had read it. */
  certain: boolean;
  /** Promised for ever, whatever crashes. */
  final: boolean;
  transaction: Transaction | undefined;
}

/** A consumer, or the gets of a channel: what it is given first is in order of publishing. */
export interface Reader {
  readonly queue: string;
  readonly noAck: boolean;
  readonly prefetch: number;
  readonly lasts: Map<number, number>;
  held: number;
}

export class AmqpLedger {
  readonly faults: string[] = [];
  readonly #messages: Message[] = [];
  readonly #deliveries = new Map<string, Delivery[]>();
  readonly transactions: Transaction[] = [];
  #holders = 0;
  life = 0;
  /** Queues of which a consumer has gone in this life. */
  readonly disturbed: Set<string> = new Set();
  trace: ((line: string) => void) | undefined;
  confirmed = 0;

  fault(rule: string, text: string): void {
    this.faults.push(`${rule}: ${text}`);
  }

  send(route: Route, persistent: boolean, mandatory: boolean, publisher: number, transaction: Transaction | undefined): Message {
    const message: Message = {
      id: this.#messages.length,
      route,
      persistent,
      mandatory,
      publisher,
      transaction,
      outcome: 'unknown',
      returned: false,
    };
    this.#messages.push(message);
    transaction?.messages.push(message);
    return message;
  }

  hold(): Holder {
    return { number: this.#holders++, alive: true };
  }

  begin(): Transaction {
    const transaction: Transaction = { number: this.transactions.length, outcome: 'open', messages: [], settled: [] };
    this.transactions.push(transaction);
    return transaction;
  }

  confirm(message: Message, acked: boolean): void {
    if (message.outcome !== 'unknown') this.fault('confirm', `${message.id} was confirmed twice`);
    message.outcome = acked ? 'confirmed' : 'refused';
    if (acked) this.confirmed++;
    if (acked && message.mandatory && message.route.queues.length === 0 && !message.returned)
      this.fault('return', `${message.id} reached nobody, was mandatory, and was confirmed without being returned`);
  }

  returned(body: Buffer): void {
    const message = this.#known(body);
    if (message === undefined) return;
    if (message.route.queues.length > 0 || !message.mandatory || message.returned)
      this.fault('return', `${message.id} was returned, to ${message.route.exchange}/${message.route.key}`);
    message.returned = true;
  }

  #known(body: Buffer): Message | undefined {
    const message = this.#messages[Number.parseInt(body.toString('latin1'), 10)];
    if (message !== undefined && body.equals(bodyOf(message.id))) return message;
    this.fault('Q2 phantom', `what came was never sent: ${body.toString('latin1', 0, 40)}`);
    return undefined;
  }

  delivered(body: Buffer, reader: Reader, redelivered: boolean, holder: Holder): Delivery | undefined {
    const message = this.#known(body);
    if (message === undefined) return undefined;
    const { queue } = reader;
    const root = this.#rootOf(message, queue);
    if (root === undefined) return undefined;
    this.trace?.(`channel ${holder.number} gets ${message.id} from ${queue}${redelivered ? ' again' : ''}`);
    const former = this.#formerOf(message, root);
    for (const one of former) this.#checkAgain(one, queue, redelivered);
    this.#checkSender(message, `delivered from ${queue}`);
    if (!redelivered && queue === root) this.#checkOrder(message, reader);
    const delivery: Delivery = {
      message,
      queue,
      root,
      life: this.life,
      holder,
      state: reader.noAck ? 'acked' : 'held',
      wish: undefined,
      certain: false,
      final: false,
      transaction: undefined,
    };
    former.push(delivery);
    if (!reader.noAck && ++reader.held > reader.prefetch)
      this.fault('Q10 prefetch', `a consumer that holds at most ${reader.prefetch} was given ${message.id} from ${queue} as well`);
    return delivery;
  }

  #rootOf(message: Message, queue: string): string | undefined {
    const { queues } = message.route;
    if (queues.includes(queue)) return queue;
    const root = queues.find((one) => DEAD[one] === queue);
    if (root === undefined)
      this.fault('routing', `${message.id} is in ${queue}, which ${queues.join(' and ') || 'nothing'} should not lead to`);
    return root;
  }

  #formerOf(message: Message, root: string): Delivery[] {
    const key = `${root}/${message.id}`;
    const known = this.#deliveries.get(key);
    if (known !== undefined) return known;
    const made: Delivery[] = [];
    this.#deliveries.set(key, made);
    return made;
  }

  /** What was delivered before, and how it was settled, says whether it may come again. */
  #checkAgain(former: Delivery, queue: string, redelivered: boolean): void {
    const { message, holder, life } = former;
    // Once the commit was asked for it may have happened.
    const state = former.state === 'pending' && former.transaction?.outcome === 'unknown' ? (former.wish ?? 'pending') : former.state;
    const which = `${message.id} from ${queue}`;
    const isDead = state === 'rejected' && DEAD[former.queue] === queue;
    if (isDead) return;
    const isOver = state === 'acked' || state === 'rejected';
    if (former.final) this.fault('Q4 again', `${which} came again though its settlement was promised for ever`);
    else if (life !== this.life) return;
    else if ((state === 'held' || state === 'pending') && holder.alive)
      this.fault('Q5 two holders', `${which} was given to another while channel ${holder.number} holds it`);
    else if (isOver && (former.certain || holder.alive)) this.fault('Q4 again', `${which} came again after it was ${state}`);
    else if (!redelivered && former.queue === queue) this.fault('Q4 redelivered', `${which} came again without the word for it`);
  }

  #checkSender(message: Message, what: string): void {
    if (message.outcome === 'refused') this.fault('G1a', `${message.id} was refused and is ${what}`);
    const { transaction } = message;
    if (transaction?.outcome === 'rolled-back') this.fault('G1a', `${message.id} was rolled back and is ${what}`);
    if (transaction?.outcome === 'open') this.fault('G1b', `${message.id} is ${what} before its transaction was to be committed`);
  }

  #checkOrder({ publisher, id }: Message, { lasts, queue }: Reader): void {
    const last = lasts.get(publisher) ?? -1;
    if (last > id && !this.disturbed.has(queue)) this.fault('Q6 order', `${id} came from ${queue} after ${last} of the same channel`);
    lasts.set(publisher, Math.max(last, id));
  }

  /** What a transaction's commit was answered with. */
  committed(transaction: Transaction): void {
    transaction.outcome = 'committed';
    for (const message of transaction.messages) {
      message.outcome = 'confirmed';
      this.confirmed++;
      if (message.mandatory && message.route.queues.length === 0 && !message.returned)
        this.fault('return', `${message.id} reached nobody, was mandatory, and was committed without being returned`);
    }
    for (const delivery of transaction.settled) {
      delivery.state = 'acked';
      delivery.certain = true;
      delivery.final = true;
    }
  }

  /** The broker is gone: all it held for clients is free. `clean`: in order, with all it had read kept. */
  died(clean: boolean): void {
    this.disturbed.clear();
    for (const deliveries of this.#deliveries.values())
      for (const delivery of deliveries) {
        if (delivery.life !== this.life) continue;
        delivery.holder.alive = false;
        if (delivery.state === 'held') delivery.state = 'returned';
        if (clean && delivery.certain && (delivery.state === 'acked' || delivery.state === 'rejected')) delivery.final = true;
      }
  }

  /** Everything is drained: what is left in each queue, in order. */
  judge(found: ReadonlyMap<string, readonly Buffer[]>): void {
    const places = new Map<string, string[]>();
    for (const [queue, bodies] of found) {
      for (const body of bodies) {
        const message = this.#known(body);
        if (message === undefined) continue;
        const root = this.#rootOf(message, queue);
        if (root === undefined) continue;
        const key = `${root}/${message.id}`;
        places.set(key, [...(places.get(key) ?? []), queue]);
        for (const former of this.#formerOf(message, root)) if (former.final) this.#checkAgain(former, queue, true);
        this.#checkSender(message, `left in ${queue}`);
      }
    }
    for (const message of this.#messages) this.#judgeMessage(message, places);
    for (const transaction of this.transactions) this.#judgeTransaction(transaction, places);
  }

  #judgeMessage(message: Message, places: ReadonlyMap<string, readonly string[]>): void {
    const seen: string[] = [];
    for (const root of message.route.queues) {
      const key = `${root}/${message.id}`;
      const at = places.get(key) ?? [];
      if (at.length > 1) this.fault('Q4 twice', `${message.id} is left in ${at.join(' and ')}`);
      const deliveries = this.#deliveries.get(key) ?? [];
      if (at.length > 0 || deliveries.length > 0) seen.push(root);
      const mayBeGone = deliveries.some(
        ({ state, queue }) => state === 'acked' || state === 'pending' || (state === 'rejected' && DEAD[queue] === undefined),
      );
      if (message.outcome === 'confirmed' && message.persistent && at.length === 0 && !mayBeGone && root !== UNACKED)
        this.fault(
          'Q1 lost',
          `${message.id} was confirmed and is not in ${root}; ${deliveries.map(({ state }) => state).join(', ') || 'never seen'}`,
        );
    }
    if (message.persistent && seen.length > 0 && seen.length < message.route.queues.length)
      this.fault('Q11 torn', `${message.id} reached ${seen.join(', ')} of ${message.route.queues.join(', ')}`);
  }

  #judgeTransaction({ number, outcome, messages, settled }: Transaction, places: ReadonlyMap<string, readonly string[]>): void {
    if (outcome !== 'unknown') return;
    const routed = messages.filter(({ route }) => route.queues.length > 0 && !route.queues.includes(UNACKED));
    const seen = routed.filter(({ id, route }) =>
      route.queues.some((root) => places.has(`${root}/${id}`) || (this.#deliveries.get(`${root}/${id}`)?.length ?? 0) > 0),
    );
    if (seen.length > 0 && seen.length < routed.length)
      this.fault('T1 torn', `transaction ${number}: ${seen.length} of ${routed.length} messages are there`);
    if (routed.length === 0) return;
    const happened = seen.length > 0;
    for (const delivery of settled) {
      const { message, root } = delivery;
      const all = this.#deliveries.get(`${root}/${message.id}`) ?? [];
      const isBack = places.has(`${root}/${message.id}`) || all.indexOf(delivery) < all.length - 1;
      if (isBack === happened)
        this.fault(
          'T1 torn',
          `transaction ${number}: its messages are ${happened ? '' : 'not '}there, and ${message.id}, settled in it, is ${isBack ? '' : 'not '}back`,
        );
    }
  }
}

export function bodyOf(id: number): Buffer {
  return Buffer.from(`${id} ${'x'.repeat((id * 7919) % (id % 9 === 0 ? 6000 : 300))}`, 'latin1');
}
