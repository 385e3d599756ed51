/**
 * Basic properties, kept as the bytes they came in: which there are and where each stands, and bytes anew with some of them changed.
 *
 *     u16 flags, the first property's bit highest · the values of those that are there, in their order
 */

import { Writer } from '../../bytes/writer.ts';
import type { Headers } from '../../model/message.ts';
import { WireFault } from './fault.ts';
import { decodeEntries, skipValue } from './table.ts';

/** In the order of their flags, from bit 15 down. */
export const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;

export type Property = (typeof PROPERTIES)[number];

/** Those that are texts of up to 255 bytes. */
export type TextProperty = Exclude<Property, 'headers' | 'deliveryMode' | 'priority' | 'timestamp'>;

const INDEX = Object.fromEntries(PROPERTIES.map((name, i) => [name, i])) as Readonly<Record<Property, number>>;
const HEADERS = INDEX.headers;
const DELIVERY_MODE = INDEX.deliveryMode;
const PRIORITY = INDEX.priority;
const TIMESTAMP = INDEX.timestamp;
const COUNT = PROPERTIES.length;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function broken(): WireFault {
  return new WireFault(502, 'the properties of a message are broken');
}

/** Where the properties of one message stand. One object looks at many, one after another. */
export class PropertyScan {
  readonly #starts = new Int32Array(COUNT + 1);
  #flags = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** Looks at the properties from `start` to `end`. Throws `WireFault` 502 when they are not just that long. Borrows the bytes. */
  scan(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (end - start < 2) throw broken();
    const flags = view.getUint16(start);
    if ((flags & 3) !== 0) throw broken();
    this.#flags = flags;
    this.#bytes = bytes;
    this.#view = view;
    let at = start + 2;
    const starts = this.#starts;
    // Most messages have few; where those behind the last one stand nobody asks.
    for (let i = 0, left = flags; left !== 0; i++, left = (left << 1) & 0xffff) {
      starts[i] = at;
      if ((left & 0x8000) === 0) continue;
      if (i === HEADERS) at = at + 4 > end ? end + 1 : at + 4 + view.getUint32(at);
      else if (i === DELIVERY_MODE || i === PRIORITY) at += 1;
      else if (i === TIMESTAMP) at += 8;
      else at += at < end ? 1 + (bytes[at] ?? 0) : 1;
      if (at > end) throw broken();
      starts[i + 1] = at;
    }
    if (at !== end) throw broken();
  }

  has(name: Property): boolean {
    return (this.#flags & (0x8000 >> INDEX[name])) !== 0;
  }

  /** True when none of these stands there, bits as the flags have them. */
  lacks(flags: number): boolean {
    return (this.#flags & flags) === 0;
  }

  text(name: TextProperty): string | undefined {
    if (!this.has(name)) return undefined;
    const at = this.#startOf(INDEX[name]);
    return decoder.decode(this.#bytes.subarray(at + 1, at + 1 + (this.#bytes[at] ?? 0)));
  }

  octet(name: 'deliveryMode' | 'priority'): number | undefined {
    return this.has(name) ? this.#bytes[this.#startOf(INDEX[name])] : undefined;
  }

  /** Seconds since 1970. */
  get timestamp(): number | undefined {
    return this.has('timestamp') ? Number(this.#view.getBigUint64(this.#startOf(TIMESTAMP))) : undefined;
  }

  /** Where the entries of the headers begin and end; both 0 when there are none. */
  get headersFrom(): number {
    return this.has('headers') ? this.#startOf(HEADERS) + 4 : 0;
  }

  get headersTo(): number {
    return this.has('headers') ? this.#startOf(HEADERS + 1) : 0;
  }

  /** The headers read. Throws `WireFault` 502. */
  headers(): Headers {
    return this.has('headers') ? decodeEntries(this.#bytes.subarray(this.headersFrom, this.headersTo)) : new Map();
  }

  /** Calls `each` with the name of each header and all its bytes. Throws `WireFault` 502. */
  eachHeaderBytes(each: (name: string, entry: Uint8Array) => void): void {
    const to = this.headersTo;
    for (let at = this.headersFrom; at < to; ) {
      const valueAt = at + 1 + (this.#bytes[at] ?? 0);
      const end = skipValue(this.#view, valueAt, to);
      each(decoder.decode(this.#bytes.subarray(at + 1, valueAt)), this.#bytes.subarray(at, end));
      at = end;
    }
  }

  /** The entries of these headers, side by side; undefined when there are none. Throws `WireFault` 502. */
  namedHeaders(names: ReadonlySet<string>): Uint8Array | undefined {
    const found: Uint8Array[] = [];
    this.eachHeaderBytes((name, entry) => {
      if (names.has(name)) found.push(entry);
    });
    return found.length === 0 ? undefined : Buffer.concat(found);
  }

  /** The bytes of the property as they stand, with their length; empty when it is not there. */
  raw(name: Property): Uint8Array {
    return this.has(name) ? this.#bytes.subarray(this.#startOf(INDEX[name]), this.#startOf(INDEX[name] + 1)) : this.#bytes.subarray(0, 0);
  }

  #startOf(index: number): number {
    return this.#starts[index] ?? 0;
  }
}

/** The bits of properties that a publisher sets for the broker to act on. */
export const ACTED_ON: number = (['headers', 'priority', 'expiration', 'userId', 'replyTo'] as const).reduce(
  (bits, name) => bits | (0x8000 >> INDEX[name]),
  0,
);

/** What is to stand in the bytes anew: `undefined` takes a property away, what is not named stays as it was. */
export type Changes = { readonly [P in Property]?: ((writer: Writer) => void) | undefined };

/** The properties of `scan` with some of them changed. */
export function changeProperties(scan: PropertyScan, changes: Changes): Uint8Array {
  const writer = new Writer('big', 256);
  writer.u16(0);
  let flags = 0;
  for (const [i, name] of PROPERTIES.entries()) {
    if (name in changes) {
      const write = changes[name];
      if (write === undefined) continue;
      flags |= 0x8000 >> i;
      write(writer);
    } else if (scan.has(name)) {
      flags |= 0x8000 >> i;
      writer.bytes(scan.raw(name));
    }
  }
  writer.setU16(0, flags);
  return writer.take();
}

/** Writes the headers anew as they are, without those named, and with what `more` adds. */
export function keptHeaders(scan: PropertyScan, writer: Writer, without: ReadonlySet<string>, more?: (writer: Writer) => void): void {
  const at = writer.skip(4);
  scan.eachHeaderBytes((name, entry) => {
    if (!without.has(name)) writer.bytes(entry);
  });
  more?.(writer);
  writer.setU32(at, writer.at - at - 4);
}

/** No properties at all. */
export const NO_PROPERTIES: Uint8Array = new Uint8Array(2);
