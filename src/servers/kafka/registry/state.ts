/** What the registry knows, as the records of its topic tell it: keys and values in the form of the original's `_schemas`. */

import { isList, isObject, type Json, propertyOf } from './json.ts';
import { type Reference, SCHEMA_TYPES, type SchemaType } from './schema.ts';

export const LEVELS = ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'] as const;
export type Level = (typeof LEVELS)[number];

export const MODES = ['READWRITE', 'READONLY', 'IMPORT'] as const;
export type Mode = (typeof MODES)[number];

/** A version of a subject. */
export interface Version {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly type: SchemaType;
  readonly references: readonly Reference[];
  readonly schema: string;
  /** Softly: it can still be found by its id. */
  readonly deleted: boolean;
}

export interface Config {
  readonly level?: Level;
  readonly normalize?: boolean;
}

/** For what holds where a subject has nothing of its own. */
export const GLOBAL = '';

export class RegistryState {
  readonly subjects: Map<string, Map<number, Version>> = new Map();
  readonly configs: Map<string, Config> = new Map();
  readonly modes: Map<string, Mode> = new Map();
  /** Those that are, deleted softly or not, by their id. */
  readonly #byId = new Map<number, Set<Version>>();
  #idMax = 0;

  /** The highest id that was ever given. */
  get idMax(): number {
    return this.#idMax;
  }

  withId(id: number): readonly Version[] {
    return [...(this.#byId.get(id) ?? [])];
  }

  versions(subject: string): readonly Version[] {
    return [...(this.subjects.get(subject)?.values() ?? [])].sort((a, b) => a.version - b.version);
  }

  /** One record; an empty value says that it is no more. What is not understood is passed over. */
  apply(key: Uint8Array | undefined, value: Uint8Array): void {
    const name = parsed(key);
    if (!isObject(name)) return;
    const told = value.length === 0 ? null : parsed(value);
    const subject = textOf(propertyOf(name, 'subject')) ?? GLOBAL;
    const kind = propertyOf(name, 'keytype');
    if (kind === 'SCHEMA') this.#schema(subject, numberOf(propertyOf(name, 'version')), told);
    else if (kind === 'CONFIG') this.#config(subject, told);
    else if (kind === 'MODE') this.#mode(subject, told);
    else if (kind === 'DELETE_SUBJECT') this.#deleteUpTo(subject, isObject(told) ? numberOf(propertyOf(told, 'version')) : 0);
  }

  #schema(subject: string, version: number, told: Json | undefined): void {
    this.#forget(this.subjects.get(subject)?.get(version));
    if (!isObject(told)) return;
    const id = numberOf(propertyOf(told, 'id'));
    const schema = textOf(propertyOf(told, 'schema'));
    const type = SCHEMA_TYPES.find((one) => one === (propertyOf(told, 'schemaType') ?? 'AVRO'));
    if (schema === undefined || type === undefined || id < 1 || version < 1) return;
    const deleted = propertyOf(told, 'deleted') === true;
    this.#keep({ subject, version, id, type, references: referencesOf(propertyOf(told, 'references')) ?? [], schema, deleted });
  }

  #keep(version: Version): void {
    const versions = this.subjects.get(version.subject) ?? new Map<number, Version>();
    this.subjects.set(version.subject, versions.set(version.version, version));
    this.#byId.set(version.id, (this.#byId.get(version.id) ?? new Set()).add(version));
    this.#idMax = Math.max(this.#idMax, version.id);
  }

  #forget(version: Version | undefined): void {
    if (version === undefined) return;
    const { subject, id } = version;
    const versions = this.subjects.get(subject);
    versions?.delete(version.version);
    if (versions?.size === 0) this.subjects.delete(subject);
    const same = this.#byId.get(id);
    same?.delete(version);
    if (same?.size === 0) this.#byId.delete(id);
  }

  #config(subject: string, told: Json | undefined): void {
    const level = isObject(told) ? LEVELS.find((one) => one === propertyOf(told, 'compatibilityLevel')) : undefined;
    const normalize = isObject(told) ? propertyOf(told, 'normalize') : undefined;
    if (level === undefined && typeof normalize !== 'boolean') this.configs.delete(subject);
    else this.configs.set(subject, { ...(level !== undefined && { level }), ...(typeof normalize === 'boolean' && { normalize }) });
  }

  #mode(subject: string, told: Json | undefined): void {
    const mode = isObject(told) ? MODES.find((one) => one === propertyOf(told, 'mode')) : undefined;
    if (mode === undefined) this.modes.delete(subject);
    else this.modes.set(subject, mode);
  }

  #deleteUpTo(subject: string, last: number): void {
    for (const version of this.versions(subject)) {
      if (version.version > last || version.deleted) continue;
      this.#forget(version);
      this.#keep({ ...version, deleted: true });
    }
  }
}

/** A record of the topic. Null: it is no more. */
export interface Note {
  readonly key: string;
  readonly value: string | null;
}

export function schemaNote(version: Version): Note {
  const { subject, id, type, references, schema, deleted } = version;
  return {
    key: schemaKey(version),
    value: JSON.stringify({
      subject,
      version: version.version,
      id,
      ...(type !== 'AVRO' && { schemaType: type }),
      ...(references.length > 0 && { references }),
      schema,
      deleted,
    }),
  };
}

export function schemaGone(version: Version): Note {
  return { key: schemaKey(version), value: null };
}

export function configNote(subject: string, config: Config | null): Note {
  const value = config && { ...(subject !== GLOBAL && { subject }), compatibilityLevel: config.level, normalize: config.normalize };
  return { key: keyOf('CONFIG', subject), value: value && JSON.stringify(value) };
}

export function modeNote(subject: string, mode: Mode | null): Note {
  const value = mode && { ...(subject !== GLOBAL && { subject }), mode };
  return { key: keyOf('MODE', subject), value: value && JSON.stringify(value) };
}

function schemaKey({ subject, version }: Version): string {
  return JSON.stringify({ keytype: 'SCHEMA', subject, version, magic: 1 });
}

function keyOf(keytype: string, subject: string): string {
  return JSON.stringify({ keytype, subject: subject === GLOBAL ? null : subject, magic: 0 });
}

/** Undefined when it is no list of references. */
export function referencesOf(json: Json | undefined): Reference[] | undefined {
  if (json === undefined || json === null) return [];
  if (!isList(json)) return undefined;
  const references = json.flatMap((one): Reference[] => {
    if (!isObject(one)) return [];
    const [name, subject, version] = [propertyOf(one, 'name'), propertyOf(one, 'subject'), propertyOf(one, 'version')];
    if (typeof name !== 'string' || typeof subject !== 'string' || typeof version !== 'number') return [];
    return [{ name, subject, version }];
  });
  return references.length === json.length ? references : undefined;
}

function parsed(bytes: Uint8Array | undefined): Json | undefined {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}

function textOf(json: Json | undefined): string | undefined {
  return typeof json === 'string' ? json : undefined;
}

function numberOf(json: Json | undefined): number {
  return typeof json === 'number' && Number.isInteger(json) ? json : 0;
}
