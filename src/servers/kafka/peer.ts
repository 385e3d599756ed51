/** The client of one connection, as handlers see it: where it came by, who it is, and what it keeps between requests. */

import type { Principal } from '../../model/engine.ts';
import type { FetchSessions } from './fetch-sessions.ts';
import type { Login } from './login.ts';

export class Peer {
  /** Where it finds us again: the address of this machine that it came by, or what is told instead. */
  readonly host: string;
  readonly port: number;
  /** Where it comes from. */
  readonly remote: string;
  readonly fetches: FetchSessions;
  readonly login: Login;

  constructor(host: string, port: number, remote: string, fetches: FetchSessions, login: Login) {
    this.host = host;
    this.port = port;
    this.remote = remote;
    this.fetches = fetches;
    this.login = login;
  }

  /** Who it is, as far as it has said. */
  get principal(): Principal | undefined {
    return this.login.principal;
  }
}
