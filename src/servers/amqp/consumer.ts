/** One consumer of a channel: deliveries of the engine become frames, within what the client takes and the socket carries. */

import type { Consumer, Deliveries, Receiver } from '../../model/engine.ts';
import { type Args, encodeMethod } from '../../wire/amqp/amqp.ts';
import type { ConsumerAbout } from './door.ts';
import type { Link } from './link.ts';
import type { Outgoing, Way } from './outgoing.ts';
import type { Settling, Source } from './settling.ts';
import type { Unacked } from './unacked.ts';

/** As many bytes as one consumer may be ahead of its client, about; in messages at least and at most so many. */
const AHEAD_BYTES = 4 * 1024 * 1024;
const AHEAD_MIN = 16;
const AHEAD_MAX = 2048;
const AHEAD_FIRST = 256;

/** A consumer as its channel sees it. */
export interface Live extends Source {
  readonly tag: string;
  /** How it was asked for. */
  readonly about: ConsumerAbout;
  /** Called when a turn ends: there may be room for more. */
  adjust(): void;
  /** Ends it. What was delivered stays with the channel when `keep`; what never went out goes back. */
  cancel(keep: boolean): Promise<void>;
}

/** The channel as its consumers see it. */
export interface Recipient {
  readonly id: number;
  readonly link: Link;
  readonly outgoing: Outgoing;
  readonly unacked: Unacked;
  readonly settling: Settling;
  readonly isOpen: boolean;
  /** Most messages all consumers of the channel may hold together; `Infinity`: no limit. */
  readonly sharedMax: number;
  /** Number of a source of deliveries, for `unacked`. */
  enter(source: Source): number;
  /** Nothing of it is held any more, and nothing will be. */
  leave(source: number): void;
  /** The engine has ended the consumer. */
  gone(consumer: Live): void;
  touch(): void;
}

export interface ConsumerOptions {
  readonly tag: string;
  readonly about: ConsumerAbout;
  readonly queue: string;
  readonly noAck: boolean;
  /** Most messages it may hold; `Infinity`: no limit. */
  readonly limit: number;
  /** The queue takes messages back after a while. */
  readonly leased: boolean;
  /** Tell how often a message has been delivered before. */
  readonly counts: boolean;
  readonly nowait: boolean;
}

/** `prefetch`: of its channel; `Infinity`: no limit. */
export function aboutOf(prefetch: number, { noAck, exclusive, arguments: given }: Args<'basic.consume'>): ConsumerAbout {
  return { noAck, exclusive, prefetch: Number.isFinite(prefetch) ? prefetch : 0, arguments: given };
}

export class LiveConsumer implements Receiver, Live {
  readonly tag: string;
  readonly about: ConsumerAbout;
  readonly queue: string;
  readonly leased: boolean;
  readonly noAck: boolean;
  readonly #limit: number;
  readonly #counts: boolean;
  readonly #channel: Recipient;
  readonly #tagBytes: Buffer;
  readonly #source: number;
  #announced: boolean;
  #engine: Consumer | undefined;
  /** Delivered and not settled. */
  #held = 0;
  #ahead = AHEAD_FIRST;
  #granted: number;
  /** Beyond what the channel may hold: they wait here, copied. */
  readonly #surplus: Deliveries[] = [];
  #surplusAt = 0;
  #ended = false;

  constructor(channel: Recipient, options: ConsumerOptions) {
    this.#channel = channel;
    this.tag = options.tag;
    this.about = options.about;
    this.queue = options.queue;
    this.noAck = options.noAck;
    this.leased = options.leased;
    this.#limit = options.noAck ? Number.POSITIVE_INFINITY : options.limit;
    this.#counts = options.counts;
    this.#announced = options.nowait;
    this.#tagBytes = Buffer.concat([Buffer.of(Buffer.byteLength(options.tag)), Buffer.from(options.tag)]);
    this.#source = channel.enter(this);
    this.#granted = Math.min(this.#limit, this.#ahead);
  }

  /** What the engine is asked for at first. */
  get prefetch(): number {
    return this.#granted;
  }

  started(engine: Consumer): void {
    this.#engine = engine;
  }

