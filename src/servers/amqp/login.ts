/** Who comes: PLAIN, AMQPLAIN, or a certificate (EXTERNAL). */

import type { Principal } from '../../model/engine.ts';
import { DEFAULT_TENANT } from '../../model/message.ts';
import { decodeEntries } from '../../wire/amqp/amqp.ts';
import type { Door, Peer } from './door.ts';

export interface Login {
  readonly user: string;
  /** Undefined: no users are configured, and everybody on this machine may do everything. */
  readonly principal: Principal | undefined;
}

/** In the order in which clients are offered them. */
export function mechanismsFor(peer: Peer): string {
  return peer.certificateName === undefined ? 'AMQPLAIN PLAIN' : 'EXTERNAL AMQPLAIN PLAIN';
}

/** Where nobody is configured, the user that every client tries first, from this machine only. */
export const GUEST = 'guest';
const SECRET_LENGTH_MAX = 1024;

/** Undefined: refused. Throws `WireFault` for what is no such response. */
export async function logIn(door: Door, peer: Peer, mechanism: string, response: Uint8Array): Promise<Login | undefined> {
  if (mechanism === 'EXTERNAL') return external(door, peer);
  const given = mechanism === 'PLAIN' ? plain(response) : mechanism === 'AMQPLAIN' ? amqplain(response) : undefined;
  return given === undefined ? undefined : checkPassword(door, peer, given.user, given.secret);
}

/** Undefined: refused, or too many of that address were refused of late. */
export async function checkPassword(
  door: Door,
  peer: Pick<Peer, 'address' | 'isLoopback'>,
  user: string,
  secret: string,
): Promise<Login | undefined> {
  // Everybody knows its password, or what it was at first.
  if (user === GUEST && !peer.isLoopback) return undefined;
  if (!door.engine.guarded) return user === GUEST && secret === GUEST ? { user, principal: undefined } : undefined;
  if (door.attempts.waitMs(peer.address) > 0) return undefined;
  const principal =
    secret.length <= SECRET_LENGTH_MAX && user !== '' ? await door.engine.authenticate('password', user, secret) : undefined;
  if (principal !== undefined) return { user, principal };
  door.attempts.failed(peer.address);
  return undefined;
}

async function external(door: Door, { certificateName, isLoopback }: Peer): Promise<Login | undefined> {
  if (certificateName === undefined) return undefined;
  if (!door.engine.guarded) return isLoopback ? { user: certificateName, principal: undefined } : undefined;
  const known = await door.engine.describe('user', certificateName);
  if (known?.kind !== 'user') return undefined;
  const { tenant } = known.spec;
  return { user: certificateName, principal: tenant === undefined ? { user: certificateName } : { user: certificateName, tenant } };
}

interface Given {
  readonly user: string;
  readonly secret: string;
}

/** `authorize-as NUL user NUL password` [RFC 4616]. */
function plain(response: Uint8Array): Given | undefined {
  const parts = new TextDecoder().decode(response).split('\0');
  const [, user, secret] = parts;
  return parts.length === 3 && user !== undefined && secret !== undefined ? { user, secret } : undefined;
}

/** A table without its length: LOGIN and PASSWORD. */
function amqplain(response: Uint8Array): Given | undefined {
  const table = decodeEntries(response);
  const [user, secret] = [table.get('LOGIN'), table.get('PASSWORD')];
  return typeof user === 'string' && typeof secret === 'string' ? { user, secret } : undefined;
}

/** Whether a virtual host, which is a tenant, is its own: nobody has to be asked. */
export function isOwn({ principal }: Login, vhost: string): boolean {
  return vhost === (principal?.tenant ?? DEFAULT_TENANT);
}

/** Whether it may enter a virtual host that is not its own; `unknown` when there is none. */
export async function entry(door: Door, { user, principal }: Login, vhost: string): Promise<'granted' | 'refused' | 'unknown'> {
  if ((await door.engine.describe('tenant', vhost)) === undefined) return 'unknown';
  if (principal === undefined) return 'granted';
  const known = await door.engine.describe('user', user);
  const tenants = known?.kind === 'user' ? known.spec.tenants : undefined;
  return tenants !== undefined && Object.hasOwn(tenants, vhost) ? 'granted' : 'refused';
}
