/** A JSON Schema with those it refers to, and what a reference in it means. */

import { isList, isObject, type Json, propertyOf } from './json.ts';

/** A schema with those it refers to. */
export interface Source {
  readonly root: Json;
  readonly others: ReadonlyMap<string, Json>;
}

/** What a `$ref` means, and within which schema the references of that are to be read. */
export function resolve(to: string, source: Source): { readonly schema: Json; readonly source: Source } | undefined {
  const [file = '', fragment = ''] = to.split('#');
  const root = file === '' || file === idOf(source.root) ? source.root : otherOf(file, source);
  if (root === undefined) return undefined;
  const inside: Source = { root, others: source.others };
  if (fragment === '' || fragment === '/') return { schema: root, source: inside };
  let at: Json | undefined = root;
  for (const part of fragment.replace(/^\//, '').split('/')) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at = isObject(at) ? propertyOf(at, name) : isList(at) ? at[Number(name)] : undefined;
  }
  return at === undefined ? undefined : { schema: at, source: inside };
}

/** By the name it was given, or by the end of its path. */
function otherOf(file: string, { others }: Source): Json | undefined {
  const known = others.get(file);
  if (known !== undefined) return known;
  for (const [name, schema] of others) if (file.endsWith(`/${name}`) || idOf(schema) === file) return schema;
  return undefined;
}

function idOf(schema: Json): string | undefined {
  const id = isObject(schema) ? (propertyOf(schema, '$id') ?? propertyOf(schema, 'id')) : undefined;
  return typeof id === 'string' ? id.replace(/#$/, '') : undefined;
}
