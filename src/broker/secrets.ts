/** Secrets of users: made into verifiers when given, checked in constant time. The secret itself is never kept. */

import type { UserSpec } from '../model/declaration.ts';
import type { Principal } from '../model/engine.ts';

/** Not imported: Node takes milliseconds to load it, and a broker starts without it. */
const crypto = () => process.getBuiltinModule('node:crypto');

const SCRYPT = { N: 16_384, r: 8, p: 1 };

/** A verifier for a password a person chose. */
export async function passwordVerifier(password: string, salt: Uint8Array): Promise<string> {
  return `scrypt:${Buffer.from(salt).toString('base64url')}:${(await derive(password, salt)).toString('base64url')}`;
}

/** Who this is; undefined when nobody has this secret. A token names its user; a password needs the name. */
export async function authenticate(
  users: ReadonlyMap<string, UserSpec>,
  purpose: string,
  name: string,
  secret: string,
): Promise<Principal | undefined> {
  for (const user of name === '' ? users.values() : [users.get(name)]) {
    const verifier = user?.secrets?.[purpose];
    if (user !== undefined && verifier !== undefined && (await verify(verifier, secret))) {
      return user.tenant === undefined ? { user: user.name } : { user: user.name, tenant: user.tenant };
    }
  }
  return undefined;
}

async function verify(verifier: string, secret: string): Promise<boolean> {
  const [scheme, a = '', b = ''] = verifier.split(':');
  if (scheme === 'sha256') return equal(Buffer.from(a, 'base64url'), crypto().createHash('sha256').update(secret).digest());
  // As other brokers keep what their users chose: salt and secret in one hash. Weaker than scrypt, but theirs to bring.
  if (scheme === 'salted-sha256') {
    const salted = crypto().createHash('sha256').update(Buffer.from(a, 'base64url')).update(secret);
    return equal(Buffer.from(b, 'base64url'), salted.digest());
  }
  if (scheme === 'scrypt') return equal(Buffer.from(b, 'base64url'), await derive(secret, Buffer.from(a, 'base64url')));
  return false;
}

function derive(password: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto().scrypt(password, salt, 32, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && crypto().timingSafeEqual(a, b);
}
