/** Live consumers and waiting receives of all queues: what they hold, and what is on its way to them. */

import { type Queue, type Taker, Takers, type Taking } from '../core/core.ts';
import type { Logger } from '../host/logger.ts';
import type { Deliveries, Receiver } from '../model/engine.ts';
import type { Refused } from '../model/refusal.ts';
import { describeMessages, loadUnlessGone } from './copies.ts';
import type { Reader } from './reader.ts';
import { covers } from './reader.ts';
import type { Staying } from './staying.ts';

/** A taker with its way out. `give` gets messages that are safe to hand over, in order. */
export interface LiveTaker extends Taker {
  readonly give: (taking: Taking<LiveTaker>) => void;
  /** Up to where the journal must be safe before the next taking goes out: takings go out in the order they were decided. */
  safeAt: number;
  /** The queue is gone (`unknown`), or the broker is closing (`closed`). */
  readonly end: (reason: Refused) => void;
}

interface Lease {
  readonly taker: LiveTaker;
  left: number;
  readonly numbers: Float64Array;
  /** So many of the numbers, from the first on, were handed over. */
  handed: number;
}

/** Takers by queue and leases by id: which taker has room again when a message is settled. */
export class Consumers {
  readonly #byQueue = new Map<Queue, Takers<LiveTaker>>();
  readonly #leases = new Map<number, Lease>();
  readonly #staying: Staying;
  #nextId = 1;

  constructor(staying: Staying) {
    this.#staying = staying;
  }

  nextId(): number {
    return this.#nextId++;
  }

  of(queue: Queue): Takers<LiveTaker> | undefined {
    return this.#byQueue.get(queue);
  }

  add(taker: LiveTaker): void {
    let takers = this.#byQueue.get(taker.queue);
    if (takers === undefined) {
      takers = new Takers();
      this.#byQueue.set(taker.queue, takers);
    }
    takers.add(taker, taker.queue.spec.singleActiveConsumer === true);
    this.#staying.enter();
  }

  /** False when it was not there any more. */
  remove(taker: LiveTaker): boolean {
    const takers = this.#byQueue.get(taker.queue);
    if (takers?.remove(taker) !== true) return false;
    this.#staying.leave();
    if (takers.count === 0) this.#byQueue.delete(taker.queue);
    return true;
  }

  leased(lease: number, taker: LiveTaker, numbers: Float64Array): void {
    this.#leases.set(lease, { taker, left: numbers.length, numbers, handed: 0 });
  }

  /** So many of a lease's messages, from the first on, have been handed over. */
  handed(lease: number, count: number): void {
    const held = this.#leases.get(lease);
    if (held !== undefined) held.handed = count;
  }

  /** Messages of a lease that were not handed over; some may have been settled. */
  unseen(lease: number): Float64Array {
    const held = this.#leases.get(lease);
    return held === undefined ? new Float64Array(0) : held.numbers.subarray(held.handed);
  }

