/** Verifiers of secrets: what is kept of a secret instead of the secret. */

/** For a token that a machine drew: it has entropy enough for one plain hash. */
export function tokenVerifier(token: string): string {
  // Not imported: Node takes milliseconds to load it, and a broker starts without it.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `sha256:${createHash('sha256').update(token).digest('base64url')}`;
}
