/** The one place that owns sockets: it listens, counts, bounds and ends connections, for every door. */

import type { Server as HttpServer, ServerOptions } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import type { Clock } from '../host/clock.ts';
import type { Host } from '../host/host.ts';
import { Refused } from '../model/refusal.ts';

/** Certificate and key in PEM. */
export interface Tls {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** Who signs certificates of clients; given, a door that can know clients by their certificate asks for one. PEM. */
  readonly ca?: string | Uint8Array;
}

export interface Endpoint {
  /** An address or name of this machine. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** What every door holds its connections to. */
export interface SocketLimits {
  /** Further connections are closed at once. */
  readonly connectionsMax: number;
  /** Bytes waiting to be sent to one client; from there on nothing more is made for it until it has read. */
  readonly outgoingBytesMax: number;
  /** A client that takes none of the bytes waiting for it this long is cut off. */
  readonly stallMs: number;
  /** How long `close` lets what is under way finish. */
  readonly closeMs: number;
}

export const SOCKET_LIMITS: SocketLimits = {
  connectionsMax: 10_000,
  outgoingBytesMax: 256 * 1024,
  stallMs: 30_000,
  closeMs: 5_000,
};

/** Before a request is read. Times in milliseconds. */
export interface HttpLimits {
  readonly headerBytesMax: number;
  /** From the connection's (or the next request's) first moment to the last byte of its headers. */
  readonly headerMs: number;
  /** How long a connection may rest between requests. */
  readonly idleMs: number;
}

const TLS_HANDSHAKE_MS = 10_000;
/** That connections are turned away is told this often. */
const FULL_MS = 60_000;

/** A server that parses HTTP strictly: a request with two lengths, or anything else a proxy might read otherwise, is refused. */
export function createHttpServer(limits: HttpLimits, tls?: Tls): HttpServer {
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerMs,
    requestTimeout: 0, // bodies have a lowest rate instead: a stream of lines may take all day
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.max(50, Math.min(1000, limits.headerMs / 4)),
    insecureHTTPParser: false,
    requireHostHeader: false, // each door asks for it itself, and says so in its own words
    noDelay: true,
    // curl and others offer HTTP/2 this way; taking no notice of it is the answer HTTP has for that. Before Node 24.9 they are refused.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
  };
  // Not imported: a module that imports node:http has all its exports looked at, and some load a whole HTTP client; TLS is not always wanted.
  const server =
    tls === undefined
      ? process.getBuiltinModule('node:http').createServer(options)
      : process.getBuiltinModule('node:https').createServer({
          ...options,
          cert: bufferOf(tls.cert),
          key: bufferOf(tls.key),
          minVersion: 'TLSv1.2',
          handshakeTimeout: TLS_HANDSHAKE_MS,
        });
  server.maxHeadersCount = 0; // Node drops what is above its count in silence; the door counts, and refuses
  return server;
}

/** A server for doors whose protocol stands on bare TCP or TLS; with `ca`, clients may show a certificate; one it did not sign counts for nothing (`authorized`). */
export function createTcpServer(tls?: Tls): NetServer {
  // Not imported at the top for the same reason as above: not every door wants them.
  if (tls === undefined) return process.getBuiltinModule('node:net').createServer({ noDelay: true });
  return process.getBuiltinModule('node:tls').createServer({
    noDelay: true,
    cert: bufferOf(tls.cert),
    key: bufferOf(tls.key),
    minVersion: 'TLSv1.2',
    handshakeTimeout: TLS_HANDSHAKE_MS,
    ...(tls.ca !== undefined && { ca: bufferOf(tls.ca), requestCert: true, rejectUnauthorized: false }),
  });
}

function bufferOf(pem: string | Uint8Array): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem);
}

