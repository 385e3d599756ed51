/**
 * Who comes: the steps of SASL on one connection. PLAIN sends the password in one step, so that whoever listens on the way can read it: it
 * is for loopback and TLS. SCRAM does not.
 */

import type { Engine, Principal } from '../../model/engine.ts';
import type { Attempts } from '../attempts.ts';
import type { Machine } from './machine.ts';
import { readFirst, SCRAM, Scram, type ScramMechanism } from './scram.ts';

const PLAIN = 'PLAIN';
export const MECHANISMS: readonly string[] = [PLAIN, ...SCRAM.map(({ name }) => name)];

const SECRET_BYTES_MAX = 4096;
const NONCE_BYTES = 18;
const decoder = new TextDecoder('utf-8', { fatal: true });

export type Step =
  | { readonly answer: Uint8Array }
  /** `isMisplaced`: it was not the time for it. */
  | { readonly refused: string; readonly isMisplaced: boolean };

/** What a login needs of the door. */
export interface Gatekeeper {
  /** Unrestricted. */
  readonly engine: Engine;
  readonly attempts: Attempts;
  readonly machine: Machine;
  readonly limits: { readonly reauthenticateMs: number };
  /** Drawn once: salts for users that there are not. */
  readonly feint: Uint8Array;
}

export class Login {
  /** Who it is; undefined = it has not said yet, and must. */
  principal: Principal | undefined;
  /** When it has to be said again, on the machine's clock. */
  expiresMs: number = Number.POSITIVE_INFINITY;
  /** As it is told to the client; 0: for as long as the connection lasts. */
  lifetimeMs = 0;
  #mechanism: string | undefined;
  #scram: { readonly conversation: Scram; readonly name: string } | undefined;

  constructor(principal: Principal | undefined) {
    this.principal = principal;
  }

  /** False: there is no such way here. */
  choose(mechanism: string): boolean {
    this.#scram = undefined;
    this.#mechanism = MECHANISMS.includes(mechanism) ? mechanism : undefined;
    return this.#mechanism !== undefined;
  }

  async step(bytes: Uint8Array, remote: string, gate: Gatekeeper): Promise<Step> {
    const mechanism = this.#mechanism;
    if (mechanism === undefined) return { refused: 'Say first how you will authenticate (SaslHandshake).', isMisplaced: true };
    const text = bytes.length <= SECRET_BYTES_MAX ? textOf(bytes) : undefined;
    const scram = SCRAM.find(({ name }) => name === mechanism);
    const step = await this.#answer(text, scram, remote, gate);
    // Whoever is through, or was wrong, begins with a handshake again.
    if (this.#scram === undefined) this.#mechanism = undefined;
    return step;
  }

  async #answer(text: string | undefined, scram: ScramMechanism | undefined, remote: string, gate: Gatekeeper): Promise<Step> {
    if (gate.attempts.waitMs(remote) > 0) {
      this.#scram = undefined;
      return refused('There were too many failed logins from your address; wait a minute.');
    }
    if (text === undefined) return refused('This is not what is sent to authenticate.');
    if (scram === undefined) return this.#plain(text, remote, gate);
    return this.#scram === undefined ? this.#begin(text, scram, gate) : this.#finish(text, this.#scram, remote, gate);
  }

  /** `authorization NUL name NUL password` [RFC 4616]. */
  async #plain(text: string, remote: string, gate: Gatekeeper): Promise<Step> {
    const { engine } = gate;
    const parts = text.split('\0');
    const [authorization, name = '', password = ''] = parts;
    if (parts.length !== 3 || name === '') return refused('This is not what PLAIN sends.');
    if (authorization !== '' && authorization !== name) return refused('Nobody may act for somebody else.');
    // While there are no users anybody may do everything, under whatever name.
    const principal = engine.guarded ? await engine.authenticate('password', name, password) : {};
    return principal === undefined ? this.#wrong(remote, gate) : this.#known(principal, '', remote, gate);
  }

  async #begin(text: string, mechanism: ScramMechanism, { engine, machine, feint }: Gatekeeper): Promise<Step> {
    const first = readFirst(text);
    if (first === undefined) return refused(`This is not how ${mechanism.name} begins.`);
    const verifier = await engine.verifier(mechanism.purpose, first.name);
    const nonce = Buffer.from(machine.random.bytes(NONCE_BYTES)).toString('base64url');
    const conversation = new Scram(mechanism, verifier, first, nonce, feint);
    this.#scram = { conversation, name: first.name };
    return { answer: Buffer.from(conversation.challenge) };
  }

  async #finish(
    text: string,
    { conversation, name }: { conversation: Scram; name: string },
    remote: string,
    gate: Gatekeeper,
  ): Promise<Step> {
    this.#scram = undefined;
    const proof = conversation.prove(text);
    const user = proof === undefined ? undefined : await gate.engine.describe('user', name);
    if (proof === undefined || user?.kind !== 'user') return this.#wrong(remote, gate);
    const { tenant } = user.spec;
    return this.#known({ user: name, ...(tenant !== undefined && { tenant }) }, proof, remote, gate);
  }

  /** Who has said who it is may say it again, and stays who it is. */
  #known(principal: Principal, answer: string, remote: string, gate: Gatekeeper): Step {
    if (this.principal?.user !== undefined && principal.user !== this.principal.user) return this.#wrong(remote, gate);
    this.principal = principal;
    const { reauthenticateMs } = gate.limits;
    this.lifetimeMs = reauthenticateMs;
    this.expiresMs = reauthenticateMs === 0 ? Number.POSITIVE_INFINITY : gate.machine.clock.monotonicMs() + reauthenticateMs;
    return { answer: Buffer.from(answer) };
  }

  #wrong(remote: string, { attempts }: Gatekeeper): Step {
    attempts.failed(remote);
    return refused('User name or password is wrong.');
  }
}

function refused(why: string): Step {
  return { refused: why, isMisplaced: false };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
