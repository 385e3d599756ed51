/**
 * The durable state of a queue as bytes, in pieces of at most about half a MiB. Equal states give equal bytes, however they came about:
 * what follows from the rows (the order of delivery, the heaps) is not in them, and `restore.ts` makes it anew.
 *
 *     piece    records, one after another; what is near is told from the former of the same piece
 *     head     1 · version · tail · totals                                           first of all
 *     run      2 · first number · count · shape · [lease] · count × row              messages in a row that look alike
 *     row      place · [attempts] [expires] [priority] [since] [group] [due] [deaths], as the shape says
 *     place    one byte below 64 when it stands behind the former and is of nearly its size (zigzag); else 64 · position · size
 *     seen     3 · dedup id · number · time                                          in the order remembered
 *     end      4 · messages not settled                                              last of all
 *
 * A lease or a group is told in full where it occurs first, and by its number, counted from there, later.
 */

import type { Death } from '../../model/engine.ts';
import { CHUNK, type Chunk, DELAYED, DIED, IN_FLIGHT, RETURNED, SETTLED, STATE_MASK } from './chunk.ts';
import type { Contents } from './contents.ts';
import { PieceWriter } from './pieces.ts';

export const VERSION = 2;
export const TAG = { head: 1, run: 2, seen: 3, end: 4 } as const;

/** Bits of a shape; the lowest two are the state. */
export const SHAPE = { attempts: 4, expires: 8, priority: 16, since: 32, group: 64, deaths: 128, returned: 256 } as const;

/** Says that a position and a size follow. */
export const ELSEWHERE = 64;

/** A record begins a new piece past this size. */
const PIECE_BYTES = 256 * 1024;
/** So many rows in one record at most, to keep it well under the size of a piece. */
const RUN_MAX = 512;

/** What numbers of the same kind are told from. Begins anew with each piece. */
export class Former {
  next = 0;
  position = 0;
  size = 0;
  expiresMs = 0;
  sinceMs = 0;
  dueMs = 0;
  seenNumber = 0;
  seenMs = 0;
}

export function* restate(contents: Contents): Generator<Uint8Array> {
  const { rows, totals, dedup } = contents;
  const writer = new PieceWriter();
  writer.byte(TAG.head);
  writer.whole(VERSION);
  writer.whole(rows.tail);
  for (const total of [totals.published, totals.acked, totals.deadLettered, totals.expired, totals.dropped, totals.purged])
    writer.whole(total);

  const runs = new RunWriter(contents, writer);
  for (let chunk = rows.from(0); chunk !== undefined; chunk = rows.from(chunk.base + CHUNK)) {
    for (let row = 0; row < chunk.used; ) {
      if (((chunk.flags[row] as number) & STATE_MASK) === SETTLED) {
        row++;
        continue;
      }
      if (writer.size >= PIECE_BYTES) yield runs.take();
      row = runs.write(chunk, row);
    }
  }
  for (const [id, number, atMs] of dedup.entries()) {
    if (writer.size >= PIECE_BYTES) yield runs.take();
    const { former } = runs;
    writer.byte(TAG.seen);
    writer.text(id);
    writer.near(number, former.seenNumber);
    writer.near(atMs, former.seenMs);
    former.seenNumber = number;
    former.seenMs = atMs;
  }
  writer.byte(TAG.end);
  writer.whole(rows.live);
  yield writer.take();
}

class RunWriter {
  former: Former = new Former();
  readonly #contents: Contents;
  readonly #writer: PieceWriter;
  /** Lease and group slots in the order they were first told. */
  readonly #leases = new Map<number, number>();
  readonly #groups = new Map<number, number>();
  /** By base of the chunk and place in it. */
  readonly #dues = new Map<number, Float64Array>();

  constructor(contents: Contents, writer: PieceWriter) {
    this.#contents = contents;
    this.#writer = writer;
    contents.delays.each((number, dueMs) => {
      const place = number % CHUNK;
      let dues = this.#dues.get(number - place);
      if (dues === undefined) {
        dues = new Float64Array(CHUNK);
        this.#dues.set(number - place, dues);
      }
      dues[place] = dueMs;
    });
  }

  take(): Uint8Array {
    this.former = new Former();
    return this.#writer.take();
  }

