/** JSON Schemas: read, checked as far as schemas of any draft can be, and written down in one way. */

import { isList, isObject, type Json, propertyOf, sorted } from './json.ts';
import { jsonObstacles } from './json-compatibility.ts';
import { resolve, type Source } from './json-source.ts';
import { type Referred, type Schema, SchemaFault } from './schema.ts';

const TYPES: readonly Json[] = ['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'];
const DEPTH_MAX = 100;

/** Keywords that hold a schema, a list of them, or some by name. */
const HOLDING = ['items', 'additionalItems', 'additionalProperties', 'contains', 'not', 'if', 'then', 'else', 'propertyNames'];
const LISTING = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'];
const NAMING = ['properties', 'patternProperties', 'definitions', '$defs'];

/** Throws `SchemaFault`. */
export function parseJsonSchema(text: string, referred: Referred): Schema {
  const root = parse(text);
  check(root, '#', 0);
  const others = new Map(referred.map(({ name, text: other }) => [name, parse(other)]));
  checkReferences(root, root, others);
  const canonical = JSON.stringify(root);
  return {
    type: 'JSON',
    text: canonical,
    canonical,
    normal: JSON.stringify(sorted(root)),
    obstacles: (writer) => jsonObstacles({ root, others }, sourceOf(writer)),
    [SOURCE]: { root, others },
  } as Schema;
}

const SOURCE = Symbol('what the schema says');

function sourceOf(schema: Schema): Source {
  return (schema as unknown as { readonly [SOURCE]: Source })[SOURCE]; // only JSON Schemas are compared with each other
}

function parse(text: string): Json {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (error) {
    throw new SchemaFault(`The schema is no JSON: ${(error as Error).message}`);
  }
  if (typeof json !== 'boolean' && !isObject(json)) throw new SchemaFault('A JSON Schema is an object, or true, or false.');
  return json;
}

function check(schema: Json | undefined, path: string, depth: number): void {
  if (depth > DEPTH_MAX) throw new SchemaFault(`The schema is nested deeper than ${DEPTH_MAX} levels.`);
  if (typeof schema === 'boolean') return;
  if (!isObject(schema)) throw new SchemaFault(`${path} is no schema.`);
  const type = propertyOf(schema, 'type');
  for (const one of isList(type) ? type : type === undefined ? [] : [type])
    if (!TYPES.includes(one)) throw new SchemaFault(`${path}: there is no type ${JSON.stringify(one)}.`);
  const required = propertyOf(schema, 'required');
  if (required !== undefined && typeof required !== 'boolean' && !(isList(required) && required.every((name) => typeof name === 'string')))
    throw new SchemaFault(`${path}: required is no list of names.`);
  for (const word of HOLDING) {
    const held = propertyOf(schema, word);
    if (held !== undefined && !(word === 'items' && isList(held))) check(held, `${path}/${word}`, depth + 1);
  }
  for (const word of LISTING) {
    const list = propertyOf(schema, word);
    if (list === undefined || (word === 'items' && !isList(list))) continue;
    if (!isList(list)) throw new SchemaFault(`${path}: ${word} is no list of schemas.`);
    for (const [i, one] of list.entries()) check(one, `${path}/${word}/${i}`, depth + 1);
  }
  for (const word of NAMING) {
    const named = propertyOf(schema, word);
    if (named === undefined) continue;
    if (!isObject(named)) throw new SchemaFault(`${path}: ${word} holds no schemas by name.`);
    for (const [name, one] of Object.entries(named)) check(one, `${path}/${word}/${name}`, depth + 1);
  }
}

/** Every `$ref` leads somewhere. */
function checkReferences(json: Json | undefined, root: Json, others: ReadonlyMap<string, Json>): void {
  if (isList(json)) for (const one of json) checkReferences(one, root, others);
  if (!isObject(json)) return;
  const to = propertyOf(json, '$ref');
  if (typeof to === 'string' && resolve(to, { root, others }) === undefined) throw new SchemaFault(`The reference "${to}" leads nowhere.`);
  for (const [word, one] of Object.entries(json))
    if (word !== 'const' && word !== 'enum' && word !== 'default' && word !== 'examples') checkReferences(one, root, others);
}
