/** Whether what was written with one Protobuf schema can be read with another: by numbers and kinds on the wire, not by names. */

import type { ProtoField, ProtoFile } from './proto-types.ts';
import type { Obstacle } from './schema.ts';

/** Scalars that are read for each other. */
const ALIKE: readonly (readonly string[])[] = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool'],
  ['sint32', 'sint64'],
  ['string', 'bytes'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
];

/** `update` reads what `original` wrote. None: it does. */
export function protoObstacles(update: ProtoFile, original: ProtoFile): readonly Obstacle[] {
  const found: Obstacle[] = [];
  const news = new Map(update.messages.map((message) => [local(message.name, update), message]));
  const kinds = { before: kindsOf(original), after: kindsOf(update) };
  for (const old of original.messages) {
    const name = local(old.name, original);
    const young = news.get(name);
    if (young === undefined) found.push(obstacle('MESSAGE_REMOVED', `#/${name}`));
    else found.push(...fields(old.fields, young.fields, `#/${name}`, kinds, original, update));
  }
  return found;
}

interface Kinds {
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
}

/** Names of enums. */
function kindsOf({ enums }: ProtoFile): Set<string> {
  return new Set(enums.map(({ name }) => name));
}

function fields(
  olds: readonly ProtoField[],
  youngs: readonly ProtoField[],
  path: string,
  kinds: Kinds,
  original: ProtoFile,
  update: ProtoFile,
): Obstacle[] {
  const found: Obstacle[] = [];
  const byNumber = new Map(youngs.map((field) => [field.number, field]));
  const were = new Map(olds.map((field) => [field.number, field]));
  for (const old of olds) {
    const at = `${path}/${old.number}`;
    const young = byNumber.get(old.number);
    if (young === undefined) {
      if (old.label === 'required') found.push(obstacle('REQUIRED_FIELD_REMOVED', at));
      if (old.oneof !== undefined && youngs.some(({ oneof }) => oneof === old.oneof)) found.push(obstacle('ONEOF_FIELD_REMOVED', at));
    } else found.push(...field(old, young, at, kinds, original, update));
  }
  for (const young of youngs)
    if (young.label === 'required' && !were.has(young.number)) found.push(obstacle('REQUIRED_FIELD_ADDED', `${path}/${young.number}`));
  for (const oneof of new Set(youngs.flatMap(({ oneof }) => (oneof === undefined ? [] : [oneof])))) {
    // One field that was alone may move into a new choice; of two, both could be there in old data.
    const moved = youngs.filter(
      (young) => young.oneof === oneof && were.get(young.number) !== undefined && were.get(young.number)?.oneof === undefined,
    );
    if (moved.length > 1) found.push(obstacle('MULTIPLE_FIELDS_MOVED_TO_ONEOF', `${path}/${oneof}`));
  }
  return found;
}

function field(old: ProtoField, young: ProtoField, at: string, kinds: Kinds, original: ProtoFile, update: ProtoFile): Obstacle[] {
  const before = kindOf(old, kinds.before);
  const after = kindOf(young, kinds.after);
  if (before === 'map' && after === 'map' && !areAlike(old.keyType ?? '', young.keyType ?? '')) return [obstacle('FIELD_KIND_CHANGED', at)];
  if (before !== after) {
    // Enums are numbers on the wire.
    const numbers = ['int32', 'uint32', 'int64', 'uint64', 'bool'];
    const isNumber = (kind: string, { type }: ProtoField) => kind === 'enum' || (kind === 'scalar' && numbers.includes(type));
    if (!isNumber(before, old) || !isNumber(after, young)) return [obstacle('FIELD_KIND_CHANGED', at)];
  } else if (before === 'scalar' && !areAlike(old.type, young.type)) return [obstacle('FIELD_SCALAR_KIND_CHANGED', at)];
  else if (before === 'message' && local(old.type, original) !== local(young.type, update))
    return [obstacle('FIELD_NAMED_TYPE_CHANGED', at)];
  const isPacked = before === 'enum' || (before === 'scalar' && old.type !== 'string' && old.type !== 'bytes');
  const changed = (old.label === 'repeated') !== (young.label === 'repeated');
  return changed && isPacked ? [obstacle('FIELD_NUMERIC_LABEL_CHANGED', at)] : [];
}

function kindOf({ type, keyType }: ProtoField, enums: ReadonlySet<string>): 'map' | 'scalar' | 'enum' | 'message' {
  if (keyType !== undefined) return 'map';
  if (!type.startsWith('.')) return 'scalar';
  return enums.has(type) ? 'enum' : 'message';
}

function areAlike(a: string, b: string): boolean {
  return a === b || ALIKE.some((group) => group.includes(a) && group.includes(b));
}

/** Without the package: that it changed does not matter on the wire. */
function local(name: string, { package: space }: ProtoFile): string {
  return space !== '' && name.startsWith(`.${space}.`) ? name.slice(space.length + 2) : name.replace(/^\./, '');
}

function obstacle(errorType: string, path: string): Obstacle {
  const what = errorType.toLowerCase().replaceAll('_', ' ');
  return {
    errorType,
    description: `The new schema differs at path '${path}' in a way that old data may not fit: ${what}`,
    additionalInfo: '',
  };
}
