/** One request to the registry, as its handlers see it. */

import type { Engine } from '../../../model/engine.ts';
import { isObject, type Json, type JsonObject, propertyOf } from './json.ts';
import { invalidVersion, RestFault } from './rest-fault.ts';
import type { Reference, SchemaType } from './schema.ts';
import { SCHEMA_TYPES } from './schema.ts';
import { referencesOf } from './state.ts';
import type { Store } from './store.ts';

export interface Ask {
  /** As whoever asks may use it. */
  readonly engine: Engine;
  readonly store: Store;
  /** What stands in the path where a handler has a name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: JsonObject;
}

/** What is answered; texts are JSON already. */
export type Answer = { readonly json: unknown } | { readonly text: string };

export type Handler = (ask: Ask) => Promise<Answer>;

/** A yes in the query. */
export function says({ query }: Ask, name: string): boolean {
  return query.get(name) === 'true';
}

/** `latest` is -1. Throws `RestFault`. */
export function versionOf(text: string): number {
  if (text === 'latest' || text === '-1') return -1;
  const version = Number(text);
  if (!/^\d+$/.test(text) || version < 1 || version > 2 ** 31 - 1) throw invalidVersion(text);
  return version;
}

export function idOf(text: string): number {
  const id = Number(text);
  if (!/^\d+$/.test(text)) throw new RestFault(404, 'HTTP 404 Not Found');
  return id;
}

/** `offset` and `limit`; a negative limit is none. */
export function paged<T>({ query }: Ask, list: readonly T[]): readonly T[] {
  const from = Number(query.get('offset') ?? '0');
  const limit = Number(query.get('limit') ?? '-1');
  if (!Number.isInteger(from) || from < 0 || !Number.isInteger(limit)) throw new RestFault(404, 'HTTP 404 Not Found');
  return list.slice(from, limit < 0 ? undefined : from + limit);
}

export interface Asked {
  readonly type: SchemaType;
  readonly text: string;
  readonly references: readonly Reference[];
  readonly id: number | undefined;
  readonly version: number | undefined;
}

const KNOWN = ['schema', 'schemaType', 'references', 'id', 'version', 'subject', 'metadata', 'ruleSet'];

/** The schema in a body. Throws `RestFault` 422. */
export function schemaIn(body: JsonObject): Asked {
  for (const name of Object.keys(body)) if (!KNOWN.includes(name)) throw new RestFault(422, `Unrecognized field: ${name}`);
  for (const name of ['metadata', 'ruleSet'])
    if (isObject(propertyOf(body, name)))
      throw new RestFault(422, `Unrecognized field: ${name}. Neither metadata nor rules are kept here.`);
  const schema = propertyOf(body, 'schema');
  const given = propertyOf(body, 'schemaType') ?? 'AVRO';
  const type = SCHEMA_TYPES.find((one) => one === String(given).toUpperCase());
  const references = referencesOf(propertyOf(body, 'references'));
  if (typeof schema !== 'string') throw new RestFault(42201, 'Empty schema');
  if (type === undefined) throw new RestFault(42201, `Invalid schema type ${JSON.stringify(given)}`);
  if (references === undefined) throw new RestFault(422, 'references must be a list of { name, subject, version }');
  return { type, text: schema, references, id: positive(propertyOf(body, 'id')), version: positive(propertyOf(body, 'version')) };
}

function positive(value: Json | undefined): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}
