/** Protobuf schemas: read, their names looked up, and told as they were written. */

import { protoObstacles } from './proto-compatibility.ts';
import { readProto } from './proto-reader.ts';
import { type ProtoFile, type ProtoMessage, SCALARS } from './proto-types.ts';
import { type Referred, type Schema, SchemaFault } from './schema.ts';

/** Types that every client brings. */
const BROUGHT = ['google/protobuf/', 'google/type/', 'confluent/'];

/** Throws `SchemaFault`. */
export function parseProtobuf(text: string, referred: Referred): Schema {
  const others = new Map(referred.map(({ name, text: other }) => [name, readProto(other)]));
  const file = readProto(text);
  if (file.messages.length + file.enums.length === 0) throw new SchemaFault('The schema declares no message.');
  for (const name of file.imports)
    if (!others.has(name) && !BROUGHT.some((path) => name.startsWith(path)))
      throw new SchemaFault(`The import "${name}" is none of the references.`);
  const resolved = resolveTypes(file, [...others.values()]);
  const canonical = file.words.join(' ');
  return {
    type: 'PROTOBUF',
    text,
    canonical,
    normal: normalized(resolved),
    obstacles: (writer) => protoObstacles(resolved, fileOf(writer)),
    [FILE]: resolved,
  } as Schema;
}

const FILE = Symbol('what the schema says');

function fileOf(schema: Schema): ProtoFile {
  return (schema as unknown as { readonly [FILE]: ProtoFile })[FILE]; // only Protobuf schemas are compared with each other
}

/** Names of types as a field finds them: in its own message first, then further out [proto3, "Packages and Name Resolution"]. */
function resolveTypes(file: ProtoFile, others: readonly ProtoFile[]): ProtoFile {
  const known = new Set([file, ...others].flatMap(({ messages, enums }) => [...messages, ...enums].map(({ name }) => name)));
  const resolve = (type: string, message: string): string => {
    if (SCALARS.includes(type)) return type;
    if (type.startsWith('.') && known.has(type)) return type;
    for (let space = message; !type.startsWith('.'); space = space.slice(0, space.lastIndexOf('.'))) {
      if (known.has(`${space}.${type}`)) return `${space}.${type}`;
      if (space === '') break;
    }
    const isBrought = /^\.?(google\.protobuf|google\.type|confluent)\./.test(type);
    if (!isBrought) throw new SchemaFault(`There is no type "${type}", which ${message.slice(1)} has a field of.`);
    return type.startsWith('.') ? type : `.${type}`;
  };
  const messages = file.messages.map(({ name, fields }) => ({
    name,
    fields: fields.map((field) => ({ ...field, type: resolve(field.type, name) })),
  }));
  return { ...file, messages };
}

/** What matters for data, in one order. */
function normalized({ syntax, package: space, imports, messages, enums }: ProtoFile): string {
  const byName = <T extends { readonly name: string }>(list: readonly T[]) => [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  const shown = ({ name, fields }: ProtoMessage) => [name, [...fields].sort((a, b) => a.number - b.number)];
  return JSON.stringify([syntax, space, [...imports].sort(), byName(messages).map(shown), byName(enums)]);
}
