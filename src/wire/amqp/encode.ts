/** Methods as bytes and back, by the table of methods. */

import { BytesError, Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import type { Headers } from '../../model/message.ts';
import { WireFault } from './fault.ts';
import { type Args, type FieldTypes, idOf, METHODS, type Method, type MethodName, nameOf } from './methods.ts';
import { readTable, writeTable } from './table.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Class and method id with their arguments, as a method frame carries them. */
export function encodeMethod<M extends MethodName>(name: M, args: Args<M>): Uint8Array {
  const writer = new Writer('big', 64);
  writer.u32(idOf(name));
  let bits = 0;
  let bitAt = -1;
  const values = args as Readonly<Record<string, unknown>>;
  for (const [field, type] of Object.entries(METHODS[name].fields as Readonly<Record<string, keyof FieldTypes>>)) {
    const value = values[field];
    if (type === 'bit') {
      if (bitAt < 0) {
        bits = 0;
        bitAt = writer.at;
        writer.u8(0);
      }
      if (value === true) writer.setU8(bitAt, (writer.written()[bitAt] as number) | (1 << bits));
      bits++;
      continue;
    }
    bitAt = -1;
    writeField(writer, type, value);
  }
  return writer.take();
}

function writeField(writer: Writer, type: Exclude<keyof FieldTypes, 'bit'>, value: unknown): void {
  switch (type) {
    case 'octet':
      return writer.u8(value as number);
    case 'short':
      return writer.u16(value as number);
    case 'long':
      return writer.u32(value as number);
    case 'longlong':
      return writer.u64(value as number);
    case 'shortstr':
      return writer.text8(shortened(value as string));
    case 'longstr':
      writer.u32((value as Uint8Array).length);
      return writer.bytes(value as Uint8Array);
    case 'table':
      return writeTable(writer, value as Headers);
  }
}

const SHORT_BYTES_MAX = 255;

/** A text of ours that is too long for its field is told as far as it goes. */
function shortened(text: string): string {
  if (text.length * 3 <= SHORT_BYTES_MAX || Buffer.byteLength(text) <= SHORT_BYTES_MAX) return text;
  let end = SHORT_BYTES_MAX;
  const bytes = Buffer.from(text);
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The method in a frame's payload. Throws `WireFault`: 503 for one that does not exist, 501 for one that breaks off, 502 for a broken table. */
export function decodeMethod(payload: Uint8Array): Method {
  const reader = new Reader(payload);
  try {
    const id = reader.u32();
    const name = nameOf(id);
    if (name === undefined) throw new WireFault(503, `there is no method ${id >>> 16}.${id & 0xffff}`);
    const args: Record<string, unknown> = {};
    let bits = 0;
    let left = 0;
    for (const [field, type] of Object.entries(METHODS[name].fields as Readonly<Record<string, keyof FieldTypes>>)) {
      if (type === 'bit') {
        if (left === 0) {
          bits = reader.u8();
          left = 8;
        }
        args[field] = (bits & 1) === 1;
        bits >>= 1;
        left--;
        continue;
      }
      left = 0;
      args[field] = readField(reader, type);
    }
    return { name, args } as Method;
  } catch (error) {
    if (error instanceof BytesError) throw new WireFault(501, 'the arguments of a method break off');
    throw error;
  }
}

function readField(reader: Reader, type: Exclude<keyof FieldTypes, 'bit'>): unknown {
  switch (type) {
    case 'octet':
      return reader.u8();
    case 'short':
      return reader.u16();
    case 'long':
      return reader.u32();
    case 'longlong':
      // Beyond 2^53 no delivery tag was ever given out: any such number is as unknown as the next.
      return Number(reader.bigU64());
    case 'shortstr':
      return decoder.decode(reader.bytes(reader.u8()));
    case 'longstr':
      return new Uint8Array(reader.bytes(reader.u32()));
    case 'table':
      return readTable(reader);
  }
}