  /** How many messages a taker holds. */
  heldBy(taker: LiveTaker): number {
    let count = 0;
    for (const held of this.#leases.values()) if (held.taker === taker) count += held.left;
    return count;
  }

  /** So many messages under this lease are no longer held: its taker has room for as many. */
  freed(lease: number, count: number): void {
    const held = this.#leases.get(lease);
    if (held === undefined) return;
    held.left -= count;
    if (!held.taker.once) held.taker.room += count;
    if (held.left <= 0) this.#leases.delete(lease);
  }

  /** The leases a taker still holds. */
  leasesOf(taker: LiveTaker): number[] {
    const ids: number[] = [];
    for (const [id, lease] of this.#leases) if (lease.taker === taker) ids.push(id);
    return ids;
  }

  queueGone(queue: Queue, reason: Refused): void {
    const takers = this.#byQueue.get(queue);
    this.#byQueue.delete(queue);
    for (const taker of [...(takers?.all() ?? [])]) {
      this.#staying.leave();
      taker.end(reason);
    }
  }

  endAll(reason: Refused): void {
    for (const queue of [...this.#byQueue.keys()]) this.queueGone(queue, reason);
  }

  get count(): number {
    let count = 0;
    for (const takers of this.#byQueue.values()) count += takers.count;
    return count;
  }
}

/** Sends a lasting consumer its deliveries: one call of its receiver per block the records lie in, never two at once. */
export class Outbox {
  readonly #reader: Reader;
  readonly #logger: Logger;
  readonly #receiver: Receiver;
  readonly #broken: (taking: Taking<LiveTaker>) => void;
  readonly #handed: (lease: number, count: number) => void;
  readonly #waiting: Taking<LiveTaker>[] = [];
  #busy = false;
  #ended = false;

  /** `broken`: the receiver threw; what it was given goes back. `handed`: it is about to be given a lease's messages up to here. */
  constructor(
    reader: Reader,
    logger: Logger,
    receiver: Receiver,
    broken: (taking: Taking<LiveTaker>) => void,
    handed: (lease: number, count: number) => void,
  ) {
    this.#reader = reader;
    this.#logger = logger;
    this.#receiver = receiver;
    this.#broken = broken;
    this.#handed = handed;
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && !this.#busy;
  }

  send(taking: Taking<LiveTaker>): void {
    if (this.#ended) return;
    this.#waiting.push(taking);
    if (!this.#busy) this.#pump();
  }

  end(): void {
    this.#ended = true;
    this.#waiting.length = 0;
  }

  #pump(): void {
    for (let taking = this.#waiting[0]; taking !== undefined; taking = this.#waiting[0]) {
      if (!this.#sendFrom(taking, 0)) return;
      this.#waiting.shift();
    }
  }

  /** False when it goes on later, after a read. */
  #sendFrom(taking: Taking<LiveTaker>, from: number): boolean {
    const { queue } = taking.taker;
    const { numbers, lease } = taking;
    let i = from;
    while (i < numbers.length && !this.#ended) {
      const first = numbers[i] ?? 0;
      if (queue.leaseOf(first) !== lease) {
        i++;
        continue;
      }
      const view = this.#reader.view(queue.position(first));
      if (view === undefined) {
        this.#readOn(taking, i);
        return false;
      }
      const start = i;
      const at = new Uint32Array(numbers.length - i);
      let count = 0;
      for (; i < numbers.length; i++) {
        const number = numbers[i] ?? 0;
        // The lease first: what is settled has no place any more.
        if (queue.leaseOf(number) !== lease) break;
        const position = queue.position(number);
        if (!covers(view, position)) break;
        at[count++] = position - view.base;
      }
      this.#handed(lease, i);
      this.#hand(taking, describeMessages(queue, numbers.subarray(start, i), lease, view.bytes, at.subarray(0, count)));
    }
    return true;
  }

  #hand(taking: Taking<LiveTaker>, deliveries: Deliveries): void {
    try {
      this.#busy = true;
      this.#receiver.deliver(deliveries);
    } catch (error) {
      this.#logger.error('receiver.threw', { queue: deliveries.queue, error: String(error) });
      this.#broken({ ...taking, numbers: deliveries.numbers.slice() });
    } finally {
      this.#busy = false;
    }
  }

  #readOn(taking: Taking<LiveTaker>, from: number): void {
    this.#busy = true;
    loadUnlessGone(this.#reader, taking.taker.queue, taking.numbers[from] ?? 0).then(
      () => {
        this.#busy = false;
        if (this.#ended) return;
        if (this.#sendFrom(taking, from)) {
          this.#waiting.shift();
          this.#pump();
        }
      },
      (error: Error) => {
        this.#busy = false;
        this.#logger.error('delivery.failed', { queue: taking.taker.queue.spec.name, error: error.message });
        if (!this.#ended) this.#receiver.cancelled(error.message);
        this.#ended = true;
      },
    );
  }
}
