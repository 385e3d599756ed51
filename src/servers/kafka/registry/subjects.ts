/** Subjects and their versions: registering, looking up, telling and deleting schemas, and comparing one with those that are there. */

import { type Answer, type Ask, type Asked, paged, says, schemaIn, versionOf } from './ask.ts';
import { incompatibilities } from './compatibility.ts';
import { parseSchema } from './parsing.ts';
import {
  invalidSchema,
  notPermitted,
  RestFault,
  referenceExists,
  schemaNotFound,
  subjectNotFound,
  subjectNotSoftDeleted,
  subjectSoftDeleted,
  versionNotFound,
  versionNotSoftDeleted,
  versionSoftDeleted,
} from './rest-fault.ts';
import type { Reference, Schema } from './schema.ts';
import {
  configNote,
  GLOBAL,
  type Level,
  type Mode,
  modeNote,
  type Note,
  type RegistryState,
  schemaGone,
  schemaNote,
  type Version,
} from './state.ts';

const LEVEL_FALLBACK: Level = 'BACKWARD';

export function levelOf(state: RegistryState, subject: string): Level {
  return state.configs.get(subject)?.level ?? state.configs.get(GLOBAL)?.level ?? LEVEL_FALLBACK;
}

export function modeOf(state: RegistryState, subject: string): Mode {
  return state.modes.get(subject) ?? state.modes.get(GLOBAL) ?? 'READWRITE';
}

/** As the original tells a version: what is usual is left out. */
export function shown({ subject, version, id, type, references, schema }: Version): object {
  return { subject, version, id, ...(type !== 'AVRO' && { schemaType: type }), ...(references.length > 0 && { references }), schema };
}

export async function listSubjects(ask: Ask): Promise<Answer> {
  const prefix = ask.query.get('subjectPrefix') ?? '';
  const [withDeleted, deletedOnly] = [says(ask, 'deleted'), says(ask, 'deletedOnly')];
  const names = await ask.store.read((state) =>
    [...state.subjects]
      .filter(([name]) => name.startsWith(prefix.replace(/^:\*:/, '')))
      .filter(([, versions]) => {
        const isDeleted = [...versions.values()].every(({ deleted }) => deleted);
        return deletedOnly ? isDeleted : withDeleted || !isDeleted;
      })
      .map(([name]) => name)
      .sort(),
  );
  return { json: paged(ask, names) };
}

export async function listVersions(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? '';
  const [withDeleted, deletedOnly] = [says(ask, 'deleted'), says(ask, 'deletedOnly')];
  const versions = await ask.store.read((state) => state.versions(subject));
  const seen = versions.filter(({ deleted }) => (deletedOnly ? deleted : withDeleted || !deleted));
  if (seen.length === 0) throw subjectNotFound(subject);
  return {
    json: paged(
      ask,
      seen.map(({ version }) => version),
    ),
  };
}

/** One version of a subject. Throws `RestFault`. */
function find(state: RegistryState, subject: string, asked: number, withDeleted: boolean): Version {
  const versions = state.versions(subject);
  const seen = versions.filter(({ deleted }) => withDeleted || !deleted);
  if (seen.length === 0) throw subjectNotFound(subject);
  const found = asked === -1 ? seen.at(-1) : seen.find(({ version }) => version === asked);
  if (found === undefined) throw versionNotFound(asked);
  return found;
}

function found(ask: Ask): Promise<Version> {
  const asked = versionOf(ask.path.version ?? '');
  return ask.store.read((state) => find(state, ask.path.subject ?? '', asked, says(ask, 'deleted')));
}

export async function getVersion(ask: Ask): Promise<Answer> {
  return { json: shown(await found(ask)) };
}

export async function getVersionSchema(ask: Ask): Promise<Answer> {
  return { text: (await found(ask)).schema };
}

export async function referencedBy(ask: Ask): Promise<Answer> {
  const asked = versionOf(ask.path.version ?? '');
  return ask.store.read((state) => {
    const { subject, version } = find(state, ask.path.subject ?? '', asked, says(ask, 'deleted'));
    const ids = referrers(state, subject, version).map(({ id }) => id);
    return { json: [...new Set(ids)].sort((a, b) => a - b) };
  });
}

