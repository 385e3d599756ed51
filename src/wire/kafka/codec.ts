/**
 * Readers and writers made from the tables: one for each message and version, when it is first needed.
 *
 * A count is believed only as far as bytes are there for it, and one message may hold so many elements in all and no more.
 */

import { BytesError, Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { type Fields, type Kind, type Plan, planOf } from './fields.ts';
import { MessageWriter } from './message-writer.ts';

type Read = (from: MessageReader) => unknown;
type Write = (to: Writer, value: unknown) => void;
type Struct = Record<string, unknown>;

interface Codec {
  readonly read: Read;
  readonly write: Write;
  /** The fewest bytes it takes. */
  readonly bytesMin: number;
}

/** Elements of all lists of one message together: what a frame of a few megabytes could otherwise make of objects would fill the memory. */
const ELEMENTS_MAX = 200_000;

/** Reads one message, and counts what it becomes. */
export class MessageReader extends Reader {
  /** Of all lists together. */
  elements = 0;
}

/** From so many bytes on they are not copied: cheaper than a piece of its own on the way out. */
const ASIDE_BYTES = 16 * 1024;

export const NO_UUID: string = '0'.repeat(32);

/** One side of an API: `encode` and `decode` for each version. */
export class MessageCodec {
  readonly #fields: Fields;
  readonly #flexible: number;
  readonly #codecs = new Map<number, Codec>();

  constructor(fields: Fields, flexible: number | null) {
    this.#fields = fields;
    this.#flexible = flexible ?? Number.POSITIVE_INFINITY;
  }

  /** Throws `BytesError` for bytes that are no such message. What is left behind it is not looked at. */
  decode(from: MessageReader, version: number): unknown {
    return this.#codec(version).read(from);
  }

  /** Throws when a field that this version must have is missing: that is the caller's mistake. */
  encode(to: Writer, version: number, value: unknown): void {
    this.#codec(version).write(to, value);
  }

  #codec(version: number): Codec {
    let codec = this.#codecs.get(version);
    if (codec === undefined) {
      codec = structCodec(this.#fields, version, version >= this.#flexible);
      this.#codecs.set(version, codec);
    }
    return codec;
  }
}

function structCodec(fields: Fields, version: number, flexible: boolean): Codec {
  const plans = Object.entries(fields)
    .filter(([name]) => name !== '$')
    .map(([name, field]) => planOf(name, field, version));
  const absent = plans
    .filter((plan) => !plan.present || plan.tag !== undefined)
    .map((plan) => ({ name: plan.name, value: defaultOf(plan, version, flexible) }));
  const lined = plans.filter((plan) => plan.present && plan.tag === undefined).map((plan) => lineOf(plan, version, flexible));
  const tagged = plans
    .filter((plan) => plan.present && plan.tag !== undefined)
    .map((plan) => ({ ...lineOf(plan, version, flexible), tag: plan.tag ?? 0 }))
    .sort((a, b) => a.tag - b.tag);
  const byTag = new Map(tagged.map((line) => [line.tag, line]));
  return {
    bytesMin: lined.reduce((sum, line) => sum + line.codec.bytesMin, flexible ? 1 : 0),
    read: (from) => {
      const value: Struct = {};
      for (const { name, codec } of lined) value[name] = codec.read(from);
      for (const { name, value: preset } of absent) value[name] = preset;
      if (flexible)
        readTags(from, (tag) => {
          const line = byTag.get(tag);
          if (line === undefined) return false;
          value[line.name] = line.codec.read(from);
          return true;
        });
      return value;
    },
    write: (to, value) => {
      for (const { name, codec, preset } of lined) codec.write(to, given(value as Struct, name, preset));
      if (flexible)
        writeTags(
          to,
          tagged.filter(({ name, preset }) => !isDefault((value as Struct)[name], preset)),
          value as Struct,
        );
    },
  };
}

interface Line {
  readonly name: string;
  readonly codec: Codec;
  /** Written when nothing is given; undefined = something must be. */
  readonly preset: unknown;
}

function lineOf(plan: Plan, version: number, flexible: boolean): Line {
  const one =
    plan.kind === 'struct' ? structCodec(plan.fields, version, flexible) : scalarCodec(plan.kind, !plan.isList && plan.nullable, flexible);
  const codec = plan.isList ? listCodec(one, plan.nullable, flexible) : plan.kind === 'struct' && plan.nullable ? nullableStruct(one) : one;
  const isPreset = plan.default !== undefined || plan.tag !== undefined;
  return { name: plan.name, codec, preset: isPreset ? defaultOf(plan, version, flexible) : undefined };
}

function given(value: Struct, name: string, preset: unknown): unknown {
  const own = value[name] ?? (value[name] === null ? null : preset);
  if (own === undefined) throw new Error(`The field "${name}" of a message is missing.`);
  return own;
}

function isDefault(value: unknown, preset: unknown): boolean {
  if (value === undefined || value === preset) return true;
  return Array.isArray(value) && value.length === 0 && Array.isArray(preset);
}

/** What a field is where a version does not have it, or nobody said. Shared, so frozen where it could be changed. */
function defaultOf({ kind, isList, nullable, default: preset, fields }: Plan, version: number, flexible: boolean): unknown {
  if (preset === 'null') return null;
  if (isList) return NO_LIST;
  switch (kind) {
    case 'struct': {
      if (nullable) return null;
      const plans = Object.entries(fields).filter(([name]) => name !== '$');
      return Object.freeze(
        Object.fromEntries(plans.map(([name, field]) => [name, defaultOf(planOf(name, field, version), version, flexible)])),
      );
    }
    case 'bool':
      return preset === 'true';
    case 'string':
      return preset ?? '';
    case 'uuid':
      return NO_UUID;
    case 'bytes':
    case 'records':
      return nullable ? null : NO_BYTES;
    default:
      return Number(preset ?? 0);
  }
}

const NO_LIST: readonly unknown[] = Object.freeze([]);
const NO_BYTES = new Uint8Array(0);

function listCodec(one: Codec, nullable: boolean, flexible: boolean): Codec {
  const step = Math.max(1, one.bytesMin);
  return {
    bytesMin: flexible ? 1 : 4,
    read: (from) => {
      const at = from.at;
      const count = flexible ? from.varint(5) - 1 : from.i32();
      if (count < 0) {
        if (count === -1 && nullable) return null;
        throw new BytesError('value', at, `A list at byte ${at} says that it has ${count} elements.`);
      }
      if (count > from.remaining / step)
        throw new BytesError('end', at, `A list at byte ${at} says that it has ${count} elements, and ${from.remaining} bytes are there.`);
      from.elements += count;
      if (from.elements > ELEMENTS_MAX) throw new BytesError('value', at, `This message has more than ${ELEMENTS_MAX} elements.`);
      const list: unknown[] = [];
      for (let i = 0; i < count; i++) list.push(one.read(from));
      return list;
    },
    write: (to, value) => {
      if (value === null) {
        if (!nullable) throw new Error('A list that this version must have is null.');
        if (flexible) to.varint(0);
        else to.i32(-1);
        return;
      }
      const list = value as readonly unknown[];
      if (flexible) to.varint(list.length + 1);
      else to.i32(list.length);
      for (const element of list) one.write(to, element);
    },
  };
}

function nullableStruct(one: Codec): Codec {
  return {
    bytesMin: 1,
    read: (from) => (from.i8() < 0 ? null : one.read(from)),
    write: (to, value) => {
      to.i8(value === null ? -1 : 1);
      if (value !== null) one.write(to, value);
    },
  };
}

function scalarCodec(kind: Kind, nullable: boolean, flexible: boolean): Codec {
  switch (kind) {
    case 'string':
      return lengthCodec(
        kind,
        nullable,
        flexible,
        flexible ? 0 : 2,
        (from, length) => from.text(length),
        (to, value) => {
          const text = value as string;
          if (flexible) {
            to.varint(Buffer.byteLength(text) + 1);
            to.text(text);
          } else {
            if (Buffer.byteLength(text) > 0x7fff) throw new Error('A text is longer than this version can say.');
            to.text16(text);
          }
        },
      );
    case 'bytes':
    case 'records':
      return lengthCodec(
        kind,
        nullable,
        flexible,
        flexible ? 0 : 4,
        (from, length) => from.bytes(length),
        (to, value) => {
          const bytes = value as Uint8Array;
          if (flexible) to.varint(bytes.length + 1);
          else to.i32(bytes.length);
          if (bytes.length >= ASIDE_BYTES && to instanceof MessageWriter) to.aside(bytes);
          else to.bytes(bytes);
        },
      );
    default:
      return FIXED[kind];
  }
}

/** Strings and bytes: a length of 2 or 4 bytes, or (0) one more than it as a varint; null where that is allowed. */
function lengthCodec(
  kind: Kind,
  nullable: boolean,
  flexible: boolean,
  lengthBytes: 0 | 2 | 4,
  body: (from: Reader, length: number) => unknown,
  write: Write,
): Codec {
  return {
    bytesMin: flexible ? 1 : lengthBytes,
    read: (from) => {
      const at = from.at;
      const length = lengthBytes === 0 ? from.varint(5) - 1 : lengthBytes === 2 ? from.i16() : from.i32();
      if (length >= 0) return body(from, length);
      // Older clients say null where the table has none: bytes and records are then empty.
      if (nullable || kind === 'records') return null;
      if (kind === 'bytes' && length === -1) return NO_BYTES;
      throw new BytesError('value', at, `A ${kind} at byte ${at} is null, which it may not be.`);
    },
    write: (to, value) => {
      if (value !== null) write(to, value);
      else if (!nullable && kind !== 'records') throw new Error(`A ${kind} that this version must have is null.`);
      else if (lengthBytes === 0) to.varint(0);
      else if (lengthBytes === 2) to.i16(-1);
      else to.i32(-1);
    },
  };
}

const FIXED: Record<Exclude<Kind, 'string' | 'bytes' | 'records'>, Codec> = {
  bool: { bytesMin: 1, read: (from) => from.u8() !== 0, write: (to, value) => to.u8(value === true ? 1 : 0) },
  int8: { bytesMin: 1, read: (from) => from.i8(), write: (to, value) => to.i8(value as number) },
  int16: { bytesMin: 2, read: (from) => from.i16(), write: (to, value) => to.i16(value as number) },
  uint16: { bytesMin: 2, read: (from) => from.u16(), write: (to, value) => to.u16(value as number) },
  int32: { bytesMin: 4, read: (from) => from.i32(), write: (to, value) => to.i32(value as number) },
  uint32: { bytesMin: 4, read: (from) => from.u32(), write: (to, value) => to.u32(value as number) },
  int64: { bytesMin: 8, read: readInt64, write: (to, value) => to.i64(value as number) },
  float64: { bytesMin: 8, read: (from) => from.f64(), write: (to, value) => to.f64(value as number) },
  uuid: { bytesMin: 16, read: readUuid, write: (to, value) => writeUuid(to, value as string) },
};

function readInt64(from: Reader): number {
  const value = from.i32() * 2 ** 32 + from.u32();
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
}

function readUuid(from: Reader): string {
  let text = '';
  for (let i = 0; i < 4; i++) text += from.u32().toString(16).padStart(8, '0');
  return text;
}

function writeUuid(to: Writer, uuid: string): void {
  for (let i = 0; i < 32; i += 8) to.u32(Number.parseInt(uuid.slice(i, i + 8), 16));
}

/** Tagged fields: how many, then number, size and bytes of each. What `read` does not know is passed over. */
export function readTags(from: Reader, read: (tag: number) => boolean): void {
  const count = from.varint(5);
  for (let i = 0; i < count; i++) {
    const tag = from.varint(5);
    const size = from.varint(5);
    const at = from.at;
    if (size > from.remaining) throw new BytesError('end', at, `A tagged field of ${size} bytes at byte ${at} breaks off.`);
    if (!read(tag)) from.skip(size);
    else if (from.at !== at + size)
      throw new BytesError('value', at, `The tagged field ${tag} at byte ${at} has another length than it says.`);
  }
}

function writeTags(to: Writer, lines: readonly (Line & { readonly tag: number })[], value: Struct): void {
  to.varint(lines.length);
  for (const { tag, name, codec } of lines) {
    const inner = new Writer('big', 64);
    codec.write(inner, value[name]);
    to.varint(tag);
    to.varint(inner.at);
    to.bytes(inner.written());
  }
}
