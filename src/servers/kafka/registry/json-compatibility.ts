/**
 * Whether what fits one JSON Schema fits another, as far as the registry of the original looks: keyword by keyword, with objects that are open
 * (take properties they do not name), closed, or open in part.
 */

import { RE2JS } from 're2js';
import { isList, isObject, type Json, type JsonObject, propertyOf, same } from './json.ts';
import { resolve, type Source } from './json-source.ts';
import type { Obstacle } from './schema.ts';

/** A schema where it stands. */
interface Place {
  readonly schema: Json;
  readonly source: Source;
}

const ALL_TYPES = ['null', 'boolean', 'object', 'array', 'number', 'string'] as const;
const DEPTH_MAX = 60;

/** `update` reads what `original` wrote. None: it does. */
export function jsonObstacles(update: Source, original: Source): readonly Obstacle[] {
  return compare({ schema: original.root, source: original }, { schema: update.root, source: update }, '#/', []);
}

function obstacle(errorType: string, path: string): Obstacle {
  const what = errorType.toLowerCase().replaceAll('_', ' ');
  return {
    errorType,
    description: `The new schema differs at path '${path}' in a way that old data may not fit: ${what}`,
    additionalInfo: '',
  };
}

function compare(before: Place, after: Place, path: string, under: readonly (readonly [Json, Json])[]): Obstacle[] {
  const a = followed(before);
  const b = followed(after);
  if (under.length > DEPTH_MAX || under.some(([x, y]) => x === a.schema && y === b.schema)) return [];
  const inside = [...under, [a.schema, b.schema] as const];
  if (isAnything(b.schema) || a.schema === false || same(a.schema, b.schema))
    return same(a.schema, b.schema) ? sameText(a, b, path, inside) : [];
  if (b.schema === false || isAnything(a.schema)) return [obstacle('TYPE_NARROWED', path)];
  if (!isObject(a.schema) || !isObject(b.schema)) return [];
  return [...combined(a, b, path, inside), ...plain(a, a.schema, b, b.schema, path, inside)];
}

/** The same words may refer to other things. */
function sameText(a: Place, b: Place, path: string, under: readonly (readonly [Json, Json])[]): Obstacle[] {
  if (a.schema === b.schema || !isObject(a.schema) || !isObject(b.schema) || !JSON.stringify(a.schema).includes('"$ref"')) return [];
  return plain(a, a.schema, b, b.schema, path, under);
}

function followed(place: Place): Place {
  let at = place;
  for (let steps = 0; steps < 20 && isObject(at.schema); steps++) {
    const to = propertyOf(at.schema, '$ref');
    const found = typeof to === 'string' ? resolve(to, at.source) : undefined;
    if (found === undefined) return at;
    at = found;
  }
  return at;
}

const SILENT = ['$schema', '$id', 'id', 'title', 'description', 'default', 'examples', '$comment', 'definitions', '$defs'];

function isAnything(schema: Json | undefined): boolean {
  return schema === true || (isObject(schema) && Object.keys(schema).every((word) => SILENT.includes(word)));
}

type Combination = 'allOf' | 'anyOf' | 'oneOf';

function combinationOf(schema: JsonObject): Combination | undefined {
  return (['allOf', 'anyOf', 'oneOf'] as const).find((word) => isList(propertyOf(schema, word)));
}

