/**
 * What an event carries, in and out of shared memory: by its type's schema, as JSON, as a text or as bytes. What does not fit into the
 * record goes into a chain of pages.
 */

import { Refused } from '../model/refusal.ts';
import { ID_TEXT } from './ids.ts';
import { life, PART, TAKEN } from './life.ts';
import {
  BODY,
  FORM,
  ID_FORM,
  ID_HIGH,
  ID_LOW,
  LENGTH,
  LIFE,
  LINK,
  type Memory,
  PAGE_BYTES,
  PAGE_HEAD_WORDS,
  PAGE_WORDS,
  PAGES,
  textBytes,
} from './memory.ts';
import { compileSchema, type Schema, type SchemaCodec, type Target } from './schema.ts';
import type { Slab } from './slab.ts';

export const FORM_NONE = 0;
export const FORM_TEXT = 1;
export const FORM_JSON = 2;
export const FORM_BYTES = 3;
export const FORM_SCHEMA = 4;

const SCRATCH_BYTES = 64 * 1024;
/** What a payload that does not fit one page list is worth asking for: more than a typed array can have is never tried. */
const PAYLOAD_BYTES_MAX: number = 2 ** 30;

export class Payloads {
  readonly #memory: Memory;
  readonly #words: Int32Array;
  readonly #pages: Slab;
  readonly #records: { base: number; stride: number };
  readonly #codecs: ReadonlyMap<string, SchemaCodec>;
  #scratch: Target = targetOf(SCRATCH_BYTES);

