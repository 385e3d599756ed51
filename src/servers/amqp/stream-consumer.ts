/** One consumer of a stream: records of a topic read from an offset on, as many ahead as the client has asked for. */

import type { Engine, Fetched } from '../../model/engine.ts';
import { type Offset, offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import { encodeMethod } from '../../wire/amqp/amqp.ts';
import type { Live, Recipient } from './consumer.ts';
import type { ConsumerAbout } from './door.ts';
import type { Source } from './settling.ts';

/** One read; a record larger than that comes alone. */
const FETCH_BYTES = 256 * 1024;
const WAIT_MS = 30_000;

/** Where to begin. */
export type Beginning = 'first' | 'last' | 'next' | { readonly offset: number } | { readonly timeMs: number };

export interface StreamOptions {
  readonly tag: string;
  readonly about: ConsumerAbout;
  readonly topic: string;
  /** Most messages it may hold. */
  readonly limit: number;
  readonly from: Beginning;
}

export class StreamConsumer implements Live, Source {
  readonly tag: string;
  readonly about: ConsumerAbout;
  readonly queue: string;
  readonly leased = false;
  /** What is settled of it is only counted: a stream keeps its records. */
  readonly counted = true;
  readonly #channel: Recipient;
  readonly #limit: number;
  readonly #tagBytes: Buffer;
  readonly #source: number;
  readonly #stop = new AbortController();
  #held = 0;
  /** Calls on the readers that wait for room. */
  #room: (() => void)[] = [];

  constructor(channel: Recipient, { tag, about, topic, limit }: StreamOptions) {
    this.#channel = channel;
    this.tag = tag;
    this.about = about;
    this.queue = topic;
    this.#limit = limit;
    this.#tagBytes = Buffer.concat([Buffer.of(Buffer.byteLength(tag)), Buffer.from(tag)]);
    this.#source = channel.enter(this);
  }

  /** Reads a partition until it is cancelled. */
  async read(partition: number, from: Offset): Promise<void> {
    const { engine } = this.#channel.link;
    let at = from;
    while (!this.#stop.signal.aborted) {
      let fetched: Fetched;
      try {
        const { signal } = this.#stop;
        fetched = await engine.fetch({ topic: this.queue, partition, offset: at, sizeBytesMax: FETCH_BYTES, waitMs: WAIT_MS, signal });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code === 'aborted') return;
        if (error.code !== 'out-of-range') {
          this.#channel.gone(this);
          return;
        }
        // What was to be read next is gone by age or size: on with the oldest there is.
        at = await startOf(engine, this.queue, partition);
        continue;
      }
      await this.#write(fetched, at);
      at = fetched.next;
    }
  }

  async #write({ records, offsets }: Fetched, from: number): Promise<void> {
    const { bytes, start, ends, count } = records;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < count; i++) {
      const at = offsets[i] ?? 0;
      if (at < from) continue;
      while (!this.#hasRoom && !this.#stop.signal.aborted) await new Promise<void>((resolve) => this.#room.push(resolve));
      if (this.#stop.signal.aborted || !this.#channel.isOpen) return;
      this.#deliver(buffer, i === 0 ? start : (ends[i - 1] ?? 0), at);
    }
  }

  get #hasRoom(): boolean {
    return this.#held < this.#limit && this.#channel.unacked.count < this.#channel.sharedMax && !this.#channel.link.full;
  }

  #deliver(bytes: Buffer, at: number, number: number): void {
    const { outgoing, unacked, link, id } = this.#channel;
    outgoing.look(bytes, at, { deaths: undefined, more: new Map([['x-stream-offset', number]]) });
    const tag = unacked.add(number, 0, this.#source);
    this.#held++;
    link.output.deliver(id, this.#tagBytes, tag, false, outgoing.names, outgoing.namesFrom, outgoing.namesTo, outgoing);
    link.door.figures.delivered++;
    this.#channel.touch();
  }

  adjust(): void {
    if (this.#room.length === 0 || !this.#hasRoom) return;
    for (const go of this.#room.splice(0)) go();
  }

  freed(count: number): void {
    this.#held -= count;
    if (this.#stop.signal.aborted && this.#held <= 0) this.#channel.leave(this.#source);
  }

  announce(): void {
    this.#channel.link.output.method(this.#channel.id, encodeMethod('basic.consume-ok', { consumerTag: this.tag }));
    this.#channel.touch();
  }

  async cancel(): Promise<void> {
    this.#stop.abort();
    this.freed(0);
    for (const go of this.#room.splice(0)) go();
  }
}

/** The first offset to read. */
export async function beginningOf(engine: Engine, topic: string, partition: number, from: Beginning): Promise<Offset> {
  if (typeof from === 'object' && 'timeMs' in from) return engine.offsetAt(topic, partition, from.timeMs);
  const described = await engine.describe('topic', topic, { brief: true });
  const state = described?.kind === 'topic' ? described.partitions.find((one) => one.partition === partition) : undefined;
  const { start, stable: end } = state ?? { start: offset(0), stable: offset(0) };
  if (from === 'first') return start;
  if (from === 'next') return end;
  if (from === 'last') return offset(Math.max(start, end - 1));
  return offset(Math.min(Math.max(start, from.offset), end));
}

function startOf(engine: Engine, topic: string, partition: number): Promise<Offset> {
  return beginningOf(engine, topic, partition, 'first');
}
