/** From texts to schemas, with those they refer to; what was parsed lately is not parsed again. */

import { parseAvro } from './avro.ts';
import { parseJsonSchema } from './json-schema.ts';
import { parseProtobuf } from './protobuf.ts';
import { invalidSchema } from './rest-fault.ts';
import { type Reference, type Referred, type Schema, SchemaFault, type SchemaType } from './schema.ts';
import type { RegistryState } from './state.ts';

const PARSERS: Readonly<Record<SchemaType, (text: string, referred: Referred) => Schema>> = {
  AVRO: parseAvro,
  JSON: parseJsonSchema,
  PROTOBUF: parseProtobuf,
};

const CACHED_MAX = 1000;
const REFERRED_MAX = 1000;
const cache = new Map<string, Schema>();

/** Throws `RestFault` 42201. */
export function parseSchema(state: RegistryState, type: SchemaType, text: string, references: readonly Reference[]): Schema {
  if (text === '') throw invalidSchema('Empty schema');
  const referred = referredBy(state, references);
  const key = JSON.stringify([type, text, referred]);
  const known = cache.get(key);
  if (known !== undefined) return known;
  try {
    const schema = PARSERS[type](text, referred);
    if (cache.size >= CACHED_MAX) cache.clear();
    cache.set(key, schema);
    return schema;
  } catch (error) {
    if (!(error instanceof SchemaFault)) throw error;
    throw invalidSchema(`Invalid schema {schemaType:${type},references:${JSON.stringify(references)}}, details: ${error.message}`);
  }
}

/** With all that those refer to in turn, each once, and before those that need it. */
function referredBy(state: RegistryState, references: readonly Reference[]): Referred {
  const found = new Map<string, { readonly name: string; readonly text: string }>();
  const follow = (list: readonly Reference[]): void => {
    for (const { name, subject, version } of list) {
      const known =
        version === -1 ? state.versions(subject).findLast(({ deleted }) => !deleted) : state.subjects.get(subject)?.get(version);
      if (known === undefined || known.deleted)
        throw invalidSchema(`No schema reference found for subject "${subject}" and version ${version}`);
      if (found.has(name)) continue;
      if (found.size >= REFERRED_MAX) throw invalidSchema(`A schema can refer to ${REFERRED_MAX} others at most.`);
      // Its place comes after those that it needs.
      found.set(name, { name, text: known.schema });
      follow(known.references);
      const own = found.get(name);
      found.delete(name);
      if (own !== undefined) found.set(name, own);
    }
  };
  follow(references);
  return [...found.values()];
}
