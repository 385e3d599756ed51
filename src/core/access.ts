/** The one permission check: every door and the API ask it, nobody checks beside it. */

import type { UserSpec } from '../model/declaration.ts';
import { glob } from './routing/routing.ts';

/** configure: declare, remove, bind to · write: publish to, bind as target · read: consume, fetch, bind from · admin: users, and all that is not one name's. */
export type Verb = 'configure' | 'write' | 'read' | 'admin';

/**
 * Whether a user may do this to what bears this name. No user is the process itself, which may do everything. What no pattern of the
 * user's allows is denied; `admin` allows what needs an administrator, and nothing else.
 */
export function permits(user: UserSpec | undefined, verb: Verb, name: string): boolean {
  if (user === undefined) return true;
  if (verb === 'admin') return user.admin === true;
  return user[verb]?.some((pattern) => glob(pattern, name)) === true;
}
