/** Avro schemas [Avro 1.11, "Schema Declaration"]: read, checked, and written down in one way. */

import { avroObstacles } from './avro-compatibility.ts';
import { type AvroField, type AvroRecord, type AvroType, type Named, PRIMITIVES, type Primitive } from './avro-types.ts';
import { fromEntries, isList, isObject, type Json, type JsonObject, propertyOf, sorted } from './json.ts';
import { type Referred, type Schema, SchemaFault } from './schema.ts';

/** Throws `SchemaFault`. */
export function parseAvro(text: string, referred: Referred): Schema {
  const names = new Map<string, AvroType>();
  for (const { text } of referred) new Reading(names).type(parse(text), '');
  const reading = new Reading(names);
  const { type, shown } = reading.type(parse(text), '');
  const canonical = JSON.stringify(shown);
  return {
    type: 'AVRO',
    text: canonical,
    canonical,
    normal: JSON.stringify(sorted(shown)),
    obstacles: (writer) => avroObstacles(type, typeOf(writer)),
    [TYPE]: type,
  } as Schema;
}

const TYPE = Symbol('what the schema says');

function typeOf(schema: Schema): AvroType {
  return (schema as unknown as { readonly [TYPE]: AvroType })[TYPE]; // only Avro schemas are compared with each other
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new SchemaFault(`The schema is no JSON: ${(error as Error).message}`);
  }
}

interface Read {
  readonly type: AvroType;
  readonly shown: Json;
}

const DEPTH_MAX = 100;
const NAME = /^[A-Za-z_]\w*$/;

class Reading {
  readonly #names: Map<string, AvroType>;
  #depth = 0;

  constructor(names: Map<string, AvroType>) {
    this.#names = names;
  }

  type(json: Json | undefined, space: string): Read {
    if (++this.#depth > DEPTH_MAX) throw new SchemaFault(`The schema is nested deeper than ${DEPTH_MAX} levels.`);
    try {
      if (typeof json === 'string') return this.#known(json, space);
      if (isList(json)) return this.#union(json, space);
      if (isObject(json)) return this.#complex(json, space);
      throw new SchemaFault(`A type is missing, or is none: ${JSON.stringify(json) ?? 'nothing'}.`);
    } finally {
      this.#depth -= 1;
    }
  }

  #known(name: string, space: string): Read {
    if (isPrimitive(name)) return { type: { kind: name }, shown: name };
    const full = fullName(name, space);
    const type = this.#names.get(full) ?? this.#names.get(name);
    if (type === undefined) throw new SchemaFault(`Undefined name: "${full}".`);
    return { type, shown: this.#names.has(full) ? full : name };
  }

  #union(json: readonly Json[], space: string): Read {
    const branches = json.map((branch) => this.type(branch, space));
    const seen = new Set<string>();
    for (const { type } of branches) {
      if (type.kind === 'union') throw new SchemaFault('A union cannot hold a union directly.');
      const key = 'name' in type ? type.name : type.kind;
      if (seen.has(key)) throw new SchemaFault(`A union holds "${key}" twice.`);
      seen.add(key);
    }
    return { type: { kind: 'union', branches: branches.map(({ type }) => type) }, shown: branches.map(({ shown }) => shown) };
  }