/** What stands under allOf, anyOf or oneOf; a schema without any of them is one of one. */
function combined(a: Place, b: Place, path: string, under: readonly (readonly [Json, Json])[]): Obstacle[] {
  if (!isObject(a.schema) || !isObject(b.schema)) return [];
  const before = combinationOf(a.schema);
  const after = combinationOf(b.schema);
  if (before === undefined && after === undefined) return [];
  const parts = (place: Place, word: Combination | undefined): Place[] =>
    word === undefined
      ? [{ schema: without(place.schema), source: place.source }]
      : (propertyOf(place.schema as JsonObject, word) as readonly Json[]).map((schema) => ({ schema, source: place.source })); // a list, as it was looked for
  const olds = parts(a, before);
  const news = parts(b, after);
  const reads = (old: Place, young: Place) => compare(old, young, path, under).length === 0;
  // Of all that must hold now, each must follow from something that held before.
  if (after === 'allOf')
    return news.every((young) =>
      before === 'allOf' || before === undefined ? olds.some((old) => reads(old, young)) : olds.every((old) => reads(old, young)),
    )
      ? []
      : [obstacle(before === 'allOf' ? 'PRODUCT_TYPE_EXTENDED' : 'COMBINED_TYPE_CHANGED', path)];
  const taken = (old: Place) => news.some((young) => reads(old, young));
  const isFine = before === 'allOf' ? olds.some(taken) : olds.every(taken);
  if (isFine) return [];
  return [obstacle(before === undefined || after === undefined ? 'COMBINED_TYPE_CHANGED' : 'SUM_TYPE_NARROWED', path)];
}

function without(schema: Json): Json {
  if (!isObject(schema)) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([word]) => word !== 'allOf' && word !== 'anyOf' && word !== 'oneOf'));
}

/** All other keywords. */
function plain(
  a: Place,
  old: JsonObject,
  b: Place,
  young: JsonObject,
  path: string,
  under: readonly (readonly [Json, Json])[],
): Obstacle[] {
  const found: Obstacle[] = [];
  const before = typesOf(old);
  const after = typesOf(young);
  const isCombined = combinationOf(old) !== undefined || combinationOf(young) !== undefined;
  // A type that stands beside a combination on one side only was looked at with the combination.
  if ((!isCombined || (before.isSaid && after.isSaid)) && !before.types.every((type) => takes(after.types, type)))
    return [obstacle(before.types.some((type) => takes(after.types, type)) ? 'TYPE_NARROWED' : 'TYPE_CHANGED', path)];
  found.push(...values(old, young, path), ...limits(old, young, path));
  if (before.types.includes('object')) found.push(...objects(a, old, b, young, path, under));
  if (before.types.includes('array')) found.push(...arrays(a, old, b, young, path, under));
  const [not, notNow] = [propertyOf(old, 'not'), propertyOf(young, 'not')];
  if (notNow !== undefined) {
    // What is not allowed now must not have been allowed before.
    const isNarrower =
      not !== undefined && compare({ schema: notNow, source: b.source }, { schema: not, source: a.source }, path, under).length === 0;
    if (!isNarrower) found.push(obstacle('NOT_TYPE_EXTENDED', `${path}/not`));
  }
  return found;
}

function typesOf(schema: JsonObject): { readonly types: readonly Json[]; readonly isSaid: boolean } {
  const type = propertyOf(schema, 'type');
  if (type !== undefined) return { types: isList(type) ? type : [type], isSaid: true };
  const listed = propertyOf(schema, 'enum') ?? (Object.hasOwn(schema, 'const') ? [schema.const ?? null] : undefined);
  if (isList(listed)) return { types: [...new Set(listed.map(typeOfValue))], isSaid: false };
  if (['properties', 'required', 'additionalProperties', 'patternProperties'].some((word) => Object.hasOwn(schema, word)))
    return { types: ['object'], isSaid: false };
  if (['items', 'prefixItems'].some((word) => Object.hasOwn(schema, word))) return { types: ['array'], isSaid: false };
  return { types: ALL_TYPES, isSaid: false };
}

