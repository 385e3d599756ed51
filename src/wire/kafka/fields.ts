/**
 * How a message definition is written down: fields in the order of the wire, each a short text.
 *
 *     name: 'string'             a field of every version in the table's window
 *     id: 'uuid 10+'             from version 10 on; '4-12', '7': other windows
 *     error: 'int16=0'           who writes may leave it out, and this is what is written; who reads gets it where the version has none
 *     key: 'string ?'            may be null; '?3+': from version 3 on
 *     leader: 'int32=-1 12+ #0'  a tagged field: only written when it is not the default
 *     topics: [{ … }, '1+ ?']    a list, of structures or of one kind (`['int32']`), with versions and the rest in the second place
 *     faults: ['int8', '=']      a list that may be left out: it is empty then
 *     member: { $: '? #1', … }   a structure, with versions and the rest under `$`
 *
 * The types of what is read and written follow from the table itself.
 */

export type Fields = { readonly [name: string]: Field };
export type Field = string | readonly [string | Fields, string?] | Fields;

/** One API: what may be asked, what is answered. `flexible`: the first version with compact lengths and tagged fields; null = none. */
export interface Api {
  readonly key: number;
  readonly name: string;
  /** First and last version that are served; the fields of others are not in the table. */
  readonly versions: readonly [number, number];
  readonly flexible: number | null;
  readonly request: Fields;
  readonly response: Fields;
}

interface Kinds {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  /** Beyond 2^53 the nearest number: only ever a nonsense offset. */
  int64: number;
  float64: number;
  string: string;
  /** 32 hexadecimal digits. */
  uuid: string;
  /** Where they lie in the request: good for as long as its bytes. */
  bytes: Uint8Array;
  records: Uint8Array;
}

export type Kind = keyof Kinds;

type First<S extends string> = S extends `${infer F} ${string}` ? F : S;
type KindOf<S extends string> = First<S> extends `${infer K}=${string}` ? K : First<S>;
type OrNull<M> = M extends `${string}?${string}` ? null : never;
type ModsOf<F> = F extends string
  ? F
  : F extends readonly [unknown, infer M extends string]
    ? ` ${M}`
    : F extends { $: infer M extends string }
      ? ` ${M}`
      : '';
type IsOptional<F> = ModsOf<F> extends `${string}=${string}` | `${string}#${string}` ? true : false;

type Scalar<S extends string> = KindOf<S> extends Kind ? Kinds[KindOf<S>] | OrNull<S> : never;

/** What reading gives: every field, also of versions that have it not. */
export type Received<F> = { readonly [N in Exclude<keyof F, '$'>]: ReceivedField<F[N]> };
type ReceivedField<F> = F extends string
  ? Scalar<F>
  : F extends readonly [infer E, (infer M)?]
    ? readonly (E extends string ? Scalar<E> : Received<E>)[] | OrNull<M>
    : Received<F> | OrNull<ModsOf<F>>;

/** What writing takes: fields with a default or a tag may be left out. */
export type Sent<F> = {
  readonly [N in Exclude<keyof F, '$'> as IsOptional<F[N]> extends true ? never : N]: SentField<F[N]>;
} & {
  readonly [N in Exclude<keyof F, '$'> as IsOptional<F[N]> extends true ? N : never]?: SentField<F[N]> | undefined;
};
type SentField<F> = F extends string
  ? Scalar<F>
  : F extends readonly [infer E, (infer M)?]
    ? readonly (E extends string ? Scalar<E> : Sent<E>)[] | OrNull<M>
    : Sent<F> | OrNull<ModsOf<F>>;

export type RequestOf<A extends Api> = Received<A['request']>;
export type ResponseOf<A extends Api> = Sent<A['response']>;

/** A field of one version, as the codec is made from it. */
export interface Plan {
  readonly name: string;
  readonly kind: Kind | 'struct';
  readonly isList: boolean;
  /** Of a structure. */
  readonly fields: Fields;
  /** False: this version has it not. */
  readonly present: boolean;
  readonly nullable: boolean;
  readonly tag: number | undefined;
  readonly default: string | undefined;
}

/** What the table says of one field in one version. Throws for a table that is not written as above. */
export function planOf(name: string, field: Field, version: number): Plan {
  const [what, mods] =
    typeof field === 'string' ? splitText(field) : Array.isArray(field) ? [field[0], field[1] ?? ''] : [field, (field as Fields).$ ?? ''];
  let present = true;
  let nullable = false;
  let tag: number | undefined;
  let preset: string | undefined;
  let kind: string = 'struct';
  if (typeof what === 'string') {
    const equals = what.indexOf('=');
    kind = equals < 0 ? what : what.slice(0, equals);
    if (equals >= 0) preset = what.slice(equals + 1);
  }
  for (const mod of String(mods).split(' ')) {
    if (mod === '') continue;
    if (mod.startsWith('?')) nullable = mod === '?' || inWindow(mod.slice(1), version);
    else if (mod.startsWith('#')) tag = Number(mod.slice(1));
    else if (mod.startsWith('=')) preset = mod.slice(1);
    else present = inWindow(mod, version);
  }
  if (kind !== 'struct' && !KINDS.has(kind)) throw new Error(`The table has a field "${name}" of the unknown kind "${kind}".`);
  return {
    name,
    kind: kind as Kind | 'struct',
    isList: Array.isArray(field),
    fields: typeof what === 'string' ? {} : (what as Fields),
    present,
    nullable,
    tag,
    default: preset,
  };
}

const KINDS: ReadonlySet<string> = new Set<Kind>([
  'bool',
  'int8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'float64',
  'string',
  'uuid',
  'bytes',
  'records',
]);

function splitText(field: string): [string, string] {
  const space = field.indexOf(' ');
  return space < 0 ? [field, ''] : [field.slice(0, space), field.slice(space + 1)];
}

/** `7`, `7+`, `4-12`. */
function inWindow(window: string, version: number): boolean {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(window);
  if (match === null) throw new Error(`The table says "${window}", which is no range of versions.`);
  const first = Number(match[1]);
  if (match[2] === undefined) return version === first;
  return version >= first && version <= (match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3]));
}
