/** The Kafka door: an engine for programs that speak Kafka's protocol. */

import type { Socket } from 'node:net';
import { EVERYBODY } from '../../model/access.ts';
import type { Engine, Principal } from '../../model/engine.ts';
import type { Language } from '../../model/record.ts';
import type { Server } from '../../model/server.ts';
import type { Annexes } from '../annexes.ts';
import { Attempts } from '../attempts.ts';
import { checkExposure, createTcpServer, cutWhenStalled, isLoopback, Outlet, Sockets, type Tls } from '../connection.ts';
import { Door } from './door.ts';
import { FetchSessions } from './fetch-sessions.ts';
import { HANDLERS } from './handlers.ts';
import { KAFKA_LIMITS, type KafkaLimits } from './limits.ts';
import { Login } from './login.ts';
import type { Machine } from './machine.ts';
import { Peer } from './peer.ts';
import { REGISTRY_ROOTS } from './registry-roots.ts';
import { type Line, Session } from './session.ts';

export { scramVerifiers } from './scram.ts';

/** Where clients come by. */
export interface KafkaListener {
  /** Default 127.0.0.1. Another address than loopback is refused while no users are configured. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  /** With `ca`, a certificate that it signed and that names a user is that user's login. */
  readonly tls?: Tls;
  /** What clients that came by here are told to connect to. Default: the address and port they came by. */
  readonly advertised?: { readonly host: string; readonly port?: number };
}

export interface KafkaOptions extends Partial<KafkaListener> {
  /** Clock, chance and log of this machine. */
  readonly machine: Machine;
  /** Besides, or instead of `port`: a listener with TLS at the same host. */
  readonly secure?: { readonly port: number; readonly tls: Tls };
  /** Further ones: one door, whichever way its clients come. */
  readonly listeners?: readonly KafkaListener[];
  /** Whether topics that are asked for and not there are made. Default true. */
  readonly autoCreate?: boolean;
  /** Partitions of topics that are made without a word about it. Default 1. */
  readonly partitions?: number;
  readonly limits?: Partial<KafkaLimits>;
  /** Languages of other doors, so that what came in by them can be read here. */
  readonly languages?: readonly Language[];
  /** Where it furnishes its part of the HTTP door. */
  readonly annexes?: Annexes;
}

const MINUTE_MS = 60_000;
/** Answers of together no more are copied into one: cheaper than a write for each. */
const JOINED_BYTES_MAX = 64 * 1024;

/** Opens the door. Rejects with `Refused`: `exclusive` when the port is taken, `forbidden` when it may not be opened. */
export async function startKafka(engine: Engine, options: KafkaOptions): Promise<Server> {
  const { machine, autoCreate = true, partitions = 1, languages = [] } = options;
  const limits: KafkaLimits = { ...KAFKA_LIMITS, ...options.limits };
  const listeners = listenersOf(options);
  for (const { host = LOCAL } of listeners) checkExposure(host, engine.guarded, 'kafka');
  const attempts = new Attempts(machine.clock, limits.attemptsMax, MINUTE_MS);
  const door = new Door(engine, machine, limits, { autoCreate, partitions }, languages, attempts, HANDLERS);
  const open: { readonly port: number; close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    await door.close();
    await Promise.all(open.map((listener) => listener.close()));
  };
  try {
    for (const listener of listeners) open.push(await listen(door, listener));
  } catch (error) {
    await close();
    throw error;
  }
  const remove = options.annexes?.add({
    roots: REGISTRY_ROOTS,
    load: async () => (await import('./registry/registry.ts')).registry(door),
  });
  return {
    name: 'kafka',
    port: open[0]?.port ?? 0,
    ports: Object.fromEntries(
      [...(options.port === undefined ? [] : ['kafka']), ...(options.secure === undefined ? [] : ['kafkas'])].map((name, i) => [
        name,
        open[i]?.port ?? 0,
      ]),
    ),
    close: async () => {
      remove?.();
      await close();
    },
  };
}

const LOCAL = '127.0.0.1';

