/** Verifiers of secrets: what is kept of a secret instead of the secret. */

import { createHash } from 'node:crypto';

/** For a token that a machine drew: it has entropy enough for one plain hash. */
export function tokenVerifier(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('base64url')}`;
}
