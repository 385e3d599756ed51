/** Who may ask at all: hosts and origins against rebinding and foreign pages, tokens against strangers. Before any body is read. */

import type { IncomingMessage } from 'node:http';
import type { Engine, Principal } from '../../model/engine.ts';
import { quoted, WEBSOCKET_TOKEN_PREFIX } from '../../wire/http/http.ts';
import { isLoopback } from '../connection.ts';
import type { Door, Lasting } from './door.ts';
import { HttpFault } from './fault.ts';

export interface GuardOptions {
  /** Host names besides `localhost` by which this door may be called, in lower case; `*`: any. */
  readonly names: ReadonlySet<string>;
  /** Origins of web pages that may use this door, besides its own. */
  readonly origins: ReadonlySet<string>;
}

const TOKEN_LENGTH_MAX = 1024;
const CHALLENGE = { 'www-authenticate': 'Bearer realm="signalbox"' };

/**
 * On loopback, a page anywhere can make a browser call us by a name that it has pointed here (DNS rebinding): only names known to be ours
 * pass. Elsewhere users are configured, and a foreign page has no token.
 */
export function checkHost(request: IncomingMessage, options: GuardOptions): void {
  const given = request.headersDistinct.host ?? [];
  const [host] = given;
  if (given.length !== 1 || host === undefined || host === '')
    throw new HttpFault('bad-request', 'The request must have exactly one Host header.');
  if (!isLoopback(request.socket.localAddress ?? '')) return;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (isLoopback(name) || options.names.has(name) || options.names.has('*')) return;
  throw new HttpFault('forbidden-host', `This door is not called ${quoted(name)}; call it localhost, or configure that name.`);
}

/** A browser names the page that asks. Our own pages and configured ones pass; answers `Access-Control-Allow-Origin` for the latter. */
export function checkOrigin(request: IncomingMessage, options: GuardOptions): string | undefined {
  const { origin } = request.headers;
  if (origin === undefined) return undefined;
  if (options.origins.has(origin.toLowerCase())) return origin;
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  if (origin.toLowerCase() === `${scheme}://${request.headers.host?.toLowerCase()}`) return undefined;
  throw new HttpFault('forbidden-origin', `Pages of ${quoted(origin)} may not use this door; configure that origin to allow it.`);
}

/** Who asks, for as long as the connection lasts. */
export interface Access {
  /** The engine as they see it. */
  readonly engine: Engine;
  /** Nobody in particular while no users are configured. */
  readonly principal: Principal;
  /** False once the token is void, or users were configured meanwhile: streams ask now and then. */
  readonly holds: () => Promise<boolean>;
}

/** Throws `unauthorized`, or `too-many-attempts`. */
export async function authenticate(request: IncomingMessage, door: Door): Promise<Access> {
  const { engine } = door;
  if (!engine.guarded) {
    // The last user may have been removed while the door stood open to the network.
    if (isLoopback(request.socket.localAddress ?? '')) return { engine, principal: {}, holds: async () => !engine.guarded };
    throw new HttpFault('unauthorized', 'No users are configured, so only this machine itself is served.', CHALLENGE);
  }
  const address = request.socket.remoteAddress ?? '';
  const waitMs = door.attempts.waitMs(address);
  if (waitMs > 0) {
    const seconds = String(Math.ceil(waitMs / 1000));
    throw new HttpFault('too-many-attempts', `Too many failed logins from your address; wait ${seconds} s.`, { 'retry-after': seconds });
  }
  const token = tokenOf(request);
  if (token === undefined) throw new HttpFault('unauthorized', 'This door asks for a token: send Authorization: Bearer TOKEN.', CHALLENGE);
  const known = token.length <= TOKEN_LENGTH_MAX ? await engine.authenticate('token', '', token) : undefined;
  if (known === undefined) {
    door.attempts.failed(address);
    throw new HttpFault('unauthorized', 'This token is not known.', {
      'www-authenticate': `${CHALLENGE['www-authenticate']}, error="invalid_token"`,
    });
  }
  return { engine: engine.as(known), principal: known, holds: async () => (await engine.authenticate('token', '', token)) !== undefined };
}

/** For what lasts: who was let in once is not let in for ever. An engine that cannot say just now ends nothing. */
export async function endUnlessHolds(access: Access, lasting: Lasting): Promise<void> {
  const holds = await access.holds().catch(() => true);
  if (!holds) lasting.end('This token is no longer valid, or users were configured; come back with one that is.');
}

/** From the header, or for WebSockets in a browser from a second protocol name. */
function tokenOf(request: IncomingMessage): string | undefined {
  const bearer = /^bearer +([\w.~+/=-]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined || request.headers.upgrade === undefined) return bearer;
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const carried = protocols.find((name) => name.startsWith(WEBSOCKET_TOKEN_PREFIX))?.slice(WEBSOCKET_TOKEN_PREFIX.length);
  return carried === undefined ? undefined : Buffer.from(carried, 'base64url').toString('utf8');
}
