/** Field tables: names with typed values, as headers and arguments are written. */

import { Reader } from '../../bytes/reader.ts';
import type { Writer } from '../../bytes/writer.ts';
import type { Headers, HeaderValue } from '../../model/message.ts';
import { WireFault } from './fault.ts';

/** Tables and lists in one another; deeper is refused. */
const DEPTH_MAX = 32;

const INT32_MAX = 0x7fff_ffff;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

/** Bytes of a value whose type alone says its size. */
const SIZES: ReadonlyMap<string, number> = new Map(
  Object.entries({ t: 1, b: 1, B: 1, s: 2, u: 2, U: 2, I: 4, i: 4, f: 4, l: 8, L: 8, d: 8, T: 8, D: 5, V: 0 }),
);

function broken(what: string): WireFault {
  return new WireFault(502, `a field table is broken: ${what}`);
}

/** Reads a table that begins with its length. Throws `WireFault` 502. */
export function readTable(reader: Reader): Headers {
  return readEntries(within(reader, reader.u32()), 0);
}

/** A table given as the bytes of its entries, without the length. Throws `WireFault` 502. */
export function decodeEntries(bytes: Uint8Array): Headers {
  return readEntries(new Reader(bytes), 0);
}

function within(reader: Reader, length: number): Reader {
  if (length > reader.remaining) throw broken(`it says ${length} bytes, and ${reader.remaining} are there`);
  return new Reader(reader.bytes(length));
}

/** A table that remembers the types its values were written with. */
class TypedTable extends Map<string, HeaderValue> {
  readonly letters: Map<string, string> = new Map();
}

/** The type a value of a table was written with, as its letter; undefined when it is not known. */
export function letterOf(table: Headers, name: string): string | undefined {
  return table instanceof TypedTable ? table.letters.get(name) : undefined;
}

function readEntries(reader: Reader, depth: number): Headers {
  if (depth > DEPTH_MAX) throw broken(`it is nested deeper than ${DEPTH_MAX}`);
  const into = depth === 0 ? new TypedTable() : new Map<string, HeaderValue>();
  while (reader.remaining > 0) {
    const bytes = textOf(take(reader, reader.u8()));
    const name = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
    if (reader.remaining === 0) throw broken('a name has no value');
    const letter = String.fromCharCode(reader.u8());
    into.set(name, readValue(reader, letter, depth));
    if (into instanceof TypedTable) into.letters.set(name, letter);
  }
  return into;
}

function take(reader: Reader, length: number): Uint8Array {
  if (length > reader.remaining) throw broken(`a value says ${length} bytes, and ${reader.remaining} are there`);
  return reader.bytes(length);
}

function readValue(reader: Reader, type: string, depth: number): HeaderValue {
  const size = SIZES.get(type) ?? 4;
  if (size > reader.remaining) throw broken(`a value of type ${type} breaks off`);
  switch (type) {
    case 't':
      return reader.u8() !== 0;
    case 'b':
      return reader.i8();
    case 'B':
      return reader.u8();
    case 's':
    case 'U':
      return reader.i16();
    case 'u':
      return reader.u16();
    case 'I':
      return reader.i32();
    case 'i':
      return reader.u32();
    case 'l':
    case 'L':
      return whole(reader.bigI64());
    case 'T':
      return whole(reader.bigU64());
    case 'f':
      return reader.f32();
    case 'd':
      return reader.f64();
    case 'D': {
      const scale = reader.u8();
      return reader.i32() / 10 ** scale;
    }
    case 'S':
      return textOf(take(reader, reader.u32()));
    case 'x':
      // Not slice(): of a Buffer that would be a view.
      return new Uint8Array(take(reader, reader.u32()));
    case 'F':
      return readEntries(within(reader, reader.u32()), depth + 1);
    case 'A': {
      if (depth >= DEPTH_MAX) throw broken(`it is nested deeper than ${DEPTH_MAX}`);
      const list = within(reader, reader.u32());
      const values: HeaderValue[] = [];
      while (list.remaining > 0) values.push(readValue(list, String.fromCharCode(list.u8()), depth + 1));
      return values;
    }
    case 'V':
      return null;
    default:
      throw broken(`there is no type ${JSON.stringify(type)}`);
  }
}

function whole(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Long strings are text by custom only: what is no UTF-8 stays bytes. */
function textOf(bytes: Uint8Array): string | Uint8Array {
  try {
    return decoder.decode(bytes);
  } catch {
    return new Uint8Array(bytes);
  }
}

/** Writes a table with its length. Names longer than 255 bytes are cut by their writer's refusal: `BytesError`. */
export function writeTable(writer: Writer, table: Headers): void {
  const at = writer.skip(4);
  for (const [name, value] of table) writeEntry(writer, name, value);
  writer.setU32(at, writer.at - at - 4);
}

export function writeEntry(writer: Writer, name: string, value: HeaderValue): void {
  writer.text8(name);
  writeValue(writer, value);
}

function writeValue(writer: Writer, value: HeaderValue): void {
  if (value === null) return letter(writer, 'V');
  switch (typeof value) {
    case 'string':
      letter(writer, 'S');
      return writer.text32(value);
    case 'boolean':
      letter(writer, 't');
      return writer.u8(value ? 1 : 0);
    case 'bigint':
      if (value > INT64_MAX || value < -INT64_MAX - 1n) {
        letter(writer, 'S');
        return writer.text32(value.toString());
      }
      letter(writer, 'l');
      return writer.big64(value);
    case 'number':
      return writeNumber(writer, value);
    default:
  }
  if (value instanceof Uint8Array) {
    letter(writer, 'x');
    writer.u32(value.length);
    return writer.bytes(value);
  }
  if (value instanceof Map) {
    letter(writer, 'F');
    return writeTable(writer, value as Headers);
  }
  letter(writer, 'A');
  const at = writer.skip(4);
  for (const item of value as readonly HeaderValue[]) writeValue(writer, item);
  writer.setU32(at, writer.at - at - 4);
}

function writeNumber(writer: Writer, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    letter(writer, 'd');
    return writer.f64(value);
  }
  if (value <= INT32_MAX && value >= -INT32_MAX - 1) {
    letter(writer, 'I');
    return writer.i32(value);
  }
  letter(writer, 'l');
  writer.i64(value);
}

/** A time, seconds since 1970: its own type, which plain numbers do not get. */
export function writeTimestampEntry(writer: Writer, name: string, seconds: number): void {
  writer.text8(name);
  letter(writer, 'T');
  writer.u64(seconds);
}

/** A whole number as 64 bits, where clients expect that type. */
export function writeLongEntry(writer: Writer, name: string, value: number): void {
  writer.text8(name);
  letter(writer, 'l');
  writer.i64(value);
}

export function letter(writer: Writer, type: string): void {
  writer.u8(type.charCodeAt(0));
}

/** Where the value ends whose type stands at `at`; looks at no more than it must. Throws `WireFault` 502 beyond `end`. */
export function skipValue(view: DataView, at: number, end: number): number {
  if (at >= end) throw broken('a name has no value');
  const type = String.fromCharCode(view.getUint8(at));
  const size = SIZES.get(type);
  let next: number;
  if (size !== undefined) next = at + 1 + size;
  else if (type === 'S' || type === 'x' || type === 'A' || type === 'F') {
    if (at + 5 > end) throw broken(`a value of type ${type} breaks off`);
    next = at + 5 + view.getUint32(at + 1);
  } else throw broken(`there is no type ${JSON.stringify(type)}`);
  if (next > end) throw broken(`a value of type ${type} breaks off`);
  return next;
}