  /** `consume-ok`, before the first delivery. */
  announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#channel.link.output.method(this.#channel.id, encodeMethod('basic.consume-ok', { consumerTag: this.tag }));
    this.#channel.touch();
  }

  deliver(deliveries: Deliveries): void {
    if (this.#ended || !this.#channel.isOpen) return;
    this.announce();
    if (this.#surplus.length > 0) {
      this.#surplus.push(copyOf(deliveries));
      return;
    }
    const sent = this.#write(deliveries, 0);
    if (sent < deliveries.count) {
      this.#surplus.push(copyOf(deliveries));
      this.#surplusAt = sent;
    }
    this.#channel.touch();
  }

  /** Writes deliveries from `from` on; answers up to which one the channel's limit let it. */
  #write(deliveries: Deliveries, from: number): number {
    const { unacked, outgoing, link, settling, id, sharedMax } = this.#channel;
    const { count, numbers, lease, at, attempts, deaths, returned } = deliveries;
    const bytes = Buffer.from(deliveries.bytes.buffer, deliveries.bytes.byteOffset, deliveries.bytes.length);
    const { output } = link;
    const before = output.sizeBytes;
    let i = from;
    for (; i < count; i++) {
      if (!this.noAck && unacked.count >= sharedMax) break;
      const died = deaths?.[i];
      const often = attempts[i] ?? 1;
      const way: Way | undefined =
        died === undefined && !(this.#counts && often > 1)
          ? undefined
          : { deaths: died, more: this.#counts && often > 1 ? new Map([['x-delivery-count', often - 1]]) : undefined };
      outgoing.look(bytes, at[i] as number, way);
      const number = numbers[i] as number;
      const tag = this.noAck ? unacked.skip() : unacked.add(number, lease, this.#source);
      if (this.noAck) settling.add(this, number, lease, 'ack');
      this.#held++;
      const again = returned !== undefined && ((returned[i >> 3] as number) & (1 << (i & 7))) !== 0;
      output.deliver(id, this.#tagBytes, tag, again, outgoing.names, outgoing.namesFrom, outgoing.namesTo, outgoing);
    }
    if (i > from) {
      link.door.figures.delivered += i - from;
      const each = (output.sizeBytes - before) / (i - from);
      this.#ahead = Math.max(AHEAD_MIN, Math.min(AHEAD_MAX, Math.floor(AHEAD_BYTES / Math.max(1, each))));
    }
    return i;
  }

  /** Called when a turn ends: what waited for the channel's limit goes out, and the engine is granted more. */
  adjust(): void {
    if (this.#ended) return;
    this.#writeSurplus();
    if (this.noAck || this.#surplus.length > 0 || this.#channel.link.full) return;
    const wanted = Math.min(this.#limit, this.#held + this.#ahead);
    if (wanted <= this.#granted || (wanted < this.#limit && this.#granted - this.#held > this.#ahead / 2)) return;
    this.#granted = wanted;
    this.#engine?.prefetch(wanted);
  }

  #writeSurplus(): void {
    for (let waiting = this.#surplus[0]; waiting !== undefined; waiting = this.#surplus[0]) {
      const from = this.#surplusAt;
      this.#surplusAt = this.#write(waiting, from);
      if (this.#surplusAt > from) this.#channel.touch();
      if (this.#surplusAt < waiting.count) return;
      this.#surplus.shift();
      this.#surplusAt = 0;
    }
  }

  freed(count: number): void {
    this.#held -= count;
    if (this.#ended && this.#held <= 0) this.#channel.leave(this.#source);
  }

  cancelled(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.freed(0);
    this.#channel.gone(this);
  }

  /** Ends it. What was delivered stays with the channel when `keep`; what never went out goes back. */
  async cancel(keep: boolean): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { settling } = this.#channel;
    for (const [k, waiting] of this.#surplus.entries()) {
      for (let i = k === 0 ? this.#surplusAt : 0; i < waiting.count; i++)
        settling.add(this.#returning, waiting.numbers[i] ?? 0, waiting.lease, 'requeue');
    }
    this.#surplus.length = 0;
    this.freed(0);
    await this.#engine?.cancel({ keep });
  }

  /** What never went out is not among what is held. */
  get #returning(): Source {
    return { queue: this.queue, leased: this.leased, freed: () => undefined };
  }
}

/** What is borrowed, kept. */
function copyOf(deliveries: Deliveries): Deliveries {
  const { numbers, at, attempts, bytes } = deliveries;
  return { ...deliveries, numbers: numbers.slice(), at: at.slice(), attempts: attempts.slice(), bytes: new Uint8Array(bytes) };
}
