/** Sends an answer: whole, with its length, and so that a client still sending its body gets to read it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeProblem, MEDIA, type Problem, titleOf } from '../../wire/http/http.ts';
import type { Answer } from './answer.ts';
import type { Body } from './body.ts';
import type { Door } from './door.ts';

/** What is read and thrown away of a body that was refused before it was read. */
const DISCARD_BYTES_MAX = 1024 * 1024;

/** On every answer: nothing we say is a page, a script, or anybody else's business. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'",
  'cross-origin-resource-policy': 'same-origin',
};

export function sendAnswer(door: Door, request: IncomingMessage, reply: ServerResponse, body: Body, answer: Answer): void {
  if (reply.headersSent || reply.destroyed) return;
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : (answer.body ?? undefined);
  const unread = !body.finished;
  const headers: Record<string, string | number> = { ...SAFE_HEADERS, ...answer.headers };
  if (bytes !== undefined) {
    headers['content-type'] = answer.type ?? MEDIA.json;
    headers['content-length'] = bytes.length;
  }
  if (unread || door.isClosing) headers.connection = 'close';
  const first = Math.min(5, Math.floor(answer.status / 100)) as 0 | 1 | 2 | 3 | 4 | 5;
  door.figures.answers[first] += 1;
  reply.writeHead(answer.status, headers);
  if (bytes !== undefined && request.method !== 'HEAD') reply.write(bytes);
  if (!unread || body.withheld) reply.end();
  else body.discard(DISCARD_BYTES_MAX, door.limits.lingerMs, () => reply.end());
}

/** A problem as the last thing said on a connection. */
export function sendProblem(reply: ServerResponse, problem: Problem): void {
  const body = encodeProblem(problem);
  reply.writeHead(problem.status, {
    ...SAFE_HEADERS,
    connection: 'close',
    'content-type': MEDIA.problem,
    'content-length': Buffer.byteLength(body),
  });
  reply.end(body);
}

/** A problem as the bytes of a whole response, for sockets that have no `ServerResponse`. */
export function rawAnswer(problem: Problem, headers: Readonly<Record<string, string>> = {}): string {
  const body = encodeProblem(problem);
  const all = { connection: 'close', 'content-type': MEDIA.problem, 'content-length': String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${titleOf(problem.status)}\r\n${lines.join('')}\r\n${body}`;
}
