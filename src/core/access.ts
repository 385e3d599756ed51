/** The one permission check: every door and the API ask it, nobody checks beside it. */

import type { Permissions, UserSpec } from '../model/declaration.ts';
import { DEFAULT_TENANT } from '../model/message.ts';
import { glob } from './routing/routing.ts';

/** configure: declare, remove, bind to · write: publish to, bind as target · read: consume, fetch, bind from · admin: users, and all that is not one name's. */
export type Verb = 'configure' | 'write' | 'read' | 'admin';

/**
 * Whether a user may do this to what bears this name in this tenant. No user is the process itself, which may do everything. What no pattern of the
 * user's allows is denied; `admin` allows what needs an administrator, and nothing else.
 */
export function permits(user: UserSpec | undefined, tenant: string, verb: Verb, name: string): boolean {
  if (user === undefined) return true;
  if (verb === 'admin') return user.admin === true;
  return permissionsIn(user, tenant)?.[verb]?.some((pattern) => glob(pattern, name)) === true;
}

/** What a user may in a tenant; undefined: it may not enter it. */
function permissionsIn(user: UserSpec, tenant: string): Permissions | undefined {
  if (tenant === (user.tenant ?? DEFAULT_TENANT)) return user;
  return user.tenants !== undefined && Object.hasOwn(user.tenants, tenant) ? user.tenants[tenant] : undefined;
}
