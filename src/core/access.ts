/** The one permission check: every door and the API ask it, nobody checks beside it. */

import { type AccessRule, type AccessTarget, type AccessVerb, EVERYBODY } from '../model/access.ts';
import type { Permissions, UserSpec } from '../model/declaration.ts';
import { DEFAULT_TENANT } from '../model/message.ts';
import { glob } from './routing/routing.ts';

/** Which patterns of a user stand for a verb: any of them is enough. */
const PATTERNS: Readonly<Record<AccessVerb, readonly (keyof Permissions)[]>> = {
  read: ['read'],
  write: ['write'],
  describe: ['read', 'write', 'configure'],
  declare: ['configure'],
  alter: ['configure'],
  remove: ['configure'],
  'describe-settings': ['read', 'write', 'configure'],
  'alter-settings': ['configure'],
};

/** What includes a verb, where it is allowed. */
const INCLUDED_IN: Readonly<Partial<Record<AccessVerb, readonly string[]>>> = {
  describe: ['read', 'write', 'alter', 'remove'],
  'describe-settings': ['alter-settings'],
};

/**
 * Whether a user may do this to what bears this name in this tenant. Undefined is the process itself, which may do everything. What a rule of the
 * user or of everybody denies is denied; else what a pattern of the user's or a rule allows is allowed. On the broker as a whole `admin` allows
 * all, and nothing elsewhere. Who has no rules may use any name for groups and producers.
 */
export function permits(
  users: ReadonlyMap<string, UserSpec>,
  user: string | undefined,
  tenant: string,
  verb: AccessVerb,
  on: AccessTarget,
  name: string,
): boolean {
  if (user === undefined) return true;
  const spec = users.get(user);
  if (spec === undefined || user === EVERYBODY) return false;
  const common = users.get(EVERYBODY);
  const { rules = NONE } = spec;
  const shared = common?.rules ?? NONE;
  if (rules.length + shared.length === 0) return hasPattern(spec, tenant, verb, on, name, true);
  const told = (effect: AccessRule['effect'], of: UserSpec, list: readonly AccessRule[]) =>
    list.some((rule) => rule.effect === effect && tenant === (rule.tenant ?? of.tenant ?? DEFAULT_TENANT) && covers(rule, verb, on, name));
  if (told('deny', spec, rules) || (common !== undefined && told('deny', common, shared))) return false;
  if (hasPattern(spec, tenant, verb, on, name, false)) return true;
  return told('allow', spec, rules) || (common !== undefined && told('allow', common, shared));
}

const NONE: readonly AccessRule[] = [];

function hasPattern(user: UserSpec, tenant: string, verb: AccessVerb, on: AccessTarget, name: string, isFree: boolean): boolean {
  if (on === 'broker') return user.admin === true;
  const permissions = permissionsIn(user, tenant);
  if (permissions === undefined) return false;
  if (isFree && (on === 'producer' ? verb === 'write' || verb === 'describe' : on === 'group' && verb === 'read')) return true;
  return PATTERNS[verb].some((which) => permissions[which]?.some((pattern) => glob(pattern, name)) === true);
}

function covers(rule: AccessRule, verb: AccessVerb, on: AccessTarget, name: string): boolean {
  // Whoever may declare on the broker may declare any topic.
  const isDeclarer = rule.on === 'broker' && on === 'topic' && verb === 'declare' && rule.effect === 'allow';
  if (!isDeclarer && rule.on !== 'all' && rule.on !== on) return false;
  if (!isDeclarer && on !== 'broker' && !names(rule, name)) return false;
  if (rule.verb === 'all' || rule.verb === verb) return true;
  return rule.effect === 'allow' && INCLUDED_IN[verb]?.includes(rule.verb) === true;
}

function names({ name, match }: AccessRule, asked: string): boolean {
  if (match === 'prefix') return asked.startsWith(name);
  return name === asked || name === '*';
}

/** What a user may in a tenant; undefined: it may not enter it. */
function permissionsIn(user: UserSpec, tenant: string): Permissions | undefined {
  if (tenant === (user.tenant ?? DEFAULT_TENANT)) return user;
  return user.tenants !== undefined && Object.hasOwn(user.tenants, tenant) ? user.tenants[tenant] : undefined;
}
