/** Reading a partition's log: up to where it is safe, or where it is stable; waiting for more; passing over what is not to be seen. */

import type { PartitionEnds } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import type { LogSlice, PartitionLog } from '../log/log.ts';
import type { Fetch, Fetched } from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import type { Slot } from './catch-up.ts';
import { committed } from './committed.ts';
import type { Ledger } from './ledger.ts';
import type { Staying } from './staying.ts';

const FETCH_BYTES = 1024 * 1024;

export class Reading {
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #staying: Staying;

  constructor(host: Host, ledger: Ledger, staying: Staying) {
    this.#host = host;
    this.#ledger = ledger;
    this.#staying = staying;
  }

  async fetch(log: PartitionLog, slot: Slot, fetch: Fetch): Promise<Fetched> {
    const { topic } = slot;
    const { uncommitted, sizeBytesMax = FETCH_BYTES } = fetch;
    const limit = () => (uncommitted === 'open' ? slot.safe : slot.stable);
    const untilMs = this.#host.clock.monotonicMs() + (fetch.waitMs ?? 0);
    // What is passed over is not what was asked for: reading goes on behind it.
    for (let from: number = fetch.offset; ; ) {
      const waitMs = fetch.signal?.aborted === true ? 0 : untilMs - this.#host.clock.monotonicMs();
      if (from >= limit() && from <= slot.safe && waitMs > 0) {
        await this.#wait(uncommitted === 'open' ? slot.waiting : slot.waitingStable, waitMs, fetch.signal);
        this.#ledger.check();
      }
      if (!Number.isInteger(from) || from > slot.safe || from < endsOf(slot).start) {
        throw new Refused(
          'out-of-range',
          `Offset ${from} is not in partition ${fetch.partition} of topic "${topic.spec.name}": it holds ${endsOf(slot).start} to ${slot.safe}.`,
        );
      }
      const before = Math.max(from, limit());
      const slice = await log.fetch(offset(from), offset(before), sizeBytesMax, fetch.room).catch((error: unknown) => {
        throw unreadable(slot, error);
      });
      const wanted = uncommitted === undefined ? committed(slice, endsOf(slot)) : slice;
      const asked = fetch.packed === true ? wanted : slot.unpacker.singly(wanted, from, sizeBytesMax);
      if (asked.records.count > 0 || asked.next === from || (asked.next >= limit() && waitMs <= 0)) return fetched(slot, fetch, asked);
      from = asked.next;
    }
  }

  async offsetAt(log: PartitionLog, slot: Slot, timeMs: number, uncommitted: 'open' | undefined): Promise<Offset> {
    for (;;) {
      const before = uncommitted === 'open' ? slot.safe : slot.stable;
      const at = Math.max(await log.offsetAt(timeMs, offset(before)), endsOf(slot).start);
      if (at >= before || !log.packed) return offset(at);
      const slice = await log.fetch(offset(at), offset(before), 0).catch((error: unknown) => {
        // Trimmed away meanwhile.
        if (at < endsOf(slot).start) return undefined;
        throw unreadable(slot, error);
      });
      if (slice !== undefined) return slot.unpacker.messageAt(slice, at, timeMs);
    }
  }

  #wait(waiting: Set<() => void>, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        if (!waiting.delete(done)) return;
        stop();
        this.#staying.leave();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const stop = this.#host.clock.after(waitMs, done);
      waiting.add(done);
      this.#staying.enter();
      signal?.addEventListener('abort', done, { once: true });
      if (signal?.aborted === true) done();
    });
  }
}

function fetched(slot: Slot, { offset: from, uncommitted }: Fetch, slice: LogSlice): Fetched {
  const { safe, stable } = slot;
  const ends = endsOf(slot);
  const aborted = uncommitted === undefined ? [] : (ends.uncommitted?.abortedIn(from, slice.next) ?? []);
  return {
    ...slice,
    start: offset(ends.start),
    end: offset(uncommitted === undefined ? stable : safe),
    stable: offset(stable),
    ...(aborted.length > 0 && { aborted: aborted.map(({ producer, first }) => ({ producer, first: offset(first) })) }),
  };
}

function endsOf({ topic, partition }: Slot): PartitionEnds {
  return topic.partitions[partition] ?? { start: 0, end: 0 };
}

/** What the log refuses stays as it is; an error of the drive becomes a refusal that says which partition it struck. */
function unreadable({ topic, partition }: Slot, error: unknown): Refused {
  if (error instanceof Refused) return error;
  const { message } = error as Error;
  return new Refused(
    'damaged',
    `The log of partition ${partition} of topic "${topic.spec.name}" cannot be read: ${message}. Check the drive.`,
    { cause: error },
  );
}
