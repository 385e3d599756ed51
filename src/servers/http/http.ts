/** The HTTP door: an engine for programs that speak HTTP, server-sent events, WebSocket and CloudEvents. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Engine } from '../../model/engine.ts';
import type { Language } from '../../model/record.ts';
import type { Server } from '../../model/server.ts';
import { type DoorCode, type Problem, STATUS_OF_DOOR } from '../../wire/http/http.ts';
import type { Annexes } from '../annexes.ts';
import { Attempts } from '../attempts.ts';
import { checkExposure, createHttpServer, Sockets, type Tls } from '../connection.ts';
import { dispatch } from './dispatch.ts';
import { Door, type Machine } from './door.ts';
import type { GuardOptions } from './guard.ts';
import { HTTP_LIMITS, type HttpLimits } from './limits.ts';
import { rawAnswer, sendProblem } from './reply.ts';
import { Router } from './router.ts';
import { ROUTES } from './routes.ts';
import { WebSockets } from './websocket.ts';

export interface HttpOptions {
  /** Clock, chance and log of this machine. */
  readonly machine: Machine;
  /** Default 127.0.0.1. Another address than loopback is refused while no users are configured. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls?: Tls;
  /** Host names besides `localhost` by which the door may be called on loopback; `*`: any. */
  readonly names?: readonly string[];
  /** Origins of web pages that may use the door, besides its own. Default none. */
  readonly origins?: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  /** Languages of other doors, so that what came in by them can be read here. */
  readonly languages?: readonly Language[];
  /** Paths that other doors furnish. */
  readonly annexes?: Annexes;
}

const MINUTE_MS = 60_000;

/** Opens the door. Rejects with `Refused`: `exclusive` when the port is taken, `forbidden` when it may not be opened. */
export async function startHttp(engine: Engine, options: HttpOptions): Promise<Server> {
  const { machine, host = '127.0.0.1', port, tls, languages = [], annexes } = options;
  const limits: HttpLimits = { ...HTTP_LIMITS, ...options.limits };
  const guard: GuardOptions = {
    names: new Set((options.names ?? []).map((name) => name.toLowerCase())),
    origins: new Set((options.origins ?? []).map((origin) => origin.toLowerCase())),
  };
  checkExposure(host, engine.guarded, 'http');
  const attempts = new Attempts(machine.clock, limits.attemptsMax, MINUTE_MS);
  const door = new Door(engine, machine, limits, new Map(languages.map((language) => [language.number, language])), attempts, annexes);
  const server = createHttpServer(limits, tls);
  const sockets = new Sockets(server, machine, limits, tls !== undefined);
  const webSockets = new WebSockets(door, guard);
  const router = new Router(ROUTES);
  const latest = new WeakMap<Socket, ServerResponse>();
  const answering = (socket: Socket): boolean => latest.get(socket)?.writableFinished === false;
  const arrive = (request: IncomingMessage, reply: ServerResponse, expects: boolean): void => {
    latest.set(request.socket, reply);
    dispatch(door, guard, router, { request, reply, expects }).catch((error: unknown) => {
      // What goes wrong while answering cannot be answered.
      door.tell(error, { method: request.method, url: request.url });
      reply.destroy();
    });
  };
  server.on('request', (request, reply) => arrive(request, reply, false));
  server.on('checkContinue', (request, reply) => arrive(request, reply, true));
  const upgraded = new WeakSet<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket);
    void webSockets.upgrade(request, socket as Duplex & Socket, head);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const reply = latest.get(socket as Socket);
    if (!socket.writable) socket.destroy();
    else if (reply === undefined || reply.writableFinished) socket.end(rawAnswer(unparsed(error)));
    else if (reply.headersSent || reply.socket !== socket)
      (socket as Socket).destroySoon(); // what was said before it still leaves
    else sendProblem(reply, unparsed(error)); // its body broke off: nobody will answer it but us
  });
  server.timeout = limits.stallMs;
  server.on('timeout', (socket) => {
    // Also called for connections that rest between requests, and for those that wait for an answer: only the latter are spared.
    if (socket.writableLength > 0 || !answering(socket)) socket.destroy();
  });
  const bound = await sockets.listen({ host, port });
  machine.logger.info('http.open', { host, port: bound, tls: tls !== undefined });
  return {
    name: 'http',
    port: bound,
    close: async () => {
      if (!door.isClosing) {
        door.closing.abort();
        for (const lasting of [...door.lasting]) lasting.end('The door is closing.');
      }
      await sockets.close(limits.closeMs, (socket) => answering(socket) || upgraded.has(socket));
    },
  };
}

/** What was wrong with bytes that did not become a request. */
function unparsed(error: NodeJS.ErrnoException): Problem {
  const [code, detail]: [DoorCode, string] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['headers-too-large', 'The headers are larger than this door reads.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['request-timeout', 'The headers did not come in time.']
        : ['bad-request', `This is not HTTP as it is spoken here (${error.code ?? 'unknown fault'}).`];
  return { status: STATUS_OF_DOOR[code], code, detail };
}
