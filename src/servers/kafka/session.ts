/**
 * One connection: frames become requests, requests are answered in the order they came. Without sockets.
 *
 * Requests are done one after another, as Kafka's clients expect; only producing overlaps, so that many batches share one write to disk.
 */

import { BytesError } from '../../bytes/reader.ts';
import {
  API_VERSIONS,
  ERROR,
  encodeResponse,
  FrameCutter,
  FrameRooms,
  MessageReader,
  readClientId,
  readRequestHead,
} from '../../wire/kafka/kafka.ts';
import type { Door } from './door.ts';
import type { Call, Handler } from './handler.ts';
import { apiVersions } from './handlers/18-api-versions.ts';
import { HANDLERS } from './handlers.ts';
import type { Peer } from './peer.ts';

/** Where answers go. */
export interface Line {
  /** Whole frames, in order; each may be in several pieces. Calls `sent` once nobody looks at them any more. */
  send(pieces: readonly Uint8Array[], sent: () => void): void;
  /** No further answer is made until it resolves. */
  room(): Promise<void>;
  /** Stop or go on giving what comes in. */
  pause(): void;
  resume(): void;
  /** Ends the connection at once; `why` is for the log. */
  close(why: string): void;
}

interface Pending {
  readonly frame: Uint8Array;
  /** What its answer is, once it is there, in pieces; empty = nothing is sent. */
  answer: readonly Uint8Array[] | undefined;
  started: boolean;
  overlaps: boolean;
  /** Nobody looks at the frame any more once it is answered. */
  spent: boolean;
  /** Memory that the answer points into. */
  lent: Uint8Array[] | undefined;
}

const NOTHING: readonly Uint8Array[] = [];
/** Of all connections. */
const rooms = new FrameRooms(16 * 1024 * 1024);

export class Session {
  readonly #door: Door;
  readonly #peer: Peer;
  readonly #line: Line;
  readonly #cutter: FrameCutter;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  /** In the order they came; answered ones leave at the front. */
  readonly #pending: Pending[] = [];
  #pendingBytes = 0;
  /** Answers that leave at the end of this turn. */
  #outgoing: Uint8Array[] = [];
  /** Memory they point into. */
  #lent: Uint8Array[] = [];
  #flushing = false;
  #running = 0;
  #paused = false;
  #pumping = false;

  constructor(door: Door, peer: Peer, line: Line) {
    this.#door = door;
    this.#peer = peer;
    this.#line = line;
    this.#signal = AbortSignal.any([this.#ended.signal, door.closing.signal]);
    const { strangerBytesMax, frameBytesMax } = door.limits;
    this.#cutter = new FrameCutter(peer.principal === undefined ? strangerBytesMax : frameBytesMax, (frame) => this.#take(frame), rooms);
  }

  get isBusy(): boolean {
    return this.#running > 0 || this.#outgoing.length > 0;
  }

  /** Bytes from the client. */
  receive(chunk: Uint8Array): void {
    if (this.#ended.signal.aborted) return;
    try {
      this.#cutter.push(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    void this.#pump();
  }

  /** The connection is gone: waits end, answers go nowhere. */
  end(): void {
    this.#ended.abort();
    this.#pending.length = 0;
    this.#outgoing = [];
    this.#peer.fetches.clear();
  }

  #take(frame: Uint8Array): void {
    this.#pending.push({ frame, answer: undefined, started: false, overlaps: false, spent: false, lent: undefined });
    this.#pendingBytes += frame.length;
    const { pendingMax, pendingBytesMax } = this.#door.limits;
    if (!this.#paused && (this.#pending.length >= pendingMax || this.#pendingBytes >= pendingBytesMax)) {
      this.#paused = true;
      this.#line.pause();
    }
  }

  /** Begins what may begin. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        await this.#line.room();
        if (this.#ended.signal.aborted) return;
        this.#begin(next);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** The first that has not begun, when nothing stands in its way. */
  #next(): Pending | undefined {
    if (this.#ended.signal.aborted) return undefined;
    const next = this.#pending.find((pending) => !pending.started);
    if (next === undefined || this.#running === 0) return next;
    const overlaps =
      overlapsAt(next.frame) && this.#pending.every((pending) => !pending.started || pending.answer !== undefined || pending.overlaps);
    return overlaps ? next : undefined;
  }

  #begin(pending: Pending): void {
    pending.started = true;
    pending.overlaps = overlapsAt(pending.frame);
    this.#running += 1;
    this.#answer(pending).then(
      (answer) => {
        this.#running -= 1;
        if (answer === 'close') this.#close('as its request asks');
        else this.#answered(pending, answer);
      },
      (error: unknown) => {
        this.#running -= 1;
        this.#fail(error);
      },
    );
  }

