/** Declaring, describing, listing and removing: the same four routes for topics, queues, exchanges, groups and users. */

import type { Declaration, Kind } from '../../../model/declaration.ts';
import { Refused } from '../../../model/refusal.ts';
import { tokenVerifier } from '../../../model/verifier.ts';
import { MEDIA, quoted } from '../../../wire/http/http.ts';
import { type Answer, json, NO_CONTENT } from '../answer.ts';
import type { Call } from '../call.ts';
import { descriptionJson, nameOf } from '../describe.ts';
import { flag, integerOr, text } from '../params.ts';
import { NO_PARAMS, type Route, route } from '../route.ts';
import type { Schema } from '../schema.ts';
import { EXCHANGE_SPEC, QUEUE_SPEC, TOPIC_SPEC, USER_SPEC } from '../specs.ts';

const LIST_MAX = 10_000;
const TOKEN_BYTES = 32;

const DESCRIBED = { [MEDIA.json]: { $ref: '#/components/schemas/Description' } };

function listRoute(kind: Kind, plural: string): Route {
  return route({
    method: 'GET',
    path: `/v1/${plural}`,
    id: `list${capital(plural)}`,
    tag: plural,
    summary: `List ${plural}`,
    params: {
      prefix: text('Only names that begin so.'),
      after: text('Only names after this one: the `next` of the list before.'),
      max: integerOr('Most of them.', 1, LIST_MAX, 1000),
    },
    answers: { 200: { about: 'In order of name.', content: { [MEDIA.json]: { $ref: '#/components/schemas/List' } } } },
    handle: async ({ engine, query }) => {
      const { prefix = '', after, max } = query;
      const all = (await engine.list(kind)).filter((description) => {
        const name = nameOf(description);
        return name.startsWith(prefix) && (after === undefined || name > after);
      });
      const items = all.slice(0, max);
      const last = items.at(-1);
      return json({ items: items.map(descriptionJson), ...(all.length > max && last !== undefined ? { next: nameOf(last) } : {}) });
    },
  });
}

function describeRoute(kind: Kind, plural: string): Route {
  return route({
    method: 'GET',
    path: `/v1/${plural}/{${kind}}`,
    id: `describe${capital(kind)}`,
    tag: plural,
    summary: `Describe a ${kind}`,
    params: NO_PARAMS,
    answers: { 200: { about: 'Its declaration, and how it is doing.', content: DESCRIBED } },
    handle: async (call) => json(await described(call, kind, nameIn(call, kind))),
  });
}

function removeRoute(kind: Kind, plural: string): Route {
  return route({
    method: 'DELETE',
    path: `/v1/${plural}/{${kind}}`,
    id: `remove${capital(kind)}`,
    tag: plural,
    summary: `Remove a ${kind}`,
    params: {
      'if-unused': flag('Refuse while it has consumers or bindings.'),
      'if-empty': flag('Refuse while it holds messages.'),
    },
    answers: { 204: { about: 'It is gone.' } },
    handle: async (call) => {
      await call.engine.remove(kind, nameIn(call, kind), { ifUnused: call.query['if-unused'], ifEmpty: call.query['if-empty'] });
      return NO_CONTENT;
    },
  });
}

function declareRoute(kind: 'topic' | 'queue' | 'exchange', plural: string, spec: Schema): Route {
  return route({
    method: 'PUT',
    path: `/v1/${plural}/{${kind}}`,
    id: `declare${capital(kind)}`,
    tag: plural,
    summary: `Declare a ${kind}`,
    about: 'Declaring again with the same properties changes nothing; with others it is refused as `conflict`.',
    params: NO_PARAMS,
    body: { required: kind === 'exchange', content: { [MEDIA.json]: spec } },
    answers: { 200: { about: 'It is there.', content: DESCRIBED } },
    handle: async (call) => {
      const name = nameIn(call, kind);
      const given = await call.json<object>(spec, kind === 'exchange');
      await call.engine.declare({ ...given, kind, name } as Declaration);
      return json(await declared(call, kind, name));
    },
  });
}

/** A user may be set up by whoever may not read it; then the answer says no more than that it is there. */
async function declared(call: Call, kind: Kind, name: string): Promise<object> {
  try {
    return await described(call, kind, name);
  } catch (error) {
    if (error instanceof Refused && error.code === 'forbidden') return { kind, name };
    throw error;
  }
}

async function described(call: Call, kind: Kind, name: string): Promise<object> {
  const description = await call.engine.describe(kind, name);
  if (description === undefined) throw new Refused('unknown', `There is no ${kind} ${quoted(name)}.`);
  return descriptionJson(description);
}

const DECLARE_USER: Route = route({
  method: 'PUT',
  path: '/v1/users/{user}',
  id: 'declareUser',
  tag: 'users',
  summary: 'Set up a user',
  about:
    'Replaces the user if there is one, permissions and secrets. Only for administrators. With the first user, every door begins to ask who comes: it must ' +
    'say whether it is an administrator.',
  params: NO_PARAMS,
  body: { required: false, content: { [MEDIA.json]: USER_SPEC } },
  answers: { 200: { about: 'It is there; `token` is told this one time.', content: DESCRIBED } },
  handle: (call) => declareUser(call, call.path.user),
});

async function declareUser(call: Call, name: string): Promise<Answer> {
  const {
    token: wanted,
    secrets,
    ...given
  } = await call.json<{ token?: boolean; secrets?: Record<string, string>; admin?: boolean }>(USER_SPEC, false);
  if (!call.engine.guarded && given.admin === undefined) {
    throw new Refused(
      'conflict',
      `${quoted(name)} would be the first user: every door would ask for a token from now on, and nobody could manage users by it. ` +
        'Make it an administrator with "admin": true; or say "admin": false when nobody is to be one.',
    );
  }
  const token = wanted === true ? Buffer.from(call.door.machine.random.bytes(TOKEN_BYTES)).toString('base64url') : undefined;
  const verifiers = { ...secrets, ...(token === undefined ? {} : { token: tokenVerifier(token) }) };
  await call.engine.declare({ ...given, kind: 'user', name, secrets: verifiers });
  return json({ ...given, kind: 'user', name, ...(token === undefined ? {} : { token }) });
}

function nameIn(call: Call, kind: Kind): string {
  return call.path[kind] ?? '';
}

function capital(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

export const DECLARE_ROUTES: readonly Route[] = [
  listRoute('topic', 'topics'),
  declareRoute('topic', 'topics', TOPIC_SPEC),
  describeRoute('topic', 'topics'),
  removeRoute('topic', 'topics'),
  listRoute('queue', 'queues'),
  declareRoute('queue', 'queues', QUEUE_SPEC),
  describeRoute('queue', 'queues'),
  removeRoute('queue', 'queues'),
  listRoute('exchange', 'exchanges'),
  declareRoute('exchange', 'exchanges', EXCHANGE_SPEC),
  describeRoute('exchange', 'exchanges'),
  removeRoute('exchange', 'exchanges'),
  listRoute('group', 'groups'),
  describeRoute('group', 'groups'),
  removeRoute('group', 'groups'),
  listRoute('user', 'users'),
  DECLARE_USER,
  describeRoute('user', 'users'),
  removeRoute('user', 'users'),
];
