/** Ids of events in and out of records: a whole number in two words, a text in front of the payload or in a page of its own. */

import { Refused } from '../model/refusal.ts';
import { ID_INTEGER, ID_NONE, ID_TEXT, type TextMatch } from './ids.ts';
import { life, PART } from './life.ts';
import {
  BODY,
  HASH,
  ID_FORM,
  ID_HIGH,
  ID_LOW,
  LIFE,
  type Memory,
  PAGE_BYTES,
  PAGE_HEAD_WORDS,
  PAGE_WORDS,
  type TextBytes,
  textBytes,
} from './memory.ts';
import { ShortTexts } from './short-texts.ts';
import type { Slab } from './slab.ts';

/** What an event is known by. */
export type EventId = number | string;

/** Longer texts go into a page, so that the payload still fits. */
const INLINE_BYTES_MAX = 64;
const GOLDEN = 0x9e3779b1;
const NEAR_BITS = 4;
const NEAR_MASK: number = (1 << NEAR_BITS) - 1;

/** The id that is looked for now, and how records hold theirs. */
export class Keys implements TextMatch {
  form: number = ID_NONE;
  low = 0;
  high = 0;
  hash = 0;
  readonly #memory: Memory;
  readonly #words: Int32Array;
  readonly #pages: Slab;
  readonly #base: number;
  readonly #stride: number;
  readonly #bytes: Uint8Array;
  readonly #text: TextBytes;
  readonly #texts = new ShortTexts();
  /** From the lowest bits of an id to those of its place in the table. */
  readonly #nearShift: number;

  constructor(memory: Memory, pages: Slab) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#pages = pages;
    this.#base = memory.layout.records.base;
    this.#stride = memory.layout.records.stride;
    this.#nearShift = 32 - memory.layout.bucketBits;
    const buffer = new ArrayBuffer(PAGE_BYTES + 4);
    this.#bytes = new Uint8Array(buffer);
    this.#text = textBytes(buffer);
  }

  /** Makes `id` the one that is looked for. Throws `Refused('invalid')` for what is no id. */
  set(id: EventId): void {
    if (typeof id === 'number') {
      if ((id | 0) === id) {
        this.low = id;
        this.high = id < 0 ? -1 : 0;
      } else {
        if (!Number.isSafeInteger(id)) throw new Refused('invalid', `${id} is no id of an event. Use a whole number or a text.`);
        this.low = id | 0;
        this.high = Math.floor(id / 2 ** 32);
      }
      this.form = ID_INTEGER;
      // Neighbours among numbers are neighbours in the table as well: sixteen to a cache line, wherever that is.
      this.hash =
        Math.imul((this.low >>> NEAR_BITS) ^ Math.imul(this.high, 0x85ebca6b), GOLDEN) ^ ((this.low & NEAR_MASK) << this.#nearShift);
      return;
    }
    if (typeof id !== 'string') throw new Refused('invalid', `A ${typeof id} is no id of an event. Use a whole number or a text.`);
    const length = this.#texts.write(this.#bytes, this.#text, 0, PAGE_BYTES, id);
    if (length < 0)
      throw new Refused('too-large', `The id of an event takes at most ${PAGE_BYTES} bytes; this one begins with "${id.slice(0, 20)}".`);
    this.form = ID_TEXT;
    this.low = length;
    this.high = 0;
    let hash = 0x811c9dc5;
    for (let at = 0; at < length; at++) hash = Math.imul(hash ^ (this.#bytes[at] as number), 0x01000193);
    this.hash = Math.imul(hash ^ (hash >>> 15), GOLDEN);
  }

  /** Writes the id that is looked for into a record in this thread's hands. False when there is no page for it. */
  write(record: number): boolean {
    const words = this.#words;
    const at = this.#base + record * this.#stride;
    words[at + HASH] = this.hash;
    // Before the form: a text whose high word is not 0 has a page, also in the eyes of who frees it after a death.
    words[at + ID_HIGH] = this.high;
    words[at + ID_FORM] = this.form;
    words[at + ID_LOW] = this.low;
    if (this.form !== ID_TEXT) return true;
    if (this.low <= INLINE_BYTES_MAX) this.#writeText((at + BODY) * 4);
    else {
      words[at + ID_HIGH] = this.writePage();
      return words[at + ID_HIGH] !== 0;
    }
    return true;
  }

  /** Writes the text that is looked for into a page of its own. Answers 0 when there is none left. */
  writePage(): number {
    const page = this.#pages.take();
    if (page === 0) return 0;
    this.#words[this.#pages.base + page * PAGE_WORDS + LIFE] = life(PART, 0, 0);
    this.#writeText(this.#pageBytes(page));
    return page;
  }

  /** The id in these three words, whose text is in a page. */
  readPage(form: number, low: number, high: number): EventId {
    if (form === ID_INTEGER) return high * 2 ** 32 + (low >>> 0);
    return this.#texts.read(this.#memory.bytes, this.#memory.text, this.#pageBytes(high), low);
  }

  read(record: number): EventId {
    const words = this.#words;
    const at = this.#base + record * this.#stride;
    const low = words[at + ID_LOW] as number;
    const high = words[at + ID_HIGH] as number;
    if (words[at + ID_FORM] === ID_INTEGER) return high === low >> 31 ? low : high * 2 ** 32 + (low >>> 0);
    return this.#texts.read(this.#memory.bytes, this.#memory.text, this.#bytesAt(at), low);
  }

  /** True when the record has the id that is looked for: its words and, if it is a text, its bytes. */
  same(record: number): boolean {
    const words = this.#words;
    const at = this.#base + record * this.#stride;
    if (words[at + ID_FORM] !== this.form || words[at + ID_LOW] !== this.low) return false;
    return this.form === ID_TEXT ? this.sameText(record) : words[at + ID_HIGH] === this.high;
  }

  /** The bytes only; length and form are the same. */
  sameText(record: number): boolean {
    const from = this.#bytesAt(this.#base + record * this.#stride);
    const { bytes } = this.#memory;
    for (let index = 0; index < this.low; index++) if (bytes[from + index] !== this.#bytes[index]) return false;
    return true;
  }

  /** The page of a long id, 0 when it has none. */
  pageOf(record: number): number {
    const at = this.#base + record * this.#stride;
    return this.#words[at + ID_FORM] === ID_TEXT ? (this.#words[at + ID_HIGH] as number) : 0;
  }

  #bytesAt(at: number): number {
    const page = this.#words[at + ID_HIGH] as number;
    return page === 0 ? (at + BODY) * 4 : this.#pageBytes(page);
  }

  #writeText(from: number): void {
    const { bytes } = this.#memory;
    for (let index = 0; index < this.low; index++) bytes[from + index] = this.#bytes[index] as number;
  }

  #pageBytes(page: number): number {
    return (this.#pages.base + page * PAGE_WORDS + PAGE_HEAD_WORDS) * 4;
  }
}
