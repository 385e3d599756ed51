/** One request to the management interface under way: who asks, what for, in which virtual host; and how it is refused. */

import type { Engine } from '../../../model/engine.ts';
import type { Headers } from '../../../model/message.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import type { AnnexAnswer, AnnexCall } from '../../annexes.ts';
import type { Door } from '../door.ts';
import type { Site } from '../link.ts';
import { entry, isOwn, type Login } from '../login.ts';
import { headersOfJson } from './table-json.ts';

/** A no, as clients of RabbitMQ know it: `{ "error": …, "reason": … }`. */
export class ApiFault extends Error {
  override readonly name: string = 'ApiFault';
  readonly status: number;
  readonly error: string;
  readonly reason: unknown;

  constructor(status: number, error: string, reason: unknown) {
    super(`${status} ${error}`);
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

export function notFound(): ApiFault {
  return new ApiFault(404, 'Object Not Found', 'Not Found');
}

export function badRequest(reason: unknown): ApiFault {
  return new ApiFault(400, 'bad_request', reason);
}

export const ACCESS_REFUSED = 'Access refused.';

export function refused(reason: string = ACCESS_REFUSED): ApiFault {
  return new ApiFault(401, 'not_authorised', reason);
}

export type Answer = AnnexAnswer;

export const CREATED: Answer = { status: 201 };
export const NO_CONTENT: Answer = { status: 204 };

/** Does what is asked; a plain value is the body of a 200. */
export type Handle = (ask: Ask) => Promise<Answer | { readonly value: unknown }>;

/** A body that is a JSON object. */
export type Given = Readonly<Record<string, unknown>>;

const BODY_BYTES_MAX = 16 * 1024 * 1024;

export class Ask {
  readonly door: Door;
  readonly call: AnnexCall;
  readonly login: Login;
  /** What stands in the path, by the names in its route. */
  readonly path: Readonly<Record<string, string>>;

  constructor(door: Door, call: AnnexCall, login: Login, path: Readonly<Record<string, string>>) {
    this.door = door;
    this.call = call;
    this.login = login;
    this.path = path;
  }

  get user(): string {
    return this.login.user;
  }

  /** The engine as who asks sees it, in no tenant in particular. */
  get engine(): Engine {
    const { principal } = this.login;
    return principal === undefined ? this.door.engine : this.door.engine.as(principal);
  }

  name(which: string): string {
    return this.path[which] ?? '';
  }

  /** Whether who asks may manage users and virtual hosts. */
  async isAdministrator(): Promise<boolean> {
    if (this.login.principal === undefined) return true;
    const known = await this.door.engine.describe('user', this.user);
    return known?.kind === 'user' && known.spec.admin === true;
  }

  async checkAdministrator(): Promise<void> {
    if (!(await this.isAdministrator())) throw refused('Not administrator user');
  }

  /** Names of the virtual hosts that who asks may see. */
  async vhosts(): Promise<string[]> {
    const all = (await this.door.engine.list('tenant')).flatMap((one) => (one.kind === 'tenant' ? [one.spec.name] : []));
    const { principal } = this.login;
    if (principal === undefined || (await this.isAdministrator())) return all;
    const known = await this.door.engine.describe('user', this.user);
    const tenants = known?.kind === 'user' ? Object.keys(known.spec.tenants ?? {}) : [];
    return all.filter((name) => name === (principal.tenant ?? DEFAULT_TENANT) || tenants.includes(name));
  }

  /** A virtual host, as who asks sees it. Throws `ApiFault`; `missing` is thrown when there is none. */
  async site(vhost: string = this.name('vhost'), missing: ApiFault = notFound()): Promise<Site> {
    const { door, login, user } = this;
    if (!isOwn(login, vhost)) {
      const answer = await entry(door, login, vhost);
      if (answer === 'unknown') throw missing;
      if (answer === 'refused' && !(await this.isAdministrator())) throw refused('User not authorised to access virtual host');
    }
    return this.siteOf(vhost, user);
  }

  /** The same, done by the broker itself: what users are made of changes under way. */
  asHouse(): Ask {
    return new Ask(this.door, this.call, { user: this.user, principal: undefined }, this.path);
  }

  siteOf(vhost: string, user: string = this.user): Site {
    const { door, login } = this;
    const house = door.engine.as({ tenant: vhost });
    const engine = login.principal === undefined ? house : door.engine.as({ ...login.principal, tenant: vhost });
    return { door, engine, house, vhost, user };
  }

  /** Those of the virtual host in the path, or of all that who asks may see. */
  async sites(): Promise<Site[]> {
    if (this.path.vhost !== undefined) return [await this.site()];
    return (await this.vhosts()).map((vhost) => this.siteOf(vhost));
  }

  /** An empty body is `{}`. Throws `ApiFault`. */
  async given(broken = 'not_json'): Promise<Given> {
    const text = (await this.call.body(BODY_BYTES_MAX)).toString('utf8');
    if (text.trim() === '') return {};
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw badRequest(broken);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('not_a_json_object');
    return value as Given;
  }
}

/** Throws `ApiFault` that names what is missing of a body. */
export function need(given: Given, ...names: readonly string[]): void {
  const missing = names.filter((name) => given[name] === undefined);
  if (missing.length > 0) throw badRequest(`[${missing.map((name) => `{key_missing,${name}}`).join(',')}]`);
}

/** A flag, also as text. */
export function flagOf(value: unknown): boolean {
  if (value === undefined || value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw badRequest(['not_boolean', value]);
}

export function textOf(value: unknown, fallback = ''): string {
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'string') return value;
  throw badRequest(['not_string', value]);
}

export function integerOf(value: unknown): number {
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number)) return number;
  throw badRequest(['not_integer', value]);
}

/** Arguments of a declaration or binding. */
export function argumentsIn(value: unknown): Headers {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return new Map();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest(['not_a_proplist', value]);
  return headersOfJson(value as Given);
}
