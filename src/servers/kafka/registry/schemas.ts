/** Schemas by their ids, and all of them. */

import { type Answer, type Ask, idOf, paged, says } from './ask.ts';
import { idNotFound } from './rest-fault.ts';
import type { SCHEMA_TYPES } from './schema.ts';
import type { RegistryState, Version } from './state.ts';
import { shown } from './subjects.ts';

export async function listTypes(): Promise<Answer> {
  return { json: ['JSON', 'PROTOBUF', 'AVRO'] satisfies (typeof SCHEMA_TYPES)[number][] };
}

export async function listSchemas(ask: Ask): Promise<Answer> {
  const prefix = (ask.query.get('subjectPrefix') ?? '').replace(/^:\*:/, '');
  const [withDeleted, latestOnly] = [says(ask, 'deleted'), says(ask, 'latestOnly')];
  const versions = await ask.store.read((state) =>
    [...state.subjects.keys()]
      .filter((subject) => subject.startsWith(prefix))
      .sort()
      .flatMap((subject) => {
        const seen = state.versions(subject).filter(({ deleted }) => withDeleted || !deleted);
        return latestOnly ? seen.slice(-1) : seen;
      }),
  );
  return { json: paged(ask, versions).map(shown) };
}

function withId(ask: Ask, state: RegistryState): readonly Version[] {
  const id = idOf(ask.path.id ?? '');
  const versions = state.withId(id);
  if (versions.length === 0) throw idNotFound(id);
  return versions;
}

export async function getSchema(ask: Ask): Promise<Answer> {
  return ask.store.read((state) => {
    const { type, references, schema } = withId(ask, state)[0] as Version; // `withId` has one, or throws
    const more = { ...(type !== 'AVRO' && { schemaType: type }), ...(references.length > 0 && { references }) };
    return { json: { ...more, schema, ...(says(ask, 'fetchMaxId') && { maxId: state.idMax }) } };
  });
}

export async function getSchemaText(ask: Ask): Promise<Answer> {
  return ask.store.read((state) => ({ text: withId(ask, state)[0]?.schema ?? '' }));
}

export async function subjectsOf(ask: Ask): Promise<Answer> {
  const versions = await seen(ask);
  return { json: [...new Set(versions.map(({ subject }) => subject))].sort() };
}

export async function versionsOf(ask: Ask): Promise<Answer> {
  return { json: (await seen(ask)).map(({ subject, version }) => ({ subject, version })) };
}

async function seen(ask: Ask): Promise<readonly Version[]> {
  const wanted = ask.query.get('subject');
  const versions = await ask.store.read((state) => withId(ask, state));
  const found = versions.filter(({ deleted, subject }) => (says(ask, 'deleted') || !deleted) && (wanted === null || wanted === subject));
  if (found.length === 0) throw idNotFound(idOf(ask.path.id ?? ''));
  return paged(ask, found);
}