function listenersOf({ host = LOCAL, port, tls, advertised, secure, listeners = [] }: KafkaOptions): readonly KafkaListener[] {
  return [
    ...(port === undefined ? [] : [{ host, port, ...(tls && { tls }), ...(advertised && { advertised }) }]),
    ...(secure === undefined ? [] : [{ host, ...secure, ...(advertised && { advertised: { host: advertised.host } }) }]),
    ...listeners,
  ];
}

async function listen(door: Door, listener: KafkaListener): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { host = LOCAL, port, tls } = listener;
  const { machine, limits } = door;
  const server = createTcpServer(tls);
  const sockets = new Sockets(server, machine, limits, tls !== undefined);
  const sessions = new Map<Socket, Session>();
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    serve(door, socket, listener, sessions).catch((error: unknown) => {
      door.tell(error, { remote: socket.remoteAddress ?? '' });
      socket.destroy();
    });
  });
  const bound = await sockets.listen({ host, port });
  machine.logger.info('kafka.open', { host, port: bound, tls: tls !== undefined });
  return { port: bound, close: () => sockets.close(limits.closeMs, (socket) => sessions.get(socket)?.isBusy === true) };
}

/** From a connection's first moment to its last. */
async function serve(door: Door, socket: Socket, { advertised }: KafkaListener, sessions: Map<Socket, Session>): Promise<void> {
  const { engine, limits, machine } = door;
  const host = plain(socket.localAddress ?? '');
  if (!engine.guarded && !isLoopback(host)) {
    // The last user may have been removed while the door stood open to the network.
    socket.destroy();
    return;
  }
  const remote = plain(socket.remoteAddress ?? '');
  const known = engine.guarded ? await byCertificate(engine, socket) : {};
  if (socket.destroyed) return;
  const told = { host: advertised?.host ?? host, port: advertised?.port ?? socket.localPort ?? 0 };
  const peer = new Peer(told.host, told.port, remote, new FetchSessions(), new Login(known));
  const session = new Session(door, peer, lineTo(door, socket, remote));
  sessions.set(socket, session);
  cutWhenStalled(socket, limits.stallMs, () => machine.logger.warn('kafka.stalled', { remote }));
  const tooLate =
    known === undefined
      ? machine.clock.after(limits.authenticationMs, () => peer.login.principal === undefined && socket.destroy())
      : undefined;
  socket.on('data', (chunk: Buffer) => session.receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  socket.once('close', () => {
    tooLate?.();
    sessions.delete(socket);
    session.end();
  });
}

/** The user whom a certificate names that was signed as asked. */
async function byCertificate(engine: Engine, socket: Socket): Promise<Principal | undefined> {
  if (!('getPeerCertificate' in socket) || !('authorized' in socket) || socket.authorized !== true) return undefined;
  const { subject } = (socket.getPeerCertificate as () => { subject?: { CN?: string | string[] } })();
  const name = subject?.CN;
  const known = typeof name === 'string' && name !== EVERYBODY ? await engine.describe('user', name) : undefined;
  if (known?.kind !== 'user') return undefined;
  const { tenant } = known.spec;
  return { user: known.spec.name, ...(tenant !== undefined && { tenant }) };
}

function lineTo(door: Door, socket: Socket, remote: string): Line {
  const outlet = new Outlet(socket, door.limits.outgoingBytesMax);
  return {
    send: (pieces, sent) => {
      if (socket.destroyed) return sent();
      const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      if (pieces.length > 1 && sizeBytes <= JOINED_BYTES_MAX) {
        socket.write(Buffer.concat(pieces, sizeBytes), sent);
        return;
      }
      socket.cork();
      for (const [i, piece] of pieces.entries()) socket.write(piece, i === pieces.length - 1 ? sent : undefined);
      socket.uncork();
    },
    room: () => outlet.room(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (why) => {
      door.machine.logger.info('kafka.closed', { remote, why });
      // What was answered before it still leaves.
      socket.destroySoon();
    },
  };
}

/** An IPv4 address as such, also where the listener speaks IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