function typeOfValue(value: Json): string {
  if (value === null) return 'null';
  if (isList(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

function takes(types: readonly Json[], type: Json): boolean {
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

/** `enum` and `const`. */
function values(old: JsonObject, young: JsonObject, path: string): Obstacle[] {
  const listed = (schema: JsonObject): readonly Json[] | undefined => {
    if (Object.hasOwn(schema, 'const')) return [schema.const ?? null];
    const among = propertyOf(schema, 'enum');
    return isList(among) ? among : undefined;
  };
  const [before, after] = [listed(old), listed(young)];
  if (after === undefined) return [];
  if (before === undefined) return [obstacle('ENUM_ARRAY_ADDED', path)];
  if (before.every((value) => after.some((other) => same(value, other)))) return [];
  const isNarrower = after.every((value) => before.some((other) => same(value, other)));
  return [obstacle(isNarrower ? 'ENUM_ARRAY_NARROWED' : 'ENUM_ARRAY_CHANGED', path)];
}

/** Those of which more is more, and those of which less is more. */
const UPPER = ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems', 'maxProperties'] as const;
const LOWER = ['minLength', 'minimum', 'exclusiveMinimum', 'minItems', 'minProperties'] as const;

function limits(old: JsonObject, young: JsonObject, path: string): Obstacle[] {
  const found: Obstacle[] = [];
  const name = (word: string) => word.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  for (const [words, isNarrower, did] of [
    [UPPER, (was: number, is: number) => is < was, 'DECREASED'],
    [LOWER, (was: number, is: number) => is > was, 'INCREASED'],
  ] as const) {
    for (const word of words) {
      const [was, is] = [propertyOf(old, word), propertyOf(young, word)];
      if (typeof is !== 'number') continue;
      if (typeof was !== 'number') found.push(obstacle(`${name(word)}_ADDED`, `${path}/${word}`));
      else if (isNarrower(was, is)) found.push(obstacle(`${name(word)}_${did}`, `${path}/${word}`));
    }
  }
  const [pattern, patternNow] = [propertyOf(old, 'pattern'), propertyOf(young, 'pattern')];
  if (patternNow !== undefined && pattern === undefined) found.push(obstacle('PATTERN_ADDED', `${path}/pattern`));
  else if (patternNow !== undefined && !same(pattern, patternNow)) found.push(obstacle('PATTERN_CHANGED', `${path}/pattern`));
  const [multiple, multipleNow] = [propertyOf(old, 'multipleOf'), propertyOf(young, 'multipleOf')];
  if (typeof multipleNow === 'number') {
    if (typeof multiple !== 'number') found.push(obstacle('MULTIPLE_OF_ADDED', `${path}/multipleOf`));
    else if (multiple % multipleNow !== 0) found.push(obstacle('MULTIPLE_OF_CHANGED', `${path}/multipleOf`));
  }
  if (propertyOf(young, 'uniqueItems') === true && propertyOf(old, 'uniqueItems') !== true)
    found.push(obstacle('UNIQUE_ITEMS_ADDED', `${path}/uniqueItems`));
  return found;
}

function objects(
  a: Place,
  old: JsonObject,
  b: Place,
  young: JsonObject,
  path: string,
  under: readonly (readonly [Json, Json])[],
): Obstacle[] {
  const found: Obstacle[] = [];
  const [olds, youngs] = [propertiesOf(old), propertiesOf(young)];
  const needs = (schema: JsonObject) => {
    const required = propertyOf(schema, 'required');
    return new Set(isList(required) ? required.filter((name) => typeof name === 'string') : []);
  };
  const [needed, neededNow] = [needs(old), needs(young)];
  const place = (schema: Json, of: Place): Place => ({ schema, source: of.source });
  for (const [name, was] of olds) {
    const at = `${path}/properties/${name}`.replace('//', '/');
    const is = youngs.get(name);
    if (is !== undefined) {
      found.push(...compare(place(was, a), place(is, b), at, under));
      const isNew = neededNow.has(name) && !needed.has(name);
      if (isNew && !hasDefault(is)) found.push(obstacle('REQUIRED_ATTRIBUTE_ADDED', `${path}/required/${name}`));
      continue;
    }
    const cover = coverOf(young, name);
    if (cover === true || was === false) continue;
    if (cover === false) found.push(obstacle('PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL', at));
    else if (compare(place(was, a), place(cover, b), at, under).length > 0)
      found.push(obstacle('PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL', at));
  }
  for (const [name, is] of youngs) {
    if (olds.has(name)) continue;
    const at = `${path}/properties/${name}`.replace('//', '/');
    const cover = coverOf(old, name);
    if (cover === true) {
      if (!isAnything(is)) found.push(obstacle('PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL', at));
    } else if (cover !== false && compare(place(cover, a), place(is, b), at, under).length > 0)
      found.push(obstacle('PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL', at));
    if (cover !== true && neededNow.has(name) && !hasDefault(is))
      found.push(obstacle('REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL', at));
  }
  found.push(...additional(a, old, b, young, path, 'additionalProperties', 'ADDITIONAL_PROPERTIES', under));
  for (const word of ['dependencies', 'dependentRequired', 'dependentSchemas'])
    if (propertyOf(young, word) !== undefined && !same(propertyOf(old, word), propertyOf(young, word)))
      found.push(obstacle('DEPENDENCY_SECTION_ADDED', `${path}/${word}`));
  return found;
}

function propertiesOf(schema: JsonObject): Map<string, Json> {
  const properties = propertyOf(schema, 'properties');
  return new Map(isObject(properties) ? Object.entries(properties) : []);
}

function hasDefault(schema: Json): boolean {
  return isObject(schema) && Object.hasOwn(schema, 'default');
}

/** What holds for a property that is not named: true anything, false it may not be there, else that schema. */
function coverOf(schema: JsonObject, name: string): Json {
  const patterns = propertyOf(schema, 'patternProperties');
  for (const [pattern, held] of Object.entries(isObject(patterns) ? patterns : {})) if (matches(pattern, name)) return held;
  const rest = propertyOf(schema, 'additionalProperties');
  return rest === undefined || isAnything(rest) ? true : rest;
}

/** In a time that grows with the name alone, whatever the pattern; one that is not understood matches nothing. */
function matches(pattern: string, name: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(name).find();
  } catch {
    return false;
  }
}

function additional(
  a: Place,
  old: JsonObject,
  b: Place,
  young: JsonObject,
  path: string,
  word: string,
  error: string,
  under: readonly (readonly [Json, Json])[],
): Obstacle[] {
  const was = propertyOf(old, word) ?? true;
  const is = propertyOf(young, word) ?? true;
  const at = `${path}/${word}`;
  if (isAnything(is) || was === false) return [];
  if (is === false) return [obstacle(`${error}_REMOVED`, at)];
  if (isAnything(was)) return [obstacle(`${error}_NARROWED`, at)];
  return compare({ schema: was, source: a.source }, { schema: is, source: b.source }, at, under);
}

function arrays(
  a: Place,
  old: JsonObject,
  b: Place,
  young: JsonObject,
  path: string,
  under: readonly (readonly [Json, Json])[],
): Obstacle[] {
  const found: Obstacle[] = [];
  const [was, is] = [itemsOf(old), itemsOf(young)];
  const count = Math.max(was.first.length, is.first.length);
  for (let i = 0; i < count; i++) {
    const at = `${path}/items/${i}`;
    const before = was.first[i] ?? was.rest;
    const after = is.first[i] ?? is.rest;
    const isAdded = was.first[i] === undefined;
    if (after === false && before !== false) found.push(obstacle('ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL', at));
    else if (isAdded && isAnything(before) && !isAnything(after)) found.push(obstacle('ITEM_ADDED_TO_OPEN_CONTENT_MODEL', at));
    else if (before !== false) found.push(...compare({ schema: before, source: a.source }, { schema: after, source: b.source }, at, under));
  }
  if (was.rest !== false) {
    if (is.rest === false) found.push(obstacle('ADDITIONAL_ITEMS_REMOVED', `${path}/items`));
    else found.push(...compare({ schema: was.rest, source: a.source }, { schema: is.rest, source: b.source }, `${path}/items`, under));
  }
  return found;
}

/** Schemas of the first items one by one, and of all others. */
function itemsOf(schema: JsonObject): { readonly first: readonly Json[]; readonly rest: Json } {
  const items = propertyOf(schema, 'items');
  const prefix = propertyOf(schema, 'prefixItems');
  if (isList(prefix)) return { first: prefix, rest: isList(items) ? true : (items ?? true) };
  if (isList(items)) return { first: items, rest: propertyOf(schema, 'additionalItems') ?? true };
  return { first: [], rest: items ?? true };
}
