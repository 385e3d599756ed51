/** Takes back what `restate.ts` wrote: rows first, and with each the structures that follow from it. */

import type { Death, DeathReason } from '../../model/engine.ts';
import { type Position, segmentOf } from '../../model/lines.ts';
import { DELAYED, DIED, IN_FLIGHT, READY, RETURNED, STATE_MASK } from './chunk.ts';
import type { Contents } from './contents.ts';
import { PieceReader } from './pieces.ts';
import { ELSEWHERE, Former, SHAPE, TAG, VERSION } from './restate.ts';

/** Takes the pieces of one queue, in order, into contents that are empty. */
export class Restorer {
  readonly #contents: Contents;
  /** The queue has a time to live for all. */
  readonly #hasTtl: boolean;
  readonly #leases: { readonly id: number; readonly untilMs: number }[] = [];
  readonly #groups: string[] = [];
  #tail = -1;
  #former = new Former();
  /** Messages in one segment not yet counted there. */
  #segment = -1;
  #counted = 0;

  constructor(contents: Contents, hasTtl: boolean) {
    this.#contents = contents;
    this.#hasTtl = hasTtl;
  }

  /** Answers whether the queue is whole. Throws a RangeError for what is no piece, or out of order. */
  take(piece: Uint8Array): boolean {
    const reader = new PieceReader(piece);
    this.#former = new Former();
    while (!reader.isAtEnd) {
      const tag = reader.byte();
      if ((tag === TAG.head) !== this.#tail < 0)
        throw new RangeError('The pieces of a restated queue do not come in order. The checkpoint is damaged: run the doctor.');
      if (tag === TAG.head) this.#head(reader);
      else if (tag === TAG.run) this.#run(reader);
      else if (tag === TAG.seen) this.#seen(reader);
      else if (tag === TAG.end) {
        this.#end(reader);
        return true;
      } else
        throw new RangeError(`A restated queue holds a record of unknown kind ${tag}. It was written by a newer version, or is damaged.`);
    }
    return false;
  }

  #head(reader: PieceReader): void {
    const version = reader.whole();
    if (version !== VERSION)
      throw new RangeError(
        `A queue was restated in version ${version}; this one reads ${VERSION}. Open the data with the signalbox that wrote it.`,
      );
    const { rows, totals } = this.#contents;
    if (rows.tail > 0) throw new RangeError('A queue that has had messages cannot be restored over. Restore into a new one.');
    this.#tail = reader.whole();
    totals.published = reader.whole();
    totals.acked = reader.whole();
    totals.deadLettered = reader.whole();
    totals.expired = reader.whole();
    totals.dropped = reader.whole();
    totals.purged = reader.whole();
  }

  #run(reader: PieceReader): void {
    const first = reader.near(this.#former.next);
    const count = reader.whole();
    const shape = reader.whole();
    const lease = (shape & STATE_MASK) === IN_FLIGHT ? this.#lease(reader) : undefined;
    const { rows } = this.#contents;
    if (first < rows.tail)
      throw new RangeError('The messages of a restated queue do not come in order. The checkpoint is damaged: run the doctor.');
    if (first > rows.tail) rows.skipTo(first);
    this.#former.next = first + count;
    for (let number = first; number < first + count; number++) this.#row(reader, number, shape, lease);
  }

  #row(reader: PieceReader, number: number, shape: number, held: { readonly id: number; readonly untilMs: number } | undefined): void {
    const contents = this.#contents;
    const former = this.#former;
    const code = reader.byte();
    const position = code === ELSEWHERE ? reader.near(former.position) : former.position;
    const more = code % 2 === 0 ? code / 2 : -(code + 1) / 2;
    const size = code === ELSEWHERE ? reader.near(former.size) : former.size + more;
    former.position = position + size;
    former.size = size;
    const state = shape & STATE_MASK;
    const chunk = contents.rows.append(position as Position, size, state);
    const row = chunk.used - 1;
    this.#count(segmentOf(position as Position));
    if ((shape & SHAPE.attempts) !== 0) chunk.setAttempts(row, reader.whole());
    if ((shape & SHAPE.expires) !== 0) {
      former.expiresMs = reader.near(former.expiresMs);
      chunk.expiries()[row] = former.expiresMs;
      contents.expiry.join(number, 1, former.expiresMs, this.#hasTtl);
    }
    if ((shape & SHAPE.priority) !== 0) chunk.priorities()[row] = reader.byte();
    if ((shape & SHAPE.since) !== 0) {
      former.sinceMs = reader.near(former.sinceMs);
      chunk.sinces()[row] = former.sinceMs;
    }
    if ((shape & SHAPE.group) !== 0) contents.groups?.join(this.#group(reader), number, chunk, row);
    if (state === READY) {
      contents.ready++;
      if (contents.isOrdered) contents.enlist(number, chunk, row);
    } else if (state === DELAYED) {
      contents.delayed++;
      former.dueMs = reader.near(former.dueMs);
      contents.delays.add(number, former.dueMs);
    } else if (held !== undefined) {
      contents.inFlight++;
      const slot = contents.leases.part(held.id, held.untilMs);
      chunk.leases()[row] = slot;
      contents.leases.hold(slot, 1, number, 1);
    }
    if ((shape & SHAPE.returned) !== 0) {
      chunk.flags[row] = (chunk.flags[row] as number) | RETURNED;
      contents.hasReturned = true;
    }
    if ((shape & SHAPE.deaths) === 0) return;
    chunk.flags[row] = (chunk.flags[row] as number) | DIED;
    contents.deaths.set(number, readDeaths(reader));
  }

  #lease(reader: PieceReader): { readonly id: number; readonly untilMs: number } {
    const index = reader.whole();
    const known = this.#leases[index];
    if (known !== undefined) return known;
    const lease = { id: reader.near(0), untilMs: reader.near(0) };
    this.#leases.push(lease);
    return lease;
  }

  #group(reader: PieceReader): string {
    const index = reader.whole();
    const known = this.#groups[index];
    if (known !== undefined) return known;
    const name = reader.text();
    this.#groups.push(name);
    return name;
  }

  #seen(reader: PieceReader): void {
    const former = this.#former;
    const id = reader.text();
    former.seenNumber = reader.near(former.seenNumber);
    former.seenMs = reader.near(former.seenMs);
    this.#contents.dedup.add(id, former.seenNumber, former.seenMs);
  }

  #end(reader: PieceReader): void {
    const { rows } = this.#contents;
    const live = reader.whole();
    if (rows.live !== live || rows.tail > this.#tail) {
      throw new RangeError(
        `A restated queue says it holds ${live} messages, and ${rows.live} came. The checkpoint is damaged: run the doctor.`,
      );
    }
    rows.skipTo(this.#tail);
    this.#count(-1);
  }

  #count(segment: number): void {
    if (segment !== this.#segment) {
      if (this.#counted > 0) this.#contents.rows.enterSegment(this.#segment, this.#counted);
      this.#segment = segment;
      this.#counted = 0;
    }
    this.#counted++;
  }
}

function readDeaths(reader: PieceReader): Death[] {
  return Array.from({ length: reader.whole() }, () => ({
    reason: reader.text() as DeathReason,
    queue: reader.text(),
    exchange: reader.text(),
    address: reader.text(),
    to: { exchange: reader.text(), address: reader.text() },
    atMs: reader.near(0),
    count: reader.whole(),
  }));
}
