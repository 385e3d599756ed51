/**
 * The life word of a record, node or page: what it is, whose it is, and one number more, in 32 bits: `kind | owner | rest`.
 * As the owner is inside, whoever takes a thing owns it in the same compare-and-swap; a thread that died is found in every word it owned.
 */

import { INDEX_BITS, INDEX_MASK } from './memory.ts';

const KIND_SHIFT = 28;
const OWNER_MASK = 0xff;
const SPAN_MASK: number = (1 << KIND_SHIFT) - 1;

/** In the common stock, or inside a chain that is. */
export const FREE = 0;
/** First of a chain in the common stock: whoever changes this word has the chain. */
export const LOOSE = 1;
/** In the hands of its owner. */
export const TAKEN = 2;
/** A record with callbacks for an id that has no event yet. The rest is a count that changes with each registration. */
export const WAITING = 3;
/** Its owner is adding it. */
export const ADDING = 4;
/** May be claimed. The rest is the record that holds the payload. */
export const PENDING = 5;
/** Its owner runs its callbacks. */
export const RUNNING = 6;
/** All callbacks have run; retained. */
export const FINISHED = 7;
/** Its owner takes it out of the id index and frees it. */
export const RETIRED = 8;
/** Holds a payload for another record (the rest). */
export const BODY_OF = 9;
/** In use as part of something else: a page of a payload, a node in a list. */
export const PART = 10;
/** Its owner has run all callbacks that it knows of and is about to close the list. */
export const FINISHING = 11;
/** Run by several; nobody in particular watches over it. */
export const SHARED = 12;
/** Handed to its owner, which has not taken it up yet. */
export const HANDED = 13;

export function life(kind: number, owner: number, rest: number): number {
  return (kind << KIND_SHIFT) | (owner << INDEX_BITS) | rest;
}

export function kindOf(word: number): number {
  return word >>> KIND_SHIFT;
}

export function ownerOf(word: number): number {
  return (word >>> INDEX_BITS) & OWNER_MASK;
}

export function restOf(word: number): number {
  return word & INDEX_MASK;
}

/** A word without owner whose rest may use the owner's bits too (28 in all). */
export function span(kind: number, rest: number): number {
  return (kind << KIND_SHIFT) | (rest & SPAN_MASK);
}
