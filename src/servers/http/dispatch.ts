/** The way of a request: measured, guarded, routed, its parameters read, handled, answered. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { quoted } from '../../wire/http/http.ts';
import type { AnnexCall } from '../annexes.ts';
import { isLoopback } from '../connection.ts';
import type { Answer } from './answer.ts';
import { Body } from './body.ts';
import { Call, goneSignal } from './call.ts';
import type { Door } from './door.ts';
import { answerOf, HttpFault } from './fault.ts';
import { authenticate, checkHost, checkOrigin, type GuardOptions } from './guard.ts';
import { readParams } from './params.ts';
import { sendAnswer } from './reply.ts';
import type { Router } from './router.ts';

export interface Arrival {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  /** The sender waits for `100 Continue` before it sends the body. */
  readonly expects: boolean;
}

export async function dispatch(door: Door, guard: GuardOptions, router: Router, { request, reply, expects }: Arrival): Promise<void> {
  door.figures.requests += 1;
  const body = new Body(request, reply, door, expects);
  let cors: Readonly<Record<string, string>> = {};
  try {
    checkShape(door, request);
    checkHost(request, guard);
    const origin = checkOrigin(request, guard);
    if (origin !== undefined) cors = corsHeaders(origin);
    const answer =
      origin !== undefined && request.method === 'OPTIONS' ? preflight() : await handle(door, router, request, reply, body, cors);
    if (answer !== undefined) sendAnswer(door, request, reply, body, { ...answer, headers: { ...cors, ...answer.headers } });
  } catch (error) {
    door.tell(error, { method: request.method, url: request.url });
    const answer = answerOf(error);
    sendAnswer(door, request, reply, body, { ...answer, headers: { ...cors, ...answer.headers } });
  } finally {
    body.release();
  }
}

async function handle(
  door: Door,
  router: Router,
  request: IncomingMessage,
  reply: ServerResponse,
  body: Body,
  cors: Readonly<Record<string, string>>,
): Promise<Answer | undefined> {
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  const pathname = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const found = router.find(request.method ?? '', pathname);
  if (found === undefined || 'allowed' in found) {
    const annex = found === undefined ? door.annexes.find(pathname) : undefined;
    if (annex === undefined) throw notFound(request.method ?? '', pathname, found?.allowed);
    return (await annex)(annexCall(door, request, reply, body, pathname, query));
  }
  const { route, path } = found;
  const access = route.open === true ? { engine: door.engine, principal: {}, holds: async () => true } : await authenticate(request, door);
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  for (const [name, value] of Object.entries(cors)) reply.setHeader(name, value); // also for streams, which write their own head
  return route.handle(new Call(door, access, request, reply, body, path, readParams(route.params, query, header)));
}

/** A request as an annex sees it. */
function annexCall(
  door: Door,
  request: IncomingMessage,
  reply: ServerResponse,
  body: Body,
  path: string,
  query: URLSearchParams,
): AnnexCall {
  return {
    method: request.method ?? '',
    path,
    query,
    headers: request.headers,
    address: request.socket.remoteAddress ?? '',
    isLoopback: isLoopback(request.socket.remoteAddress ?? ''),
    body: (bytesMax) => body.whole(bytesMax),
    get signal() {
      return goneSignal(door, reply);
    },
  };
}

function notFound(method: string, pathname: string, allowed: readonly string[] | undefined): HttpFault {
  if (allowed === undefined)
    return new HttpFault('no-such-route', `There is nothing at ${quoted(pathname)}; /openapi.json lists what there is.`);
  const allow = allowed.join(', ');
  return new HttpFault('method-not-allowed', `${quoted(method)} does not work on ${quoted(pathname)}; ${allow} does.`, { allow });
}

/** Also used for upgrades. Node's parser would go on without knowing where such a body ends. */
export function checkShape(door: Door, request: IncomingMessage): void {
  const { urlBytesMax, headersMax } = door.limits;
  if ((request.url ?? '').length > urlBytesMax) throw new HttpFault('url-too-long', `The URL is longer than ${urlBytesMax} bytes.`);
  if (request.rawHeaders.length / 2 > headersMax) {
    throw new HttpFault('headers-too-large', `The request has more than ${headersMax} headers.`);
  }
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new HttpFault(
      'bad-request',
      `The transfer encoding ${quoted(coding)} is not spoken here; send the body with its length, or in chunks.`,
    );
  }
}

function corsHeaders(origin: string): Readonly<Record<string, string>> {
  return { 'access-control-allow-origin': origin, vary: 'origin' };
}

function preflight(): Answer {
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-allow-headers':
        'authorization, content-type, last-event-id, ce-id, ce-source, ce-specversion, ce-subject, ce-time, ce-type',
      'access-control-max-age': '600',
    },
  };
}
