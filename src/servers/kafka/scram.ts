/**
 * SCRAM [RFC 5802]: a client shows that it knows the password without sending it, and the broker that it is the one who was told. Only a
 * verifier is kept: `scram:ITERATIONS:SALT:STORED:SERVER`, the last three as base64.
 */

/** Not imported: Node takes milliseconds to load it, and the door opens without it. */
const crypto = () => process.getBuiltinModule('node:crypto');

export interface ScramMechanism {
  readonly name: string;
  /** Kafka's number for it. */
  readonly number: number;
  readonly hash: 'sha256' | 'sha512';
  /** Under which the verifier of a user is kept. */
  readonly purpose: string;
}

export const SCRAM: readonly ScramMechanism[] = [
  { name: 'SCRAM-SHA-256', number: 1, hash: 'sha256', purpose: 'scram-sha-256' },
  { name: 'SCRAM-SHA-512', number: 2, hash: 'sha512', purpose: 'scram-sha-512' },
];

export const ITERATIONS_MIN = 4096;
export const ITERATIONS_MAX = 16_384;

interface Verifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly stored: Buffer;
  readonly server: Buffer;
}

/** What is kept of a password that was salted and hashed so many times already. */
export function scramVerifier({ hash }: ScramMechanism, iterations: number, salt: Uint8Array, salted: Uint8Array): string {
  const stored = crypto()
    .createHash(hash)
    .update(hmac(hash, salted, 'Client Key'))
    .digest();
  const server = hmac(hash, salted, 'Server Key');
  return ['scram', iterations, Buffer.from(salt).toString('base64'), stored.toString('base64'), server.toString('base64')].join(':');
}

/** Verifiers of a new password for every mechanism, by purpose: with them a user can log in by SCRAM at once. */
export async function scramVerifiers(password: string, salt: Uint8Array): Promise<Readonly<Record<string, string>>> {
  const verifiers: Record<string, string> = {};
  for (const mechanism of SCRAM) {
    const length = crypto().createHash(mechanism.hash).digest().length;
    const salted = await new Promise<Buffer>((resolve, reject) => {
      crypto().pbkdf2(password.normalize('NFKC'), salt, ITERATIONS_MIN, length, mechanism.hash, (error, key) =>
        error ? reject(error) : resolve(key),
      );
    });
    verifiers[mechanism.purpose] = scramVerifier(mechanism, ITERATIONS_MIN, salt, salted);
  }
  return verifiers;
}

/** How often the password was hashed; undefined when this is no verifier. */
export function iterationsOf(verifier: string | undefined): number | undefined {
  return verifier === undefined ? undefined : read(verifier)?.iterations;
}

/** What the first message of a client says. Undefined: it is none. */
export function readFirst(text: string): { readonly name: string; readonly nonce: string; readonly bare: string } | undefined {
  // No channel binding is offered: `n`, or `y` from a client that would have liked one; nobody may act for somebody else.
  const match = /^[ny],,(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/.exec(text);
  if (match === null) return undefined;
  const [, bare = '', name = '', nonce = ''] = match;
  return { name: name.replaceAll('=2C', ',').replaceAll('=3D', '='), nonce, bare };
}

/** A conversation after its first message. */
export class Scram {
  readonly #hash: 'sha256' | 'sha512';
  readonly #verifier: Verifier;
  /** There is nobody of that name: it ends as with a wrong password, and looks no different on the way. */
  readonly #isFeigned: boolean;
  readonly #bare: string;
  readonly #nonce: string;

  /** `feint` is drawn once per door: strangers get a salt as well, the same each time. */
  constructor(
    { hash }: ScramMechanism,
    verifier: string | undefined,
    first: { name: string; nonce: string; bare: string },
    ours: string,
    feint: Uint8Array,
  ) {
    const known = verifier === undefined ? undefined : read(verifier);
    const salt = hmac('sha256', feint, first.name).subarray(0, 16);
    this.#hash = hash;
    this.#verifier = known ?? {
      iterations: ITERATIONS_MIN,
      salt,
      stored: hmac(hash, feint, 'stored'),
      server: hmac(hash, feint, 'server'),
    };
    this.#isFeigned = known === undefined;
    this.#bare = first.bare;
    this.#nonce = first.nonce + ours;
  }

  /** The broker's first message. */
  get challenge(): string {
    const { salt, iterations } = this.#verifier;
    return `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
  }

  /** The broker's last message to a client that knows the password; undefined for one that does not. */
  prove(text: string): string | undefined {
    const match = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)),p=([A-Za-z0-9+/=]+)$/.exec(text);
    if (match === null) return undefined;
    const [, unproven = '', binding = '', nonce = '', proof = ''] = match;
    const header = Buffer.from(binding, 'base64').toString();
    if ((header !== 'n,,' && header !== 'y,,') || nonce !== this.#nonce) return undefined;
    const said = [this.#bare, this.challenge, unproven].join(',');
    const { stored, server } = this.#verifier;
    const mask = hmac(this.#hash, stored, said);
    const given = Buffer.from(proof, 'base64');
    if (given.length !== mask.length) return undefined;
    const key = Buffer.from(given.map((byte, i) => byte ^ (mask[i] ?? 0)));
    const isRight = crypto().timingSafeEqual(crypto().createHash(this.#hash).update(key).digest(), stored);
    return isRight && !this.#isFeigned ? `v=${hmac(this.#hash, server, said).toString('base64')}` : undefined;
  }
}

function read(verifier: string): Verifier | undefined {
  const [scheme, iterations, salt = '', stored = '', server = ''] = verifier.split(':');
  if (scheme !== 'scram' || !Number.isInteger(Number(iterations))) return undefined;
  const bytes = (text: string) => Buffer.from(text, 'base64');
  return { iterations: Number(iterations), salt: bytes(salt), stored: bytes(stored), server: bytes(server) };
}

function hmac(hash: string, key: Uint8Array, text: string): Buffer {
  return crypto().createHmac(hash, key).update(text).digest();
}
