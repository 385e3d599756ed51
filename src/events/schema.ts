/**
 * Declared schemas: from `{ user: 'int32', name: 'string', ok: 'boolean' }` come a function that lays such an object out in bytes and one
 * that reads it back, generated once. Numbers and booleans stand at fixed places, what varies in length follows in the order declared.
 */

import { Refused } from '../model/refusal.ts';
import type { TextBytes } from './memory.ts';
import { ShortTexts } from './short-texts.ts';

type Scalar = 'int32' | 'uint32' | 'float64' | 'boolean' | 'string' | 'bytes';

/** With `?` it may be absent. Lists are written `{ list: … }`, objects as they are. */
export type FieldType = Scalar | `${Scalar}?` | { readonly list: Scalar } | Schema;

export interface Schema {
  readonly [field: string]: FieldType;
}

export interface SchemaCodec {
  /** Lays `data` out from byte `at`. Answers the number of bytes, or -1 when they do not fit before `end`. Throws `Refused('schema')`. */
  encode(target: Target, at: number, end: number, data: unknown): number;
  decode(target: Target, at: number): unknown;
}

/** One memory in three views. */
export interface Target {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly text: TextBytes;
}

interface Field {
  /** JavaScript that reads it from `data`, for the encoder. */
  readonly path: string;
  /** JSON pointer, for people. */
  readonly pointer: string;
  readonly type: Scalar;
  readonly optional: boolean;
  readonly list: boolean;
  /** Where it stands from the start, for what has a fixed size; or where the bit is that says it is there. */
  readonly at: number;
  readonly flag: number;
  /** The variable it is read into. */
  readonly name: string;
}

const SIZES: Readonly<Record<Scalar, number>> = { int32: 4, uint32: 4, float64: 8, boolean: 1, string: 0, bytes: 0 };
const CHECKS: Readonly<Record<Scalar, (value: string) => string>> = {
  int32: (value) => `(${value} | 0) === ${value}`,
  uint32: (value) => `(${value} >>> 0) === ${value}`,
  float64: (value) => `typeof ${value} === 'number'`,
  boolean: (value) => `typeof ${value} === 'boolean'`,
  string: (value) => `typeof ${value} === 'string'`,
  bytes: (value) => `${value} instanceof Uint8Array`,
};

/** Throws `Refused('invalid')` when the schema itself is wrong. */
export function compileSchema(type: string, schema: Schema): SchemaCodec {
  const plan = planOf(type, schema);
  const texts = new ShortTexts();
  const fault = (pointer: string, wanted: string, value: unknown): never => {
    throw new Refused(
      'schema',
      `An event of type "${type}" does not fit its schema: ${pointer} must be ${wanted} and is ${describe(value)}.`,
      {
        path: pointer,
      },
    );
  };
  // The generated text holds nothing but numbers, names made here, and the schema's own field names as JSON texts.
  const make = new Function('fault', 'texts', `'use strict'; return { ${encoderOf(plan)}, ${decoderOf(plan)} };`);
  return make(fault, texts) as SchemaCodec;
}

interface Plan {
  readonly fields: readonly Field[];
  readonly fixed: number;
  readonly literal: string;
  readonly objects: readonly { readonly path: string; readonly pointer: string }[];
}

function planOf(type: string, schema: Schema): Plan {
  const fields: Field[] = [];
  const objects: { path: string; pointer: string }[] = [];
  const flags = countOptional(schema);
  let at = Math.ceil(flags / 8);
  let flag = 0;
  const visit = (part: Schema, path: string, pointer: string): string => {
    objects.push({ path, pointer });
    const members = Object.entries(part).map(([key, kind]) => {
      const field = JSON.stringify(key);
      const inner = { path: `${path}[${field}]`, pointer: `${pointer}/${key}` };
      if (typeof kind === 'object' && !isList(kind)) return `${propertyName(key)}: ${visit(kind, inner.path, inner.pointer)}`;
      const list = typeof kind === 'object';
      const text = list ? (kind as { list: Scalar }).list : kind;
      const optional = text.endsWith('?');
      const scalar = (optional ? text.slice(0, -1) : text) as Scalar;
      if (!(scalar in SIZES)) {
        throw new Refused(
          'invalid',
          `The schema of "${type}" has an unknown type "${String(text)}" at ${inner.pointer}. Use one of ${Object.keys(SIZES).join(', ')}.`,
        );
      }
      const name = `f${fields.length}`;
      fields.push({ ...inner, type: scalar, optional, list, at, flag: optional ? flag++ : -1, name });
      if (!list) at += SIZES[scalar];
      return `${propertyName(key)}: ${name}`;
    });
    return `{ ${members.join(', ')} }`;
  };
  const literal = visit(schema, 'data', '');
  return { fields, fixed: at, literal, objects };
}

/** `__proto__` in a literal would set the prototype; in brackets it is a property like any other. */
function propertyName(key: string): string {
  return `[${JSON.stringify(key)}]`;
}

