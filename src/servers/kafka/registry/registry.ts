/**
 * The schema registry: Confluent's REST interface, furnished for the HTTP door. Who comes says so by name and password or by token; reading asks for
 * permission to read the topic `_schemas`, writing for that to write there.
 */

import type { Principal } from '../../../model/engine.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import { Refused } from '../../../model/refusal.ts';
import type { AnnexAnswer, AnnexCall, AnnexHandler } from '../../annexes.ts';
import { basicOf } from '../../basic.ts';
import type { Door } from '../door.ts';
import type { Answer, Handler } from './ask.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { RestFault } from './rest-fault.ts';
import { getSchema, getSchemaText, listSchemas, listTypes, subjectsOf, versionsOf } from './schemas.ts';
import { deleteConfig, deleteMode, getConfig, getMode, putConfig, putMode } from './settings.ts';
import { SCHEMAS_TOPIC, Store } from './store.ts';
import {
  deleteSubject,
  deleteVersion,
  getVersion,
  getVersionSchema,
  listSubjects,
  listVersions,
  lookUp,
  referencedBy,
  register,
  testCompatibility,
} from './subjects.ts';

/** Names in braces are given to the handler. */
const ROUTES: readonly (readonly [string, string, Handler])[] = [
  ['GET', '/subjects', listSubjects],
  ['GET', '/subjects/{subject}/versions', listVersions],
  ['POST', '/subjects/{subject}/versions', register],
  ['POST', '/subjects/{subject}', lookUp],
  ['DELETE', '/subjects/{subject}', deleteSubject],
  ['GET', '/subjects/{subject}/versions/{version}', getVersion],
  ['DELETE', '/subjects/{subject}/versions/{version}', deleteVersion],
  ['GET', '/subjects/{subject}/versions/{version}/schema', getVersionSchema],
  ['GET', '/subjects/{subject}/versions/{version}/referencedby', referencedBy],
  ['GET', '/schemas', listSchemas],
  ['GET', '/schemas/types', listTypes],
  ['GET', '/schemas/ids/{id}', getSchema],
  ['GET', '/schemas/ids/{id}/schema', getSchemaText],
  ['GET', '/schemas/ids/{id}/subjects', subjectsOf],
  ['GET', '/schemas/ids/{id}/versions', versionsOf],
  ['POST', '/compatibility/subjects/{subject}/versions', testCompatibility],
  ['POST', '/compatibility/subjects/{subject}/versions/{version}', testCompatibility],
  ['GET', '/config', getConfig],
  ['PUT', '/config', putConfig],
  ['DELETE', '/config', deleteConfig],
  ['GET', '/config/{subject}', getConfig],
  ['PUT', '/config/{subject}', putConfig],
  ['DELETE', '/config/{subject}', deleteConfig],
  ['GET', '/mode', getMode],
  ['PUT', '/mode', putMode],
  ['DELETE', '/mode', deleteMode],
  ['GET', '/mode/{subject}', getMode],
  ['PUT', '/mode/{subject}', putMode],
  ['DELETE', '/mode/{subject}', deleteMode],
  ['GET', '/contexts', async () => ({ json: ['.'] })],
];

const TYPES = ['application/vnd.schemaregistry.v1+json', 'application/vnd.schemaregistry+json', 'application/json'] as const;
const TYPES_TAKEN: readonly string[] = [...TYPES, 'application/octet-stream'];
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const NOT_FOUND = new RestFault(404, 'HTTP 404 Not Found');

export function registry(door: Door): AnnexHandler {
  const stores = new Map<string, Store>();
  const storeOf = (tenant: string): Store => {
    const known = stores.get(tenant);
    if (known !== undefined) return known;
    const store = new Store(door.engineOf({ tenant }), door.languages);
    stores.set(tenant, store);
    return store;
  };
  return async (call) => {
    const type = typeFor(call);
    try {
      if (type === undefined) throw new RestFault(406, 'HTTP 406 Not Acceptable');
      return answered(await run(call, door, storeOf), type);
    } catch (error) {
      return refused(faultOf(error, door), type ?? TYPES[0]);
    }
  };
}

