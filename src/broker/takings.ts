/** The taking side of queues: lasting consumers, waiting receives, and messages taken for good before they are handed over. */

import { isDurable, type Queue, runsOf, type Taking } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import type { Consume, Consumer, Deliveries, Receive, Receiver } from '../model/engine.ts';
import { Refused } from '../model/refusal.ts';
import { checkMs, checkWhole } from './checks.ts';
import { type LiveTaker, Outbox } from './consumers.ts';
import { copyMessages, stillHeld } from './copies.ts';
import type { Ledger } from './ledger.ts';
import type { Queues } from './queues.ts';
import type { Reader } from './reader.ts';

const PREFETCH = 256;
const RECEIVE_LEASE_MS = 30_000;

export class Takings {
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #reader: Reader;
  readonly #queues: Queues;
  readonly #outboxes = new Set<Outbox>();

  constructor(host: Host, ledger: Ledger, reader: Reader, queues: Queues) {
    this.#host = host;
    this.#ledger = ledger;
    this.#reader = reader;
    this.#queues = queues;
  }

  /** True when nothing is on its way to a consumer. */
  get idle(): boolean {
    for (const outbox of this.#outboxes) if (!outbox.idle) return false;
    return true;
  }

  async consume(queue: Queue, consume: Consume, receiver: Receiver): Promise<Consumer> {
    checkPrefetch(consume.prefetch);
    checkMs('leaseMs', consume.leaseMs);
    return this.#ledger.run(() => {
      this.#checkExclusive(queue, consume.exclusive === true);
      const { consumers } = this.#queues;
      const outbox = new Outbox(
        this.#reader,
        this.#host.logger,
        receiver,
        (broken) => this.#queues.giveBack(queue, runsOf(broken.numbers), broken.lease),
        (lease, count) => consumers.handed(lease, count),
      );
      this.#outboxes.add(outbox);
      const onDelivery = consume.settle === 'on-delivery';
      const once = onDelivery ? this.#once(receiver) : undefined;
      let prefetch = consume.prefetch ?? PREFETCH;
      const taker: LiveTaker = {
        id: this.#queues.consumers.nextId(),
        queue,
        priority: consume.priority ?? 0,
        exclusive: consume.exclusive === true,
        leaseMs: consume.leaseMs ?? queue.spec.leaseMs ?? Number.POSITIVE_INFINITY,
        room: prefetch,
        once: false,
        safeAt: 0,
        give: once ?? ((taking) => outbox.send(taking)),
        end: (reason) => {
          outbox.end();
          this.#outboxes.delete(outbox);
          receiver.cancelled(reason.message);
        },
      };
      this.#queues.consumers.add(taker);
      this.#queues.touch(queue);
      return {
        prefetch: (count) => {
          checkPrefetch(count);
          // Without a limit its room told nothing of what it holds.
          taker.room = Number.isFinite(prefetch) ? taker.room + count - prefetch : count - consumers.heldBy(taker);
          prefetch = count;
          this.#queues.touch(queue);
        },
        cancel: (options) => this.#cancel(taker, outbox, options?.keep === true),
      };
    });
  }

  #checkExclusive(queue: Queue, exclusive: boolean): void {
    const others = this.#queues.consumers.of(queue)?.all() ?? [];
    const keeper = others.find((taker) => taker.exclusive);
    if (keeper === undefined && !(exclusive && others.length > 0)) return;
    throw new Refused(
      'exclusive',
      `Queue "${queue.spec.name}" already has a consumer${keeper ? ' that keeps it for itself' : ''}. Cancel it first.`,
    );
  }

  async #cancel(taker: LiveTaker, outbox: Outbox, keep: boolean): Promise<void> {
    const { queue } = taker;
    // At once, even if what it holds goes back only after a checkpoint: nothing comes to who has cancelled.
    outbox.end();
    this.#outboxes.delete(outbox);
    const tip = await this.#ledger.run(() => {
      if (!this.#queues.consumers.remove(taker)) return this.#ledger.journal.tip;
      for (const lease of this.#queues.consumers.leasesOf(taker)) {
        this.#returnUnseen(queue, lease);
        if (!keep) this.#queues.giveBack(queue, queue.heldBy(lease), lease, 0);
      }
      if (this.#queues.consumers.of(queue) === undefined && queue.spec.autoDelete === true) {
        this.#ledger.record([{ kind: 'removed', tenant: queue.tenant, what: 'queue', name: queue.spec.name }]);
      }
      this.#queues.touch(queue);
      this.#queues.endTurn();
      return this.#ledger.journal.tip;
    });
    if (isDurable(queue.spec)) await this.#ledger.gate.passed(tip);
  }

  /** What never reached the consumer was no delivery: it is not counted as one. */
  #returnUnseen(queue: Queue, lease: number): void {
    const unseen = this.#queues.consumers.unseen(lease).filter((number) => queue.leaseOf(number) === lease);
    if (unseen.length === 0) return;
    this.#ledger.record([{ kind: 'returned', queue: queue.id, dueMs: 0, as: 'unseen', runs: runsOf(unseen) }]);
    this.#queues.consumers.freed(lease, unseen.length);
  }

  /** At most once: copied, settled, safe as settled, and only then handed over. In order. */
  #once(receiver: Receiver): LiveTaker['give'] {
    let last: Promise<void> = Promise.resolve();
    return (taking) => {
      last = last.then(async () => {
        try {
          const copy = await this.#takeForGood(taking);
          if (copy.count > 0) receiver.deliver(copy);
        } catch (error) {
          this.#host.logger.error('delivery.failed', { queue: taking.taker.queue.spec.name, error: String(error) });
        }
      });
    };
  }

  async #takeForGood(taking: Taking<LiveTaker>): Promise<Deliveries> {
    const { queue } = taking.taker;
    const copy = await copyMessages(this.#reader, queue, taking.numbers, taking.lease);
    const { mine, tip } = await this.#ledger.run(() => {
      const mine = stillHeld(queue, copy);
      const runs = runsOf(mine.numbers);
      this.#queues.free(queue, runs);
      if (mine.count > 0) this.#ledger.record([{ kind: 'settled', queue: queue.id, as: 'acked', runs }]);
      this.#queues.endTurn();
      return { mine, tip: this.#ledger.journal.tip };
    });
    if (isDurable(queue.spec)) await this.#ledger.gate.passed(tip);
    return mine;
  }

  async receive(queue: Queue, receive: Receive): Promise<Deliveries | undefined> {
    const { signal, countMax = 1, waitMs = 0 } = receive;
    checkWhole('countMax', countMax, 1);
    checkMs('waitMs', waitMs);
    checkMs('leaseMs', receive.leaseMs);
    const given = Promise.withResolvers<Taking<LiveTaker> | undefined>();
    const taker: LiveTaker = {
      id: this.#queues.consumers.nextId(),
      queue,
      priority: 0,
      exclusive: false,
      leaseMs: receive.leaseMs ?? queue.spec.leaseMs ?? RECEIVE_LEASE_MS,
      room: countMax,
      once: true,
      safeAt: 0,
      give: given.resolve,
      end: given.reject,
    };
    /** Ends the wait, unless messages are on their way already. */
    const leave = () => {
      if (taker.room === 0) return;
      this.#queues.consumers.remove(taker);
      given.resolve(undefined);
    };
    await this.#ledger.run(() => {
      this.#checkExclusive(queue, false);
      this.#queues.consumers.add(taker);
      this.#queues.serve(queue);
      this.#queues.endTurn();
      if (waitMs === 0 || signal?.aborted === true) leave();
    });
    const stopTimer = waitMs > 0 ? this.#host.clock.after(waitMs, leave) : undefined;
    signal?.addEventListener('abort', leave, { once: true });
    // It may have been aborted while the wait began.
    if (signal?.aborted === true) leave();
    const taking = await given.promise.finally(() => {
      stopTimer?.();
      signal?.removeEventListener('abort', leave);
      this.#queues.consumers.remove(taker);
      this.#queues.used(queue);
    });
    if (taking === undefined) {
      if (signal?.aborted === true)
        throw new Refused('aborted', `The wait for a message of queue "${queue.spec.name}" was ended by its signal.`);
      return undefined;
    }
    // While the last one was read from disk the first may have been settled, or the queue removed.
    const held =
      receive.settle === 'on-delivery'
        ? await this.#takeForGood(taking)
        : stillHeld(queue, await copyMessages(this.#reader, queue, taking.numbers, taking.lease));
    return held.count > 0 ? held : undefined;
  }
}

function checkPrefetch(count: number | undefined): void {
  if (count !== Number.POSITIVE_INFINITY) checkWhole('prefetch', count, 0);
}
