/** Users and what they may in each virtual host. */

import type { Permissions, UserSpec } from '../../../../model/declaration.ts';
import { DEFAULT_TENANT } from '../../../../model/message.ts';
import type { Door } from '../../door.ts';
import { GUEST } from '../../login.ts';
import { type Ask, badRequest, CREATED, type Given, type Handle, NO_CONTENT, need, notFound, textOf } from '../ask.ts';
import { listed } from '../listing.ts';
import { patternsOf, regexOf } from '../permissions.ts';

const PURPOSE = 'password';
const SCHEME = 'salted-sha256';
const SALT_BYTES = 4;
export const ALL: Permissions = { configure: ['*'], write: ['*'], read: ['*'] };

type Row = Readonly<Record<string, unknown>>;

/** While nobody is configured, the one everybody on this machine is. */
const NOBODY_ELSE: UserSpec = { kind: 'user', name: GUEST, admin: true, ...ALL };

export async function usersOf({ engine }: Door): Promise<UserSpec[]> {
  if (!engine.guarded) return [NOBODY_ELSE];
  return (await engine.list('user')).flatMap((one) => (one.kind === 'user' ? [one.spec] : []));
}

async function userJson({ engine }: Door, spec: UserSpec): Promise<Row> {
  const kept = engine.guarded ? await engine.verifier(PURPOSE, spec.name) : undefined;
  const [scheme, salt = '', hash = ''] = (kept ?? '').split(':');
  return {
    name: spec.name,
    // What was hashed in another way cannot be told in this one: such a user has a password all the same.
    password_hash:
      scheme === SCHEME ? Buffer.concat([Buffer.from(salt, 'base64url'), Buffer.from(hash, 'base64url')]).toString('base64') : '',
    hashing_algorithm: 'rabbit_password_hashing_sha256',
    tags: spec.admin === true ? ['administrator'] : ['management'],
    limits: {},
  };
}

export async function userRows(door: Door): Promise<Row[]> {
  return Promise.all((await usersOf(door)).map((spec) => userJson(door, spec)));
}

export const listUsers: Handle = async (ask) => {
  await ask.checkAdministrator();
  return { value: listed(await userRows(ask.door), ask.call.query) };
};

async function known(ask: Ask): Promise<UserSpec> {
  const found = (await usersOf(ask.door)).find(({ name }) => name === ask.name('user'));
  if (found === undefined) throw notFound();
  return found;
}

export const describeUser: Handle = async (ask) => {
  await ask.checkAdministrator();
  return { value: await userJson(ask.door, await known(ask)) };
};

function verifierIn(given: Given, door: Door): string | undefined {
  if (typeof given.password === 'string') return verifierOf(door, given.password);
  const kept = Buffer.from(textOf(given.password_hash), 'base64');
  if (kept.length === 0) return undefined;
  const algorithm = textOf(given.hashing_algorithm, 'rabbit_password_hashing_sha256');
  if (algorithm !== 'rabbit_password_hashing_sha256' || kept.length !== SALT_BYTES + 32)
    throw badRequest(`passwords hashed with ${algorithm} are not understood here`);
  return `${SCHEME}:${kept.toString('base64url', 0, SALT_BYTES)}:${kept.toString('base64url', SALT_BYTES)}`;
}

/** As RabbitMQ keeps passwords, so that they can be exported again. */
function verifierOf({ machine }: Door, password: string): string {
  const salt = Buffer.from(machine.random.bytes(SALT_BYTES));
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256').update(salt).update(password).digest('base64url');
  return `${SCHEME}:${salt.toString('base64url')}:${hash}`;
}

function tagsOf(given: Given): string[] {
  const { tags } = given;
  if (tags === undefined) throw badRequest('tags_not_present');
  return (Array.isArray(tags) ? tags.map(String) : textOf(tags).split(',')).map((tag) => tag.trim()).filter((tag) => tag !== '');
}

/**
 * Makes a user, or gives it another password and role. The first one ends the time when everybody on this machine may do everything:
 * `guest`, as whom this was asked, then stays as a user of its own unless `others` brings one who administers.
 */
export async function declareUser(ask: Ask, name: string, given: Given, others = false): Promise<boolean> {
  const { door } = ask;
  await ask.checkAdministrator();
  const isAdmin = tagsOf(given).includes('administrator');
  const verifier = verifierIn(given, door);
  const spec = door.engine.guarded ? (await usersOf(door)).find((one) => one.name === name) : undefined;
  if (!door.engine.guarded && name !== GUEST && !isAdmin && !others) {
    const tenants = Object.fromEntries((await ask.vhosts()).filter((vhost) => vhost !== DEFAULT_TENANT).map((vhost) => [vhost, ALL]));
    await door.engine.declare({ ...NOBODY_ELSE, tenants, secrets: { [PURPOSE]: verifierOf(door, GUEST) } });
  }
  const { admin: _former, ...kept } = spec ?? { kind: 'user', name };
  const secrets: Record<string, string> = {};
  for (const purpose of ['token', PURPOSE, 'scram-sha-256', 'scram-sha-512']) {
    // A new password voids what was made of the old one.
    const text =
      purpose === PURPOSE
        ? verifier
        : purpose === 'token' || verifier === undefined
          ? await door.engine.verifier(purpose, name)
          : undefined;
    if (text !== undefined) secrets[purpose] = text;
  }
  await door.engine.declare({ ...kept, kind: 'user', name, ...(isAdmin && { admin: true }), secrets });
  return spec === undefined;
}