async function run(call: AnnexCall, door: Door, storeOf: (tenant: string) => Store): Promise<Answer> {
  const { handler, path } = routed(call);
  const principal = await principalOf(call, door);
  const engine = door.engineOf(principal);
  const body = call.method === 'POST' || call.method === 'PUT' ? await bodyOf(call) : {};
  if (!(await engine.may('read', 'topic', SCHEMAS_TOPIC)))
    throw new RestFault(40301, `User "${principal.user}" may not read the topic ${SCHEMAS_TOPIC}.`);
  return handler({ engine, store: storeOf(principal.tenant ?? DEFAULT_TENANT), path, query: call.query, body });
}

function routed({ method, path }: AnnexCall): { readonly handler: Handler; readonly path: Record<string, string> } {
  const words = path.replace(/\/$/, '').split('/');
  let isKnown = false;
  for (const [verb, pattern, handler] of ROUTES) {
    const parts = pattern.split('/');
    if (parts.length !== words.length || !parts.every((part, i) => part === words[i] || (part.startsWith('{') && words[i] !== '')))
      continue;
    isKnown = true;
    if (verb !== method) continue;
    const named = parts.flatMap((part, i): [string, string][] =>
      part.startsWith('{') ? [[part.slice(1, -1), decoded(words[i] ?? '')]] : [],
    );
    return { handler, path: Object.fromEntries(named) };
  }
  throw isKnown ? new RestFault(405, 'HTTP 405 Method Not Allowed') : NOT_FOUND;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    throw NOT_FOUND;
  }
}

async function principalOf(call: AnnexCall, { engine, attempts }: Door): Promise<Principal> {
  if (!engine.guarded) {
    if (call.isLoopback) return {};
    throw new RestFault(401, 'No users are configured, so only this machine itself is served.');
  }
  if (attempts.waitMs(call.address) > 0) throw new RestFault(429, 'There were too many failed logins from your address; wait a minute.');
  const basic = basicOf(call.headers.authorization);
  const token = /^bearer +([\w.~+/=-]{1,1024}) *$/i.exec(call.headers.authorization ?? '')?.[1];
  if (basic === undefined && token === undefined) throw new RestFault(401, 'Say who you are: by name and password, or by token.');
  const known =
    basic === undefined
      ? await engine.authenticate('token', '', token ?? '')
      : await engine.authenticate('password', basic.user, basic.secret);
  if (known !== undefined) return known;
  attempts.failed(call.address);
  throw new RestFault(401, 'User name or password is wrong.');
}

async function bodyOf(call: AnnexCall): Promise<JsonObject> {
  const given = call.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (given !== undefined && !TYPES_TAKEN.includes(given)) throw new RestFault(415, 'HTTP 415 Unsupported Media Type');
  const bytes = await call.body(BODY_BYTES_MAX);
  let json: Json;
  try {
    json = JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    throw new RestFault(400, 'Unable to process JSON');
  }
  if (!isObject(json)) throw new RestFault(422, 'The body must be a JSON object.');
  return json;
}

/** The first of ours that the client takes. Undefined: none. */
function typeFor({ headers }: AnnexCall): string | undefined {
  const wanted = (headers.accept ?? '*/*').split(',').map((one) => one.split(';')[0]?.trim().toLowerCase() ?? '');
  if (wanted.some((one) => one === '*/*' || one === 'application/*' || one === '')) return TYPES[0];
  return TYPES.find((type) => wanted.includes(type));
}

function answered(answer: Answer, type: string): AnnexAnswer {
  return { status: 200, type, body: 'text' in answer ? answer.text : JSON.stringify(answer.json) };
}

function refused({ code, status, message }: RestFault, type: string): AnnexAnswer {
  const headers = status === 401 ? { 'www-authenticate': 'Basic realm="signalbox", Bearer realm="signalbox"' } : {};
  return { status, type, headers, body: JSON.stringify({ error_code: code, message }) };
}

/** What the HTTP door knows how to answer (a body that is too large, or broken off) goes to it. */
function faultOf(error: unknown, door: Door): RestFault {
  if (error instanceof RestFault) return error;
  if (!(error instanceof Refused)) throw error;
  if (error.code === 'forbidden') return new RestFault(40301, error.message);
  if (error.code === 'too-large' || error.code === 'invalid') return new RestFault(42201, error.message);
  door.tell(error, { api: 'registry' });
  return new RestFault(50001, 'Error in the backend data store; the broker log has more.');
}