  #answered(pending: Pending, answer: readonly Uint8Array[]): void {
    pending.answer = answer;
    if (pending.spent) rooms.give(pending.frame);
    while (this.#pending[0]?.answer !== undefined) {
      const done = this.#pending.shift();
      this.#pendingBytes -= done?.frame.length ?? 0;
      for (const piece of done?.answer ?? []) this.#outgoing.push(piece);
      for (const bytes of done?.lent ?? []) this.#lent.push(bytes);
    }
    // What is answered in one turn leaves in one piece; where nothing else is under way, there is nothing to wait for.
    if (this.#outgoing.length > 0 && !this.#flushing) {
      if (this.#pending.length === 0) this.#flush();
      else {
        this.#flushing = true;
        this.#door.machine.clock.soon(() => this.#flush());
      }
    }
    if (this.#paused && this.#pending.length < this.#door.limits.pendingMax / 2 && this.#pendingBytes < this.#door.limits.pendingBytesMax) {
      this.#paused = false;
      this.#line.resume();
    }
    if (this.#door.closing.signal.aborted && this.#running === 0) this.#close('the door closes');
    else void this.#pump();
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#outgoing.length === 0) return;
    const lent = this.#lent;
    this.#line.send(this.#outgoing, () => {
      for (const bytes of lent) rooms.give(bytes);
    });
    this.#outgoing = [];
    this.#lent = [];
  }

  async #answer(pending: Pending): Promise<readonly Uint8Array[] | 'close'> {
    const from = new MessageReader(pending.frame);
    const head = readRequestHead(from);
    const handler = HANDLERS.get(head.key);
    if (handler === undefined || !isServed(handler, head.version)) {
      // A client that is newer than we are learns from this what is spoken here.
      if (head.key === API_VERSIONS.key)
        return encodeResponse(API_VERSIONS, 0, head.correlation, {
          ...apiVersions(this.#door, 0),
          errorCode: ERROR.unsupportedVersion,
        });
      throw new BytesError('value', 0, `API ${head.key} version ${head.version} is not spoken here.`);
    }
    const { door, peer } = { door: this.#door, peer: this.#peer };
    if (!handler.forStrangers && isStranger(peer, door))
      throw new BytesError('value', 0, `API ${head.key} is not answered before authentication.`);
    if (!handler.forStrangers && peer.login.expiresMs <= door.machine.clock.monotonicMs())
      throw new BytesError('value', 0, 'The login has expired, and was not made anew in time [KIP-368].');
    const call: Call = {
      door,
      engine: peer.principal === undefined ? door.engine : door.engineOf(peer.principal),
      peer,
      api: handler.api.name,
      version: head.version,
      clientId: readClientId(from, handler.api, head.version),
      signal: this.#signal,
      spent: () => {
        pending.spent = true;
      },
      rooms,
      lent: (bytes) => {
        pending.lent ??= [];
        pending.lent.push(bytes);
      },
    };
    const answer = await handler.run(from, call, head.correlation);
    if (peer.principal !== undefined) this.#cutter.bytesMax = door.limits.frameBytesMax;
    return answer === 'none' ? NOTHING : answer;
  }

  /** Bytes that cannot be understood, or an error of our own: in either case nothing more can be answered in order. */
  #fail(error: unknown): void {
    if (!(error instanceof BytesError)) this.#door.tell(error, { remote: this.#peer.remote });
    this.#close(error instanceof Error ? error.message : String(error));
  }

  #close(why: string): void {
    if (this.#ended.signal.aborted) return;
    this.#flush();
    this.end();
    this.#line.close(why);
  }
}

/** Who came while there were no users must say who it is once there are some. */
function isStranger({ principal }: Peer, { engine }: Door): boolean {
  return principal === undefined || (principal.user === undefined && engine.guarded);
}

/** Versions below the API's own window that are told of, to be served by nobody, are not served. */
function isServed(handler: Handler, version: number): boolean {
  return version >= handler.api.versions[0] && version <= handler.api.versions[1];
}

function overlapsAt(frame: Uint8Array): boolean {
  return HANDLERS.get(((frame[0] ?? 0) << 8) | (frame[1] ?? 0))?.overlaps ?? false;
}