function referrers(state: RegistryState, subject: string, version: number): Version[] {
  return [...state.subjects.values()].flatMap((versions) =>
    [...versions.values()].filter(
      ({ deleted, references }) => !deleted && references.some((one) => one.subject === subject && one.version === version),
    ),
  );
}

/** What is asked for, as it is kept: text and whatever it is the same as. */
interface Candidate {
  readonly asked: Asked;
  readonly schema: Schema;
  readonly references: readonly Reference[];
  readonly byMeaning: boolean;
}

function candidate(state: RegistryState, ask: Ask, subject: string): Candidate {
  const asked = schemaIn(ask.body);
  const given = ask.query.get('normalize');
  const config = state.configs.get(subject)?.normalize ?? state.configs.get(GLOBAL)?.normalize ?? false;
  const references = asked.references.map(({ name, subject: other, version }) => ({
    name,
    subject: other,
    version: version === -1 ? (state.versions(other).findLast(({ deleted }) => !deleted)?.version ?? -1) : version,
  }));
  const schema = parseSchema(state, asked.type, asked.text, references);
  return { asked, schema, references, byMeaning: given === null ? config : given === 'true' };
}

function isSame(state: RegistryState, version: Version, { schema, references, byMeaning }: Candidate): boolean {
  if (version.type !== schema.type) return false;
  const key = (list: readonly Reference[]) => list.map(({ name, subject, version: one }) => `${name}\n${subject}\n${one}`);
  const [own, others] = [key(references), key(version.references)];
  if (byMeaning) for (const list of [own, others]) list.sort();
  if (own.join('\n\n') !== others.join('\n\n')) return false;
  if (version.schema === schema.text) return true;
  const kept = attempt(state, version);
  return kept !== undefined && (kept.canonical === schema.canonical || (byMeaning && kept.normal === schema.normal));
}

/** One that somebody else wrote may not be understood here. */
function attempt(state: RegistryState, { type, schema, references }: Version): Schema | undefined {
  try {
    return parseSchema(state, type, schema, references);
  } catch (error) {
    if (error instanceof RestFault) return undefined;
    throw error;
  }
}

export async function register(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? '';
  if (subject.startsWith(':.')) throw new RestFault(42208, 'The specified subject is in a context of its own; there are none here.');
  return ask.store.write(ask.engine, (state): { notes: readonly Note[]; answer: Answer } => {
    const mode = modeOf(state, subject);
    const one = candidate(state, ask, subject);
    const { schema, references, asked } = one;
    const versions = state.versions(subject);
    const known = versions.find((version) => !version.deleted && isSame(state, version, one));
    if (known !== undefined && (mode !== 'IMPORT' || asked.id === undefined || asked.id === known.id))
      return { notes: [], answer: { json: { id: known.id } } };
    if (mode === 'READONLY') throw notPermitted(`Subject ${subject} is in read-only mode`);
    if (mode !== 'IMPORT' && asked.id !== undefined) throw notPermitted(`Subject ${subject} is not in import mode`);
    const next = (versions.at(-1)?.version ?? 0) + 1;
    if (mode !== 'IMPORT') {
      checkCompatible(state, levelOf(state, subject), one, versions, subject);
      if (asked.version !== undefined && asked.version !== next) throw invalidSchema(`Version is not one more than previous version`);
    }
    const id = asked.id ?? idOfSame(state, one) ?? state.idMax + 1;
    if (asked.id !== undefined && state.withId(id).some((version) => !isSame(state, version, one)))
      throw notPermitted(`Overwrite new schema with id ${id} is not permitted.`);
    const version = mode === 'IMPORT' ? (asked.version ?? next) : next;
    const text = one.byMeaning && schema.type !== 'PROTOBUF' ? schema.normal : schema.text;
    const made: Version = { subject, version, id, type: schema.type, references, schema: text, deleted: false };
    return { notes: [schemaNote(made)], answer: { json: { id } } };
  });
}

