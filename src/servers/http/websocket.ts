/** WebSockets: upgraded only for whom the guard lets in, one write for each turn, pinged, bounded, and closed with a reason. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { WEBSOCKET_PROTOCOL } from '../../wire/http/http.ts';
import { cutWhenStalled, Outlet } from '../connection.ts';
import { checkShape } from './dispatch.ts';
import type { Door, Lasting } from './door.ts';
import { HttpFault, problemOf } from './fault.ts';
import { type Access, authenticate, checkHost, checkOrigin, endUnlessHolds, type GuardOptions } from './guard.ts';
import { rawAnswer } from './reply.ts';
import { Session, type Wire } from './session.ts';

export const WEBSOCKET_PATH = '/v1/ws';

const GOING_AWAY = 1001;
const UNSUPPORTED_DATA = 1003;
const INTERNAL_ERROR = 1011;
const CLOSE_MS = 2000;
/** A message may come in this many pieces, and a client may leave as many small ones unread by us. */
const PIECES_MAX = 1024;

/** The sockets that an upgrade hands over are net or TLS sockets. */
type UpgradedSocket = Duplex & import('node:net').Socket;

export class WebSockets {
  readonly #door: Door;
  readonly #guard: GuardOptions;
  #server: Promise<WebSocketServer> | undefined;

  constructor(door: Door, guard: GuardOptions) {
    this.#door = door;
    this.#guard = guard;
  }

  async upgrade(request: IncomingMessage, socket: UpgradedSocket, head: Buffer): Promise<void> {
    const door = this.#door;
    try {
      checkShape(door, request);
      checkHost(request, this.#guard);
      checkOrigin(request, this.#guard);
      const path = (request.url ?? '').split('?')[0];
      if (request.headers.upgrade?.toLowerCase() !== 'websocket' || path !== WEBSOCKET_PATH) {
        throw new HttpFault('no-such-route', `Only ${WEBSOCKET_PATH} can be upgraded, and only to a WebSocket.`);
      }
      const access = await authenticate(request, door);
      if (door.isClosing) throw new HttpFault('overloaded', 'The door is closing.');
      this.#server ??= createServer(door.limits.frameBytesMax);
      const server = await this.#server;
      if (socket.destroyed) return;
      server.handleUpgrade(request, socket, head, (webSocket) => new Connection(door, access, webSocket, socket));
    } catch (error) {
      door.tell(error, { url: request.url });
      socket.end(rawAnswer(problemOf(error), error instanceof HttpFault ? error.headers : {}));
    }
  }
}

/** Loaded with the first WebSocket: most processes never see one, and all want to start fast. */
async function createServer(frameBytesMax: number): Promise<WebSocketServer> {
  const { WebSocketServer: Server } = await import('ws');
  return new Server({
    noServer: true,
    clientTracking: false,
    maxPayload: frameBytesMax,
    maxFragments: PIECES_MAX,
    maxBufferedChunks: 16 * PIECES_MAX,
    perMessageDeflate: false, // a small frame could unfold to any size
    handleProtocols: (offered) => (offered.has(WEBSOCKET_PROTOCOL) ? WEBSOCKET_PROTOCOL : false),
  });
}

class Connection implements Wire, Lasting {
  readonly #door: Door;
  readonly #webSocket: WebSocket;
  readonly #socket: UpgradedSocket;
  readonly #outlet: Outlet;
  readonly #session: Session;
  readonly #access: Access;
  #corked = false;
  #alive = true;
  #cancelBeat: () => void = () => undefined;

  constructor(door: Door, access: Access, webSocket: WebSocket, socket: UpgradedSocket) {
    this.#door = door;
    this.#access = access;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#outlet = new Outlet(socket, door.limits.outgoingBytesMax);
    this.#session = new Session(access, door, this);
    cutWhenStalled(socket, door.limits.stallMs, () => door.machine.logger.warn('http.websocket.stalled', { remote: socket.remoteAddress }));
    door.figures.webSockets += 1;
    door.lasting.add(this);
    webSocket.on('message', (data, isBinary) => this.#message(data as Buffer, isBinary));
    webSocket.on('pong', () => {
      this.#alive = true;
    });
    webSocket.on('error', () => webSocket.terminate()); // a frame that breaks the protocol; ws has sent the close code for it
    webSocket.once('close', () => this.#closed());
    this.#beat();
  }

  get full(): boolean {
    return this.#outlet.full;
  }

  whenRoom(fn: () => void): void {
    this.#outlet.whenRoom(fn);
  }

  hold(): void {
    this.#webSocket.pause();
  }

  release(): void {
    this.#alive = true; // its pongs were not read meanwhile
    this.#webSocket.resume();
  }

  /** All frames of one turn leave in one write. */
  send(text: string): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      this.#door.machine.clock.soon(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#webSocket.send(text);
  }

  end(reason: string): void {
    this.#session.notice('end', { reason });
    this.#webSocket.close(GOING_AWAY, reason.slice(0, 100));
    this.#door.machine.clock.after(CLOSE_MS, () => this.#webSocket.terminate());
  }

  #message(data: Buffer, isBinary: boolean): void {
    this.#alive = true;
    if (isBinary) {
      this.#webSocket.close(UNSUPPORTED_DATA, 'Frames are JSON text.');
      return;
    }
    try {
      this.#session.receive(data);
    } catch (error) {
      // Ours, not the client's: only this connection pays for it.
      this.#door.tell(error, { op: 'websocket' });
      this.#webSocket.close(INTERNAL_ERROR, 'Something went wrong inside the broker.');
    }
  }

  #closed(): void {
    this.#cancelBeat();
    this.#door.figures.webSockets -= 1;
    this.#door.lasting.delete(this);
    void this.#session.end();
  }

  #beat(): void {
    this.#cancelBeat = this.#door.machine.clock.after(this.#door.limits.heartbeatMs, () => {
      if (!this.#alive && !this.#webSocket.isPaused) {
        this.#webSocket.terminate();
        return;
      }
      this.#alive = false;
      this.#webSocket.ping();
      this.#beat();
      void endUnlessHolds(this.#access, this);
    });
  }
}
