/** The Kafka door: an engine for programs that speak Kafka's protocol. */

import type { Socket } from 'node:net';
import type { Engine, Principal } from '../../model/engine.ts';
import type { Language } from '../../model/record.ts';
import type { Server } from '../../model/server.ts';
import type { Annexes } from '../annexes.ts';
import { Attempts } from '../attempts.ts';
import { checkExposure, createTcpServer, cutWhenStalled, isLoopback, Outlet, Sockets, type Tls } from '../connection.ts';
import { Door, type DoorSettings } from './door.ts';
import { FetchSessions } from './fetch-sessions.ts';
import { HANDLERS } from './handlers.ts';
import { KAFKA_LIMITS, type KafkaLimits } from './limits.ts';
import { Login } from './login.ts';
import type { Machine } from './machine.ts';
import { Peer } from './peer.ts';
import { type Line, Session } from './session.ts';

export interface KafkaOptions {
  /** Clock, chance and log of this machine. */
  readonly machine: Machine;
  /** Default 127.0.0.1. Another address than loopback is refused while no users are configured. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls?: Tls;
  /** What clients are told to connect to. Default: the address they came by. */
  readonly advertised?: DoorSettings['advertised'];
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
  const { machine, host = '127.0.0.1', port, tls, advertised, autoCreate = true, partitions = 1, languages = [] } = options;
  const limits: KafkaLimits = { ...KAFKA_LIMITS, ...options.limits };
  checkExposure(host, engine.guarded, 'kafka');
  const attempts = new Attempts(machine.clock, limits.attemptsMax, MINUTE_MS);
  const door = new Door(engine, machine, limits, { advertised, autoCreate, partitions }, languages, attempts, HANDLERS);
  const server = createTcpServer(tls);
  const sockets = new Sockets(server, machine.clock, limits, tls !== undefined);
  const sessions = new Map<Socket, Session>();
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => serve(door, socket, sessions));
  const bound = await sockets.listen({ host, port });
  machine.logger.info('kafka.open', { host, port: bound, tls: tls !== undefined });
  return {
    name: 'kafka',
    port: bound,
    close: async () => {
      door.closing.abort();
      door.groups.close();
      await door.transactions.close();
      await sockets.close(limits.closeMs, (socket) => sessions.get(socket)?.isBusy === true);
    },
  };
}

/** From a connection's first moment to its last. */
function serve(door: Door, socket: Socket, sessions: Map<Socket, Session>): void {
  const { engine, limits, machine } = door;
  const host = plain(socket.localAddress ?? '');
  if (!engine.guarded && !isLoopback(host)) {
    // The last user may have been removed while the door stood open to the network.
    socket.destroy();
    return;
  }
  const remote = plain(socket.remoteAddress ?? '');
  const anybody: Principal | undefined = engine.guarded ? undefined : {};
  const peer = new Peer(host, socket.localPort ?? 0, remote, new FetchSessions(), new Login(anybody));
  const session = new Session(door, peer, lineTo(door, socket, remote));
  sessions.set(socket, session);
  cutWhenStalled(socket, limits.stallMs, () => machine.logger.warn('kafka.stalled', { remote }));
  const tooLate =
    anybody === undefined
      ? machine.clock.after(limits.authenticationMs, () => peer.login.principal === undefined && socket.destroy())
      : undefined;
  socket.on('data', (chunk: Buffer) => session.receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  socket.once('close', () => {
    tooLate?.();
    sessions.delete(socket);
    session.end();
  });
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
