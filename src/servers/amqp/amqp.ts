/** The AMQP 0-9-1 door: an engine for programs written for RabbitMQ. */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Engine } from '../../model/engine.ts';
import type { Language } from '../../model/record.ts';
import type { Server } from '../../model/server.ts';
import { AMQP_LANGUAGE } from '../../wire/amqp/amqp.ts';
import type { Annexes } from '../annexes.ts';
import { Attempts } from '../attempts.ts';
import { checkExposure, createTcpServer, cutWhenStalled, isLoopback, Outlet, Sockets, type Tls } from '../connection.ts';
import { Door, type Machine, type Peer } from './door.ts';
import { AMQP_LIMITS, type AmqpLimits } from './limits.ts';
import { Session, type Wire } from './session.ts';

export interface AmqpOptions {
  /** Clock, chance and log of this machine. */
  readonly machine: Machine;
  /** Default 127.0.0.1. Another address than loopback is refused while no users are configured. */
  readonly host?: string;
  /** 0: any free one; absent: only `secure`. */
  readonly port?: number;
  /** With `ca`, clients may log in by their certificate (EXTERNAL). */
  readonly tls?: Tls;
  /** Besides, or instead of `port`: a listener with TLS at the same host, of the same door. */
  readonly secure?: { readonly port: number; readonly tls: Tls };
  readonly limits?: Partial<AmqpLimits>;
  /** Languages of other doors, so that what came in by them can be read here. */
  readonly languages?: readonly Language[];
  /** Where it furnishes its part of the HTTP door. */
  readonly annexes?: Annexes;
}

const MINUTE_MS = 60_000;

/** Opens the door. Rejects with `Refused`: `exclusive` when a port is taken, `forbidden` when it may not be opened. */
export async function startAmqp(engine: Engine, options: AmqpOptions): Promise<Server> {
  const { machine, host = '127.0.0.1', port, tls, secure, languages = [] } = options;
  const limits: AmqpLimits = { ...AMQP_LIMITS, ...options.limits };
  checkExposure(host, engine.guarded, 'amqp');
  const all = new Map([AMQP_LANGUAGE, ...languages].map((language) => [language.number, language]));
  const door = new Door(engine, machine, limits, all, new Attempts(machine.clock, limits.attemptsMax, MINUTE_MS));
  const open: Listening[] = [];
  const close = async (): Promise<void> => {
    door.isClosing = true;
    const closing = open.map(({ sockets }) => sockets.close(limits.closeMs, () => true));
    for (const visitor of [...door.visitors]) visitor.dismiss(320, 'the broker is closing this door');
    await Promise.all(closing);
    await Promise.all(open.flatMap(({ endings }) => [...endings]));
  };
  try {
    if (port !== undefined) open.push(await listen(door, 'amqp', host, port, tls));
    if (secure !== undefined) open.push(await listen(door, 'amqps', host, secure.port, secure.tls));
  } catch (error) {
    await close();
    throw error;
  }
  const leave = options.annexes?.add({ roots: ['/api'], load: async () => (await import('./management/management.ts')).management(door) });
  return {
    name: 'amqp',
    port: open[0]?.port ?? 0,
    ports: Object.fromEntries(open.map((one) => [one.name, one.port])),
    close: async () => {
      leave?.();
      await close();
    },
  };
}

interface Listening {
  readonly name: 'amqp' | 'amqps';
  readonly port: number;
  readonly sockets: Sockets;
  /** Connections that are over and still let go of what they held. */
  readonly endings: ReadonlySet<Promise<void>>;
}

async function listen(door: Door, name: 'amqp' | 'amqps', host: string, port: number, tls: Tls | undefined): Promise<Listening> {
  const { machine, limits } = door;
  const server = createTcpServer(tls);
  const sockets = new Sockets(server, machine, limits, tls !== undefined);
  const endings = new Set<Promise<void>>();
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    const session = new Session(door, wireOf(socket, door), peerOf(socket));
    socket.on('data', (chunk: Buffer) => session.receive(chunk));
    socket.once('close', () => {
      const ending = session.closed().finally(() => endings.delete(ending));
      endings.add(ending);
    });
    cutWhenStalled(socket, limits.stallMs, () => machine.logger.warn('amqp.stalled', { address: socket.remoteAddress }));
  });
  const bound = await sockets.listen({ host, port });
  door.listeners.push({ protocol: tls === undefined ? 'amqp' : 'amqp/ssl', host, port: bound });
  machine.logger.info('amqp.open', { host, port: bound, tls: tls !== undefined });
  return { name, port: bound, sockets, endings };
}

function wireOf(socket: Socket, door: Door): Wire {
  const outlet = new Outlet(socket, door.limits.outgoingBytesMax);
  return {
    send: (chunks) => {
      if (socket.destroyed) return;
      socket.cork();
      for (const { chunk, length } of chunks)
        socket.write(length === chunk.length ? chunk : chunk.subarray(0, length), () => door.chunks.give(chunk));
      socket.uncork();
    },
    get full() {
      return outlet.full;
    },
    whenRoom: (fn) => outlet.whenRoom(fn),
    hold: () => void socket.pause(),
    release: () => void socket.resume(),
    end: () => {
      socket.end();
      // What the client still says falls on deaf ears, and does not keep the socket open.
      socket.resume();
    },
  };
}

function peerOf(socket: Socket): Peer {
  const { remoteAddress: address = '', remotePort: port = 0, localAddress = '', localPort = 0 } = socket;
  return {
    address,
    port,
    local: { address: localAddress, port: localPort },
    isLoopback: isLoopback(address),
    certificateName: certificateNameOf(socket),
    ...('getCipher' in socket && { tls: tlsOf(socket as TLSSocket) }),
  };
}

function tlsOf(socket: TLSSocket): { protocol: string; cipher: string } {
  return { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name };
}

/** The common name of a certificate that was signed as asked. */
function certificateNameOf(socket: Socket): string | undefined {
  if (!('getPeerCertificate' in socket) || !('authorized' in socket) || socket.authorized !== true) return undefined;
  const { subject } = (socket.getPeerCertificate as () => { subject?: { CN?: string | string[] } })();
  return typeof subject?.CN === 'string' ? subject.CN : undefined;
}