function isList(kind: Schema | { readonly list: Scalar }): kind is { readonly list: Scalar } {
  return typeof (kind as { list?: unknown }).list === 'string' && Object.keys(kind).length === 1;
}

function countOptional(schema: Schema): number {
  let count = 0;
  for (const kind of Object.values(schema)) {
    if (typeof kind === 'string') count += kind.endsWith('?') ? 1 : 0;
    else if (!isList(kind)) count += countOptional(kind);
  }
  return count;
}

function encoderOf(plan: Plan): string {
  const flagBytes = Math.ceil(plan.fields.filter((field) => field.optional).length / 8);
  const lines = [
    `if (at + ${plan.fixed} > end) return -1;`,
    ...plan.objects.map(
      ({ path, pointer }) =>
        `if (typeof ${path} !== 'object' || ${path} === null) fault(${JSON.stringify(pointer)}, 'an object', ${path});`,
    ),
    ...Array.from({ length: flagBytes }, (_, at) => `bytes[at + ${at}] = 0;`),
    `let to = at + ${plan.fixed};`,
  ];
  for (const field of plan.fields) {
    const { name, path, pointer, type } = field;
    lines.push(`const ${name} = ${path};`);
    const wrong = `fault(${JSON.stringify(pointer)}, '${field.list ? `a list of ${type}` : type}', ${name});`;
    const put = field.list
      ? `if (!Array.isArray(${name})) ${wrong} ${putList(name, type, wrong)}`
      : `if (!(${CHECKS[type](name)})) ${wrong} ${putOne(name, type, `at + ${field.at}`)}`;
    lines.push(field.optional ? `if (${name} !== undefined) { bytes[at + ${field.flag >> 3}] |= ${1 << (field.flag & 7)}; ${put} }` : put);
  }
  return `encode({ view, bytes, text }, at, end, data) { ${lines.join('\n')} return to - at; }`;
}

function putOne(value: string, type: Scalar, at: string): string {
  switch (type) {
    case 'int32':
      return `view.setInt32(${at}, ${value}, true);`;
    case 'uint32':
      return `view.setUint32(${at}, ${value}, true);`;
    case 'float64':
      return `view.setFloat64(${at}, ${value}, true);`;
    case 'boolean':
      return `bytes[${at}] = ${value} ? 1 : 0;`;
    case 'string':
      return `{ if (to + 4 > end) return -1; const n = texts.write(bytes, text, to + 4, end, ${value}); if (n < 0) return -1; view.setUint32(to, n, true); to += 4 + n; }`;
    case 'bytes':
      return `{ const n = ${value}.length; if (to + 4 + n > end) return -1; view.setUint32(to, n, true); bytes.set(${value}, to + 4); to += 4 + n; }`;
  }
}

function putList(name: string, type: Scalar, wrong: string): string {
  const size = SIZES[type];
  const one = size === 0 ? putOne('item', type, '') : `if (to + ${size} > end) return -1; ${putOne('item', type, 'to')} to += ${size};`;
  return `if (to + 4 > end) return -1; view.setUint32(to, ${name}.length, true); to += 4; for (const item of ${name}) { if (!(${CHECKS[type]('item')})) ${wrong} ${one} }`;
}

function decoderOf(plan: Plan): string {
  const lines = [`let from = at + ${plan.fixed};`];
  for (const field of plan.fields) {
    const { name, type } = field;
    const read = field.list ? readList(name, type) : readOne(name, type, `at + ${field.at}`);
    const guard = field.optional ? `if (bytes[at + ${field.flag >> 3}] & ${1 << (field.flag & 7)}) ` : '';
    lines.push(`let ${name}; ${guard}{ ${read} }`);
  }
  return `decode({ view, bytes, text }, at) { ${lines.join('\n')} return ${plan.literal}; }`;
}

function readOne(name: string, type: Scalar, at: string): string {
  switch (type) {
    case 'int32':
      return `${name} = view.getInt32(${at}, true);`;
    case 'uint32':
      return `${name} = view.getUint32(${at}, true);`;
    case 'float64':
      return `${name} = view.getFloat64(${at}, true);`;
    case 'boolean':
      return `${name} = bytes[${at}] === 1;`;
    case 'string':
      return `const n = view.getUint32(from, true); ${name} = texts.read(bytes, text, from + 4, n); from += 4 + n;`;
    case 'bytes':
      return `const n = view.getUint32(from, true); ${name} = bytes.slice(from + 4, from + 4 + n); from += 4 + n;`;
  }
}

function readList(name: string, type: Scalar): string {
  const size = SIZES[type];
  const one = size === 0 ? readOne('item', type, '') : `${readOne('item', type, 'from')} from += ${size};`;
  return `const count = view.getUint32(from, true); from += 4; ${name} = []; for (let i = 0; i < count; i++) { let item; { ${one} } ${name}.push(item); }`;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? `a ${value.constructor?.name ?? 'object'}` : `${typeof value} ${String(value).slice(0, 40)}`;
}