export const putUser: Handle = async (ask) => ((await declareUser(ask, ask.name('user'), await ask.given())) ? CREATED : NO_CONTENT);

export const removeUser: Handle = async (ask) => {
  await ask.checkAdministrator();
  const { name } = await known(ask);
  if (!ask.door.engine.guarded) throw badRequest('no users are configured; add one who is to administer first');
  await ask.door.engine.remove('user', name);
  return NO_CONTENT;
};

function permissionRows(spec: UserSpec): Row[] {
  const own = spec.tenant ?? DEFAULT_TENANT;
  const row = (vhost: string, { configure, write, read }: Permissions): Row => ({
    user: spec.name,
    vhost,
    configure: regexOf(configure),
    write: regexOf(write),
    read: regexOf(read),
  });
  const has = [spec.configure, spec.write, spec.read].some((patterns) => (patterns ?? []).length > 0);
  return [...(has ? [row(own, spec)] : []), ...Object.entries(spec.tenants ?? {}).map(([vhost, permissions]) => row(vhost, permissions))];
}

export async function allPermissions(door: Door): Promise<Row[]> {
  return (await usersOf(door)).flatMap(permissionRows);
}

export const listPermissions: Handle = async (ask) => {
  await ask.checkAdministrator();
  const rows = await allPermissions(ask.door);
  const { user, vhost } = ask.path;
  if (user !== undefined) await known(ask);
  if (vhost !== undefined) await ask.site();
  const found = rows.filter((row) => (user === undefined || row.user === user) && (vhost === undefined || row.vhost === vhost));
  return { value: listed(found, ask.call.query) };
};

export const describePermissions: Handle = async (ask) => {
  await ask.checkAdministrator();
  const found = permissionRows(await known(ask)).find(({ vhost }) => vhost === ask.name('vhost'));
  if (found === undefined) throw notFound();
  return { value: found };
};

/** Gives a user what it may in a virtual host; undefined: nothing any more. */
export async function permit(ask: Ask, name: string, vhost: string, permissions: Permissions | undefined): Promise<boolean> {
  const { door } = ask;
  await ask.checkAdministrator();
  const spec = (await usersOf(door)).find((one) => one.name === name);
  if (spec === undefined || (await door.engine.describe('tenant', vhost)) === undefined) throw badRequest('vhost_or_user_not_found');
  if (!door.engine.guarded) return false; // everybody may everything, and that is what guest is
  const { configure, write, read, tenants = {}, ...rest } = spec;
  const former: Permissions = { ...(configure && { configure }), ...(write && { write }), ...(read && { read }) };
  const isOwn = vhost === (spec.tenant ?? DEFAULT_TENANT);
  const { [vhost]: _before, ...others } = tenants;
  const secrets: Record<string, string> = {};
  for (const purpose of ['token', PURPOSE, 'scram-sha-256', 'scram-sha-512']) {
    const text = await door.engine.verifier(purpose, name);
    if (text !== undefined) secrets[purpose] = text;
  }
  await door.engine.declare({
    ...rest,
    ...(isOwn ? permissions : former),
    tenants: isOwn || permissions === undefined ? others : { ...others, [vhost]: permissions },
    secrets,
  });
  return isOwn ? Object.keys(former).length === 0 : tenants[vhost] === undefined;
}

/** Reads what is given. Throws `ApiFault`. */
export function permissionsIn(given: Given, user: string, vhost: string): Permissions {
  need(given, 'configure', 'write', 'read');
  const patterns = (verb: string) => patternsOf(textOf(given[verb]), `"${verb}" of user ${user} in vhost ${vhost}`);
  return { configure: patterns('configure'), write: patterns('write'), read: patterns('read') };
}

export const putPermissions: Handle = async (ask) => {
  const [user, vhost] = [ask.name('user'), ask.name('vhost')];
  return (await permit(ask, user, vhost, permissionsIn(await ask.given(), user, vhost))) ? CREATED : NO_CONTENT;
};

export const removePermissions: Handle = async (ask) => {
  await ask.checkAdministrator();
  const { name } = await known(ask);
  if (!permissionRows(await known(ask)).some(({ vhost }) => vhost === ask.name('vhost'))) throw notFound();
  await permit(ask, name, ask.name('vhost'), undefined);
  return NO_CONTENT;
};
