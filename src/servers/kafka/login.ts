/**
 * Who comes: the steps of SASL on one connection. PLAIN sends the password in one step; whoever listens on the way can read it, so that it
 * is for loopback and TLS.
 */

import type { Engine, Principal } from '../../model/engine.ts';
import type { Attempts } from '../attempts.ts';

export const MECHANISMS: readonly string[] = ['PLAIN'];

const SECRET_BYTES_MAX = 4096;
const decoder = new TextDecoder('utf-8', { fatal: true });

export type Step =
  | { readonly answer: Uint8Array }
  /** `isMisplaced`: it was not the time for it. */
  | { readonly refused: string; readonly isMisplaced: boolean };

/** What a login needs of the door. */
export interface Gatekeeper {
  readonly engine: Engine;
  readonly attempts: Attempts;
}

export class Login {
  /** Who it is; undefined = it has not said yet, and must. */
  principal: Principal | undefined;
  #mechanism: string | undefined;

  constructor(principal: Principal | undefined) {
    this.principal = principal;
  }

  /** False: there is no such way here. */
  choose(mechanism: string): boolean {
    if (!MECHANISMS.includes(mechanism)) return false;
    this.#mechanism = mechanism;
    return true;
  }

  async step(bytes: Uint8Array, remote: string, gate: Gatekeeper): Promise<Step> {
    if (this.#mechanism === undefined) return { refused: 'Say first how you will authenticate (SaslHandshake).', isMisplaced: true };
    this.#mechanism = undefined;
    return this.#plain(bytes, remote, gate);
  }

  /** `authorization NUL name NUL password` [RFC 4616]. */
  async #plain(bytes: Uint8Array, remote: string, { engine, attempts }: Gatekeeper): Promise<Step> {
    if (attempts.waitMs(remote) > 0) return refused('There were too many failed logins from your address; wait a minute.');
    const parts = bytes.length <= SECRET_BYTES_MAX ? textOf(bytes)?.split('\0') : undefined;
    const [authorization, name = '', password = ''] = parts ?? [];
    if (parts?.length !== 3 || name === '') return refused('This is not what PLAIN sends.');
    if (authorization !== '' && authorization !== name) return refused('Nobody may act for somebody else.');
    // While there are no users anybody may do everything, under whatever name.
    const principal = engine.guarded ? await engine.authenticate('password', name, password) : {};
    if (principal === undefined || (this.principal?.user !== undefined && principal.user !== this.principal.user)) {
      attempts.failed(remote);
      return refused('User name or password is wrong.');
    }
    this.principal = principal;
    return { answer: new Uint8Array(0) };
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