/** The sockets of one door. */
export class Sockets {
  readonly #server: NetServer;
  readonly #clock: Clock;
  readonly #open = new Set<Socket>();
  /** Those that speak the protocol: the open ones, or with TLS what came of their handshakes. */
  readonly #speaking = new Set<Socket>();
  #dropped = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #closed: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  constructor(server: NetServer, { clock, logger }: Pick<Host, 'clock' | 'logger'>, { connectionsMax }: SocketLimits, encrypted: boolean) {
    this.#server = server;
    this.#clock = clock;
    server.maxConnections = connectionsMax;
    server.on('drop', (from) => {
      this.#dropped += 1;
      const nowMs = clock.monotonicMs();
      // A crowd at the door must not fill the log.
      if (nowMs - this.#toldMs < FULL_MS) return;
      this.#toldMs = nowMs;
      logger.warn('connections.full', { connectionsMax, dropped: this.#dropped, port: from?.localPort, remote: from?.remoteAddress });
    });
    server.on('connection', (socket) => this.#take(socket));
    server.on(encrypted ? 'secureConnection' : 'connection', (socket) => this.#speak(socket));
  }

  get count(): number {
    return this.#open.size;
  }

  /** Connections turned away for want of room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Resolves with the port. Rejects with `Refused`: `exclusive` when it is taken, `forbidden` when it may not be opened. */
  listen(endpoint: Endpoint): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(listenRefusal(endpoint, error));
      this.#server.once('error', failed);
      this.#server.listen({ host: endpoint.host, port: endpoint.port, exclusive: true }, () => {
        this.#server.off('error', failed);
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : endpoint.port);
      });
    });
  }

  /** Takes no more, ends those that are not busy, and waits for the others; those still open after `limitMs` are cut off. Safe to call twice. */
  close(limitMs: number, isBusy: (socket: Socket) => boolean): Promise<void> {
    this.#closed ??= this.#closeOnce(limitMs, isBusy);
    return this.#closed;
  }

  async #closeOnce(limitMs: number, isBusy: (socket: Socket) => boolean): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#speaking) if (!isBusy(socket)) socket.destroy();
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(limitMs, resolve);
        this.#emptied = () => {
          cancel();
          resolve();
        };
      });
    }
    for (const socket of this.#open) socket.destroy();
    await stopped;
  }

  #speak(socket: Socket): void {
    this.#speaking.add(socket);
    socket.once('close', () => this.#speaking.delete(socket));
  }

  #take(socket: Socket): void {
    this.#open.add(socket);
    socket.on('error', () => socket.destroy()); // a client that went away; `close` tells whoever cares
    socket.once('close', () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#emptied?.();
    });
  }
}

function listenRefusal({ host, port }: Endpoint, error: NodeJS.ErrnoException): Refused {
  const where = `${host} port ${port}`;
  if (error.code === 'EADDRINUSE') {
    return new Refused('exclusive', `Cannot listen on ${where}: another program has it. Give another port, or 0 for any free one.`, {
      cause: error,
    });
  }
  if (error.code === 'EACCES') {
    return new Refused('forbidden', `Cannot listen on ${where}: this user may not. Give a port above 1023.`, { cause: error });
  }
  return new Refused('invalid', `Cannot listen on ${where}: ${error.message}. Give an address of this machine.`, { cause: error });
}

/** Cuts a client off that has bytes waiting for it and takes none for `stallMs`. Idle is fine. */
export function cutWhenStalled(socket: Socket, stallMs: number, cut: () => void): void {
  // Node's socket timeout starts anew whenever bytes move either way, also in the middle of one large write.
  socket.setTimeout(stallMs);
  socket.on('timeout', () => {
    if (socket.writableLength === 0) return;
    cut();
    socket.destroy();
  });
}

/** What may be written to; `writableLength` is what it has not yet given to the system. */
interface Outgoing {
  readonly writableLength: number;
  /** A write was answered `false`, so `drain` will come. */
  readonly writableNeedDrain: boolean;
  readonly destroyed: boolean;
  once(event: 'drain' | 'close', fn: () => void): unknown;
  off(event: 'drain' | 'close', fn: () => void): unknown;
}

/** Tells producers of bytes when a client has enough waiting for it. */
export class Outlet {
  readonly #to: Outgoing;
  readonly #bytesMax: number;

  constructor(to: Outgoing, bytesMax: number) {
    this.#to = to;
    this.#bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.#to.writableNeedDrain && this.#to.writableLength >= this.#bytesMax && !this.#to.destroyed;
  }

  /** Calls `fn` once, when the client has taken what waits, or is gone. Call it only while `full`. */
  whenRoom(fn: () => void): void {
    const once = (): void => {
      this.#to.off('drain', once);
      this.#to.off('close', once);
      fn();
    };
    this.#to.once('drain', once);
    this.#to.once('close', once);
  }

  room(): Promise<void> {
    return this.full ? new Promise((resolve) => this.whenRoom(resolve)) : Promise.resolve();
  }
}

/** 127.0.0.0/8, ::1 and their spellings; `localhost` counts, other names do not. */
export function isLoopback(host: string): boolean {
  const plain = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:/, '');
  return plain === 'localhost' || plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** Refuses (`forbidden`) to open a door to the network while nobody is asked who they are. */
export function checkExposure(host: string, guarded: boolean, door: string): void {
  if (guarded || isLoopback(host)) return;
  throw new Refused(
    'forbidden',
    `The ${door} door will not listen on ${host} while no users are configured: anybody there could use it. Add a user first (signalbox user add), or listen on 127.0.0.1.`,
  );
}