  /** Writes the run that begins at this row; answers the row behind it. */
  write(chunk: Chunk, from: number): number {
    const writer = this.#writer;
    const shape = shapeOf(chunk, from);
    const isHeld = (shape & STATE_MASK) === IN_FLIGHT;
    const slot = isHeld ? chunk.leases()[from] : 0;
    const first = chunk.numberAt(from);
    let to = from + 1;
    while (to < chunk.used && to - from < RUN_MAX && chunk.numberAt(to) === first + (to - from)) {
      if (shapeOf(chunk, to) !== shape || (isHeld && chunk.leases()[to] !== slot)) break;
      to++;
    }
    writer.byte(TAG.run);
    writer.near(first, this.former.next);
    writer.whole(to - from);
    writer.whole(shape);
    if (isHeld) this.#lease(slot as number);
    this.former.next = first + (to - from);
    for (let row = from; row < to; row++) this.#row(chunk, row, shape);
    return to;
  }

  #row(chunk: Chunk, row: number, shape: number): void {
    const { former } = this;
    const writer = this.#writer;
    const position = this.#contents.rows.positionAt(chunk, row);
    const size = chunk.size[row] as number;
    const more = size - former.size;
    if (position === former.position && more >= -32 && more < 32) writer.byte(more < 0 ? -2 * more - 1 : 2 * more);
    else {
      writer.byte(ELSEWHERE);
      writer.near(position, former.position);
      writer.near(size, former.size);
    }
    former.position = position + size;
    former.size = size;
    if (shape <= STATE_MASK && shape !== DELAYED) return;
    if ((shape & SHAPE.attempts) !== 0) writer.whole(chunk.attemptsAt(row));
    if ((shape & SHAPE.expires) !== 0) {
      const expiresMs = chunk.expiresAt(row);
      writer.near(expiresMs, former.expiresMs);
      former.expiresMs = expiresMs;
    }
    if ((shape & SHAPE.priority) !== 0) writer.byte(chunk.priorities()[row] as number);
    if ((shape & SHAPE.since) !== 0) {
      const sinceMs = chunk.sinces()[row] as number;
      writer.near(sinceMs, former.sinceMs);
      former.sinceMs = sinceMs;
    }
    if ((shape & SHAPE.group) !== 0) this.#group(chunk.groups()[row] as number);
    if ((shape & STATE_MASK) === DELAYED) {
      const dueMs = (this.#dues.get(chunk.base) as Float64Array)[chunk.numberAt(row) - chunk.base] as number;
      writer.near(dueMs, former.dueMs);
      former.dueMs = dueMs;
    }
    if ((shape & SHAPE.deaths) !== 0) writeDeaths(writer, this.#contents.deaths.get(chunk.numberAt(row)) ?? []);
  }

  #lease(slot: number): void {
    const known = this.#leases.get(slot);
    this.#writer.whole(known ?? this.#leases.size);
    if (known !== undefined) return;
    this.#leases.set(slot, this.#leases.size);
    const { leases } = this.#contents;
    this.#writer.near(leases.idOf(slot), 0);
    this.#writer.near(leases.untilMsOf(slot), 0);
  }

  #group(slot: number): void {
    const known = this.#groups.get(slot);
    this.#writer.whole(known ?? this.#groups.size);
    if (known !== undefined) return;
    this.#groups.set(slot, this.#groups.size);
    this.#writer.text(this.#contents.groups?.nameOf(slot) ?? '');
  }
}

function shapeOf(chunk: Chunk, row: number): number {
  const flags = chunk.flags[row] as number;
  let shape = flags & STATE_MASK;
  if (chunk.attemptsAt(row) > 0) shape |= SHAPE.attempts;
  if (chunk.expiresAt(row) < Number.POSITIVE_INFINITY) shape |= SHAPE.expires;
  if (chunk.priority !== undefined && chunk.priority[row] !== 0) shape |= SHAPE.priority;
  if (chunk.since !== undefined && chunk.since[row] !== 0) shape |= SHAPE.since;
  if (chunk.group !== undefined && chunk.group[row] !== 0) shape |= SHAPE.group;
  if ((flags & DIED) !== 0) shape |= SHAPE.deaths;
  if ((flags & RETURNED) !== 0) shape |= SHAPE.returned;
  return shape;
}

function writeDeaths(writer: PieceWriter, deaths: readonly Death[]): void {
  writer.whole(deaths.length);
  for (const { reason, queue, exchange, address, to, atMs, count } of deaths) {
    for (const text of [reason, queue, exchange, address, to.exchange, to.address]) writer.text(text);
    writer.near(atMs, 0);
    writer.whole(count);
  }
}
