/** JSON Schema, the small part of it that this door's own documents need: written into OpenAPI, and checked against by the same words. */

import { Refused } from '../../model/refusal.ts';
import { quoted } from '../../wire/http/http.ts';

export interface Schema {
  /** A list: any of these plain types. */
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | readonly ('string' | 'number' | 'boolean' | 'null')[];
  readonly description?: string;
  readonly enum?: readonly (string | number | boolean)[];
  readonly const?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly $ref?: string;
}

/** Checks a parsed body; throws `Refused('invalid')` with the JSON pointer of the first fault. A `$ref` is only for answers, and accepts nothing here. */
export function checkSchema(schema: Schema, value: unknown, what: string): void {
  const fault = faultOf(schema, value, '');
  if (fault !== undefined)
    throw new Refused('invalid', `${what} ${fault.path === '' ? '' : `at ${fault.path} `}${fault.words}`, { path: fault.path });
}

interface Fault {
  readonly path: string;
  readonly words: string;
}

function faultOf(schema: Schema, value: unknown, path: string): Fault | undefined {
  if (schema.anyOf !== undefined) {
    const faults = schema.anyOf.map((one) => faultOf(one, value, path));
    return faults.some((fault) => fault === undefined) ? undefined : faults.at(-1);
  }
  if (schema.enum !== undefined && !schema.enum.some((one) => one === value)) {
    return { path, words: `is ${said(value)}; give one of ${schema.enum.join(', ')}.` };
  }
  switch (schema.type) {
    case 'string':
      return faultOfString(schema, value, path);
    case 'integer':
    case 'number':
      return faultOfNumber(schema, value, path);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : { path, words: `is ${said(value)}; give true or false.` };
    case 'array':
      return faultOfArray(schema, value, path);
    case 'object':
      return faultOfObject(schema, value, path);
    case undefined:
      return undefined;
    default:
      return schema.type.some((type) => type === (value === null ? 'null' : typeof value))
        ? undefined
        : { path, words: `is ${said(value)}; give one of ${schema.type.join(', ')}.` };
  }
}

function faultOfString(schema: Schema, value: unknown, path: string): Fault | undefined {
  if (typeof value !== 'string') return { path, words: `is ${said(value)}; give a string.` };
  if (value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY))
    return { path, words: `is longer than ${schema.maxLength} characters.` };
  if (value.length < (schema.minLength ?? 0)) return { path, words: 'is empty.' };
  return undefined;
}

function faultOfNumber(schema: Schema, value: unknown, path: string): Fault | undefined {
  const whole = schema.type === 'integer';
  if (typeof value !== 'number' || (whole && !Number.isSafeInteger(value))) {
    return { path, words: `is ${said(value)}; give a ${whole ? 'whole ' : ''}number.` };
  }
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  return value < minimum || value > maximum ? { path, words: `is ${value}; give a number from ${minimum} to ${maximum}.` } : undefined;
}

function faultOfArray(schema: Schema, value: unknown, path: string): Fault | undefined {
  if (!Array.isArray(value)) return { path, words: `is ${said(value)}; give a list.` };
  if (value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) return { path, words: `has more than ${schema.maxItems} items.` };
  if (schema.items === undefined) return undefined;
  for (let i = 0; i < value.length; i++) {
    const fault = faultOf(schema.items, value[i], `${path}/${i}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOfObject(schema: Schema, value: unknown, path: string): Fault | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { path, words: `is ${said(value)}; give an object.` };
  const names = new Set(Object.keys(value));
  for (const name of schema.required ?? []) if (!names.has(name)) return { path, words: `has no "${name}".` };
  for (const [name, member] of Object.entries(value)) {
    const own = schema.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const rule = own ?? schema.additionalProperties ?? true;
    if (rule === false) return { path, words: `has a member ${quoted(name)}, which means nothing here.` };
    const fault = rule === true ? undefined : faultOf(rule, member, `${path}/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function said(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quoted(value);
  return Array.isArray(value) ? 'a list' : value === undefined ? 'not there' : 'an object';
}