  constructor(memory: Memory, pages: Slab, records: { base: number; stride: number }, schemas: Readonly<Record<string, Schema>>) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#pages = pages;
    this.#records = records;
    this.#codecs = new Map(Object.entries(schemas).map(([type, schema]) => [type, compileSchema(type, schema)]));
  }

  /** Writes the payload of a record in this thread's hands. False when there are no pages left. Throws `Refused` for what cannot be carried. */
  write(record: number, type: string, data: unknown): boolean {
    const words = this.#words;
    const at = this.#records.base + record * this.#records.stride;
    if (data === undefined) {
      words[at + FORM] = FORM_NONE;
      words[at + LENGTH] = 0;
      return true;
    }
    const codec = this.#codecs.size === 0 ? undefined : this.#codecs.get(type);
    const form = codec !== undefined ? FORM_SCHEMA : formOf(data);
    const value = form === FORM_JSON ? jsonOf(type, data) : data;
    words[at + FORM] = form;
    const from = (at + BODY) * 4 + this.#idBytes(at);
    const length = this.#encode(form, value, codec, this.#memory, from, (at + this.#records.stride) * 4);
    if (length < 0) return this.#spill(at, form, value, codec);
    words[at + LENGTH] = length;
    return true;
  }

  /** Reads the payload of a record that this thread may look at. */
  read(record: number, type: string): unknown {
    const words = this.#words;
    const at = this.#records.base + record * this.#records.stride;
    const form = words[at + FORM] as number;
    if (form === FORM_NONE) return undefined;
    const length = words[at + LENGTH] as number;
    const page = words[at + PAGES] as number;
    if (page === 0) return this.#decode(form, type, this.#memory, (at + BODY) * 4 + this.#idBytes(at), length);
    return this.#decode(form, type, this.gather(page, length), 0, length);
  }

  /** Puts bytes into pages. Answers the first, 0 when there are not enough left. */
  store(from: Uint8Array, length: number): number {
    const words = this.#words;
    let first = 0;
    // From the end, so that each page knows the next when it is written.
    for (let start = Math.floor(Math.max(0, length - 1) / PAGE_BYTES) * PAGE_BYTES; start >= 0; start -= PAGE_BYTES) {
      const page = this.#pages.take();
      if (page === 0) {
        this.free(first);
        return 0;
      }
      const at = this.#pages.base + page * PAGE_WORDS;
      words[at + LINK] = first;
      this.#memory.bytes.set(from.subarray(start, Math.min(length, start + PAGE_BYTES)), (at + PAGE_HEAD_WORDS) * 4);
      first = page;
    }
    return first;
  }

  /** Marks pages as part of something that is found on its own after a death: they are no longer in this thread's hands. */
  attach(first: number): void {
    const words = this.#words;
    for (let page = first; page !== 0; ) {
      const at = this.#pages.base + page * PAGE_WORDS;
      words[at + LIFE] = life(PART, 0, 0);
      page = words[at + LINK] as number;
    }
  }

  free(first: number): void {
    for (let page = first; page !== 0; ) {
      const next = this.#words[this.#pages.base + page * PAGE_WORDS + LINK] as number;
      this.#pages.give(page);
      page = next;
    }
  }

  /** Frees the pages that begin in the word `at`. The word is emptied in between, so that after a death none is freed twice. */
  release(at: number, owner: number): void {
    const words = this.#words;
    const first = words[at] as number;
    if (first === 0) return;
    for (let page = first; page !== 0; ) {
      const place = this.#pages.base + page * PAGE_WORDS;
      words[place + LIFE] = life(TAKEN, owner, 0);
      page = words[place + LINK] as number;
    }
    words[at] = 0;
    this.free(first);
  }

  /** The bytes of a chain of pages, in a memory of this thread, good until the next call. */
  gather(first: number, length: number): Target {
    const target = this.#scratchOf(length);
    let done = 0;
    for (let page = first; page !== 0 && done < length; ) {
      const at = this.#pages.base + page * PAGE_WORDS;
      const from = (at + PAGE_HEAD_WORDS) * 4;
      const size = Math.min(PAGE_BYTES, length - done);
      target.bytes.set(this.#memory.bytes.subarray(from, from + size), done);
      done += size;
      page = this.#words[at + LINK] as number;
    }
    return target;
  }

  #spill(at: number, form: number, value: unknown, codec: SchemaCodec | undefined): boolean {
    const words = this.#words;
    let target = this.#scratch;
    let length = this.#encode(form, value, codec, target, 0, target.bytes.length);
    while (length < 0) {
      if (target.bytes.length >= PAYLOAD_BYTES_MAX) throw tooLarge(PAYLOAD_BYTES_MAX);
      target = this.#scratchOf(target.bytes.length * 4);
      length = this.#encode(form, value, codec, target, 0, target.bytes.length);
    }
    const limit = this.#memory.shape.pages * PAGE_BYTES;
    if (length > limit) throw tooLarge(limit);
    const first = this.store(target.bytes, length);
    if (first === 0) return false;
    words[at + LENGTH] = length;
    words[at + PAGES] = first;
    this.attach(first);
    return true;
  }

  #encode(form: number, value: unknown, codec: SchemaCodec | undefined, target: Target, from: number, end: number): number {
    switch (form) {
      case FORM_SCHEMA:
        return (codec as SchemaCodec).encode(target, from, end, value);
      case FORM_BYTES: {
        const bytes = value as Uint8Array;
        if (bytes.length > end - from) return -1;
        target.bytes.set(bytes, from);
        return bytes.length;
      }
      default: {
        const text = value as string;
        const room = end - from;
        if (text.length > room) return -1;
        const written = target.text.utf8Write(text, from, room);
        // A letter that did not fit is left out whole, so it is sure to be complete only with room for one more.
        return written + 4 <= room || Buffer.byteLength(text) <= room ? written : -1;
      }
    }
  }

  #decode(form: number, type: string, target: Target, from: number, length: number): unknown {
    switch (form) {
      case FORM_SCHEMA:
        return (this.#codecs.get(type) as SchemaCodec).decode(target, from);
      case FORM_BYTES:
        return target.bytes.slice(from, from + length);
      case FORM_JSON:
        return JSON.parse(target.text.utf8Slice(from, from + length));
      default:
        return target.text.utf8Slice(from, from + length);
    }
  }

  /** Bytes that the text of the id takes at the beginning of the body, rounded up so that the payload begins at a word. */
  #idBytes(at: number): number {
    const words = this.#words;
    if (words[at + ID_FORM] !== ID_TEXT || words[at + ID_HIGH] !== 0) return 0;
    return ((words[at + ID_LOW] as number) + 3) & ~3;
  }

  #scratchOf(length: number): Target {
    if (this.#scratch.bytes.length < length) this.#scratch = targetOf(2 ** Math.ceil(Math.log2(length)));
    return this.#scratch;
  }
}

function targetOf(length: number): Target {
  const buffer = new ArrayBuffer(length);
  return { view: new DataView(buffer), bytes: new Uint8Array(buffer), text: textBytes(buffer) };
}

function formOf(data: unknown): number {
  if (typeof data === 'string') return data.isWellFormed() ? FORM_TEXT : FORM_JSON;
  return data instanceof Uint8Array ? FORM_BYTES : FORM_JSON;
}

function jsonOf(type: string, data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new Refused(
      'invalid',
      `The data of an event of type "${type}" cannot be written as JSON. Give plain data, bytes, or declare a schema.`,
      { cause },
    );
  }
  if (text === undefined) {
    throw new Refused(
      'invalid',
      `The data of an event of type "${type}" is a ${typeof data}, which cannot cross threads. Give plain data or bytes.`,
    );
  }
  return text;
}

function tooLarge(limit: number): Refused {
  return new Refused(
    'too-large',
    `The data of the event takes more than ${limit} bytes, all that the queue has for payloads. Raise spillBytes or send a reference.`,
  );
}