/** The same schema has one id, whatever the subject. */
function idOfSame(state: RegistryState, one: Candidate): number | undefined {
  for (const versions of state.subjects.values())
    for (const version of versions.values()) if (isSame(state, version, one)) return version.id;
  return undefined;
}

function checkCompatible(state: RegistryState, level: Level, one: Candidate, versions: readonly Version[], subject: string): void {
  const messages = compared(state, level, one, versions);
  if (messages.length === 0) return;
  throw new RestFault(
    409,
    `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${messages.join(', ')}]`,
  );
}

function compared(state: RegistryState, level: Level, { schema }: Candidate, versions: readonly Version[]): string[] {
  const earlier = versions
    .filter(({ deleted }) => !deleted)
    .map(({ version, schema: text, type, references }) => ({
      version,
      text,
      parse: () => parseSchema(state, type, text, references),
    }));
  return incompatibilities(level, schema, earlier);
}

export async function lookUp(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? '';
  const withDeleted = says(ask, 'deleted');
  return ask.store.read((state) => {
    const versions = state.versions(subject).filter(({ deleted }) => withDeleted || !deleted);
    if (versions.length === 0) throw subjectNotFound(subject);
    const one = candidate(state, ask, subject);
    const known = versions.findLast((version) => isSame(state, version, one));
    if (known === undefined) throw schemaNotFound();
    return { json: shown(known) };
  });
}

/** Against one version, or where none is named against those that the level asks for. */
export async function testCompatibility(ask: Ask): Promise<Answer> {
  const { subject = '', version } = ask.path;
  const asked = version === undefined ? undefined : versionOf(version);
  return ask.store.read((state) => {
    const one = candidate(state, ask, subject);
    const level = levelOf(state, subject);
    const versions = state.versions(subject).filter(({ deleted }) => !deleted);
    if (asked !== undefined && asked !== -1) find(state, subject, asked, false);
    const chosen = asked === undefined ? versions : asked === -1 ? versions.slice(-1) : versions.filter((one) => one.version === asked);
    const messages = compared(state, level, one, chosen);
    return { json: { is_compatible: messages.length === 0, ...(says(ask, 'verbose') && { messages }) } };
  });
}

export async function deleteVersion(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? '';
  const asked = versionOf(ask.path.version ?? '');
  const isPermanent = says(ask, 'permanent');
  return ask.store.write(ask.engine, (state) => {
    checkWritable(state, subject);
    const version = find(state, subject, asked, true);
    if (isPermanent && !version.deleted) throw versionNotSoftDeleted(subject, version.version);
    if (!isPermanent && version.deleted) throw versionSoftDeleted(subject, version.version);
    checkUnreferenced(state, version);
    return { notes: [isPermanent ? schemaGone(version) : schemaNote({ ...version, deleted: true })], answer: { json: version.version } };
  });
}

export async function deleteSubject(ask: Ask): Promise<Answer> {
  const subject = ask.path.subject ?? '';
  const isPermanent = says(ask, 'permanent');
  return ask.store.write(ask.engine, (state) => {
    checkWritable(state, subject);
    const versions = state.versions(subject);
    if (versions.length === 0) throw subjectNotFound(subject);
    const living = versions.filter(({ deleted }) => !deleted);
    if (isPermanent && living.length > 0) throw subjectNotSoftDeleted(subject);
    if (!isPermanent && living.length === 0) throw subjectSoftDeleted(subject);
    const meant = isPermanent ? versions : living;
    for (const version of meant) checkUnreferenced(state, version);
    const notes = meant.map((version) => (isPermanent ? schemaGone(version) : schemaNote({ ...version, deleted: true })));
    // With its last trace go its own settings.
    if (state.configs.has(subject)) notes.push(configNote(subject, null));
    if (state.modes.has(subject)) notes.push(modeNote(subject, null));
    return { notes, answer: { json: meant.map(({ version }) => version) } };
  });
}

function checkWritable(state: RegistryState, subject: string): void {
  if (modeOf(state, subject) === 'READONLY') throw notPermitted(`Subject ${subject} is in read-only mode`);
}

function checkUnreferenced(state: RegistryState, { subject, version }: Version): void {
  if (referrers(state, subject, version).length > 0) throw referenceExists(subject, version);
}
