/** The four number lines. Each is a plain number branded so that one cannot be passed for another. */

declare const line: unique symbol;

/** A byte of the journal: `segment * 2^26 + byte in the segment`. Grows for ever; a segment may end before its 64 MiB. */
export type Position = number & { readonly [line]: 'position' };

/** A record of a topic partition, counted from 0 without gaps. */
export type Offset = number & { readonly [line]: 'offset' };

/** An event of one stream, counted from 0. */
export type Version = number & { readonly [line]: 'version' };

/** A slot of the ring of an event queue. */
export type Sequence = number & { readonly [line]: 'sequence' };

/** Most bytes one journal segment may hold; also the factor of a position. */
export const SEGMENT_BYTES: number = 64 * 1024 * 1024;

export function position(segment: number, byte: number): Position {
  return (segment * SEGMENT_BYTES + byte) as Position;
}

export function segmentOf(at: Position): number {
  return Math.floor(at / SEGMENT_BYTES);
}

export function byteOf(at: Position): number {
  return at % SEGMENT_BYTES;
}

export function offset(n: number): Offset {
  return n as Offset;
}