  #complex(json: JsonObject, space: string): Read {
    const kind = propertyOf(json, 'type');
    if (kind === 'array' || kind === 'map') return this.#holder(json, kind, space);
    if (kind === 'record' || kind === 'error') return this.#record(json, kind, space);
    if (kind === 'enum') return this.#enum(json, space);
    if (kind === 'fixed') return this.#fixed(json, space);
    const inner = this.type(kind, space);
    const more = Object.keys(json).filter((name) => name !== 'type');
    // `{"type": "string"}` says no more than `"string"`.
    if (more.length === 0 || typeof inner.shown !== 'string') return inner;
    return { type: inner.type, shown: fromEntries([['type', inner.shown], ...rest(json, ['type'])]) };
  }

  #holder(json: JsonObject, kind: 'array' | 'map', space: string): Read {
    const word = kind === 'array' ? 'items' : 'values';
    const of = this.type(propertyOf(json, word), space);
    const shown = fromEntries([['type', kind], [word, of.shown], ...rest(json, ['type', word])]);
    return { type: { kind, of: of.type }, shown };
  }

  #record(json: JsonObject, kind: string, space: string): Read {
    const { name, aliases, shown } = this.#named(json, kind, space);
    const fields: AvroField[] = [];
    const type: AvroRecord = { kind: 'record', name, aliases, fields };
    this.#define(name, type);
    const given = propertyOf(json, 'fields');
    if (!isList(given)) throw new SchemaFault(`The record "${name}" has no fields.`);
    const inside = spaceOf(name);
    const fieldsShown: Json[] = [];
    for (const field of given) {
      const read = this.#field(field, name, inside);
      if (fields.some((other) => other.name === read.field.name))
        throw new SchemaFault(`The record "${name}" has the field "${read.field.name}" twice.`);
      fields.push(read.field);
      fieldsShown.push(read.shown);
    }
    return {
      type,
      shown: fromEntries([
        ...shown,
        ['fields', fieldsShown],
        ...rest(json, ['type', 'name', 'namespace', 'doc', 'fields', 'aliases']),
        ...kept(json, 'aliases'),
      ]),
    };
  }

  #field(json: Json, record: string, space: string): { readonly field: AvroField; readonly shown: Json } {
    if (!isObject(json)) throw new SchemaFault(`A field of the record "${record}" is no object.`);
    const name = propertyOf(json, 'name');
    if (typeof name !== 'string' || !NAME.test(name))
      throw new SchemaFault(`A field of the record "${record}" has no name, or one that is not allowed.`);
    const { type, shown } = this.type(propertyOf(json, 'type'), space);
    const fallback = propertyOf(json, 'default');
    if (fallback !== undefined && !fits(fallback, type))
      throw new SchemaFault(`Invalid default for field ${record}.${name}: ${JSON.stringify(fallback)} is no ${type.kind}.`);
    return {
      field: { name, aliases: texts(propertyOf(json, 'aliases')), type, hasDefault: fallback !== undefined },
      shown: fromEntries([
        ['name', name],
        ['type', shown],
        ...kept(json, 'doc'),
        ...kept(json, 'default'),
        ...kept(json, 'order'),
        ...kept(json, 'aliases'),
        ...rest(json, ['name', 'type', 'doc', 'default', 'order', 'aliases']),
      ]),
    };
  }

  #enum(json: JsonObject, space: string): Read {
    const { name, aliases, shown } = this.#named(json, 'enum', space);
    const given = propertyOf(json, 'symbols');
    const symbols = texts(given);
    if (!isList(given) || symbols.length !== given.length || symbols.some((symbol) => !NAME.test(symbol)))
      throw new SchemaFault(`The symbols of the enum "${name}" are missing, or not allowed.`);
    if (new Set(symbols).size !== symbols.length) throw new SchemaFault(`The enum "${name}" has a symbol twice.`);
    const fallback = propertyOf(json, 'default');
    if (fallback !== undefined && (typeof fallback !== 'string' || !symbols.includes(fallback)))
      throw new SchemaFault(`The default of the enum "${name}" is none of its symbols.`);
    const type: AvroType = { kind: 'enum', name, aliases, symbols, fallback };
    this.#define(name, type);
    const others = rest(json, ['type', 'name', 'namespace', 'doc', 'symbols', 'default', 'aliases']);
    return {
      type,
      shown: fromEntries([...shown, ['symbols', [...symbols]], ...kept(json, 'default'), ...others, ...kept(json, 'aliases')]),
    };
  }

  #fixed(json: JsonObject, space: string): Read {
    const { name, aliases, shown } = this.#named(json, 'fixed', space);
    const size = propertyOf(json, 'size');
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
      throw new SchemaFault(`The size of "${name}" is missing, or none.`);
    const type: AvroType = { kind: 'fixed', name, aliases, size };
    this.#define(name, type);
    const others = rest(json, ['type', 'name', 'namespace', 'doc', 'size', 'aliases']);
    return { type, shown: fromEntries([...shown, ['size', size], ...others, ...kept(json, 'aliases')]) };
  }

  #named(json: JsonObject, kind: string, space: string): Named & { readonly shown: readonly (readonly [string, Json])[] } {
    const given = propertyOf(json, 'name');
    const namespace = propertyOf(json, 'namespace');
    if (typeof given !== 'string') throw new SchemaFault(`A ${kind} has no name.`);
    const name = fullName(given, typeof namespace === 'string' ? namespace : space);
    if (name.split('.').some((part) => !NAME.test(part))) throw new SchemaFault(`Illegal name: "${name}".`);
    const own = spaceOf(name);
    const aliases = texts(propertyOf(json, 'aliases')).map((alias) => fullName(alias, own));
    const shown: (readonly [string, Json])[] = [
      ['type', kind],
      ['name', name.slice(own === '' ? 0 : own.length + 1)],
    ];
    if (own !== space) shown.push(['namespace', own]);
    return { name, aliases, shown: [...shown, ...kept(json, 'doc')] };
  }

  #define(name: string, type: AvroType): void {
    if (this.#names.has(name)) throw new SchemaFault(`Can't redefine: ${name}.`);
    this.#names.set(name, type);
  }
}

function isPrimitive(name: string): name is Primitive {
  return (PRIMITIVES as readonly string[]).includes(name);
}

function fullName(name: string, space: string): string {
  return name.includes('.') || space === '' ? name.replace(/^\./, '') : `${space}.${name}`;
}

function spaceOf(name: string): string {
  return name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
}

function texts(json: Json | undefined): string[] {
  return isList(json) ? json.filter((one): one is string => typeof one === 'string') : [];
}

function kept(json: JsonObject, name: string): (readonly [string, Json])[] {
  const value = propertyOf(json, name);
  return value === undefined ? [] : [[name, value]];
}

function rest(json: JsonObject, but: readonly string[]): (readonly [string, Json])[] {
  return Object.keys(json).flatMap((name) => (but.includes(name) ? [] : kept(json, name)));
}

/** Whether a default is a value of the type. */
function fits(value: Json, type: AvroType): boolean {
  switch (type.kind) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 2 ** 31;
    case 'long':
      return typeof value === 'number' && Number.isInteger(value);
    case 'float':
    case 'double':
      return typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity';
    case 'bytes':
    case 'string':
      return typeof value === 'string';
    case 'fixed':
      return typeof value === 'string' && value.length === type.size;
    case 'enum':
      return typeof value === 'string' && type.symbols.includes(value);
    case 'array':
      return isList(value) && value.every((one) => fits(one, type.of));
    case 'map':
      return isObject(value) && Object.values(value).every((one) => fits(one, type.of));
    case 'union':
      return type.branches.some((branch) => fits(value, branch));
    case 'record':
      return (
        isObject(value) &&
        type.fields.every(({ name, type: inner, hasDefault }) => {
          const given = propertyOf(value, name);
          return given === undefined ? hasDefault : fits(given, inner);
        })
      );
  }
}
