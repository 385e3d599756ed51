/** Frames: a size of four bytes and that many behind it; and the heads of requests and responses. */

import { BytesError, type Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { MessageCodec, MessageReader, readTags } from './codec.ts';
import type { Api, RequestOf, ResponseOf } from './fields.ts';
import { MessageWriter } from './message-writer.ts';

/** ApiVersions answers with the oldest head, whatever its version: who asks does not know yet what is spoken here [KIP-511]. */
const API_VERSIONS_KEY = 18;

export interface RequestHead {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
}

interface Codecs {
  readonly request: MessageCodec;
  readonly response: MessageCodec;
}

const codecs = new WeakMap<Api, Codecs>();

function codecsOf(api: Api): Codecs {
  let found = codecs.get(api);
  if (found === undefined) {
    found = { request: new MessageCodec(api.request, api.flexible), response: new MessageCodec(api.response, api.flexible) };
    codecs.set(api, found);
  }
  return found;
}

/** The part of the head that every version has. What follows depends on the API. */
export function readRequestHead(from: Reader): RequestHead {
  return { key: from.i16(), version: from.i16(), correlation: from.i32() };
}

/** The rest of the head: who the client says it is. */
export function readClientId(from: Reader, api: Api, version: number): string | null {
  const length = from.i16();
  const name = length < 0 ? null : from.text(length);
  if (api.flexible !== null && version >= api.flexible) readTags(from, () => false);
  return name;
}

/** Throws `BytesError`. Bytes and records in it point into what is read. */
export function readRequest<A extends Api>(from: MessageReader, api: A, version: number): RequestOf<A> {
  return codecsOf(api).request.decode(from, version) as RequestOf<A>;
}

/** A whole response frame, in pieces: large bytes in it are not copied. Throws when `response` lacks a field: a mistake of the handler. */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlation: number,
  response: ResponseOf<A>,
): readonly Uint8Array[] {
  const to = new MessageWriter('big', 256);
  to.skip(4);
  to.i32(correlation);
  if (api.key !== API_VERSIONS_KEY && api.flexible !== null && version >= api.flexible) to.varint(0);
  codecsOf(api).response.encode(to, version, response);
  to.setU32(0, to.sizeBytes - 4);
  return to.pieces();
}

/** A whole request frame, as a client writes it. */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  correlation: number,
  clientId: string | null,
  request: unknown,
): Uint8Array {
  const to = new Writer('big', 256);
  to.skip(4);
  to.i16(api.key);
  to.i16(version);
  to.i32(correlation);
  if (clientId === null) to.i16(-1);
  else to.text16(clientId);
  if (api.flexible !== null && version >= api.flexible) to.varint(0);
  codecsOf(api).request.encode(to, version, request);
  to.setU32(0, to.at - 4);
  return to.take();
}

/** The body of a response, its head included, as a client reads it. */
export function readResponse<A extends Api>(
  frame: Uint8Array,
  api: A,
  version: number,
): { readonly correlation: number; readonly body: unknown } {
  const from = new MessageReader(frame);
  const correlation = from.i32();
  if (api.key !== API_VERSIONS_KEY && api.flexible !== null && version >= api.flexible) readTags(from, () => false);
  return { correlation, body: codecsOf(api).response.decode(from, version) };
}

/** Before more has come, a frame gets no more room than this. */
const ROOM_BYTES = 64 * 1024;
/** And then so many times what has come. */
const GROWTH = 4;
/** Smaller rooms are not worth keeping. Larger than what a socket gives at once: a piece of that is never taken for a room. */
const KEPT_BYTES_MIN = 128 * 1024;
/** The number by which a question and its answer find each other. */
const FRAME_BYTES_MIN = 4;

/** Rooms of large frames that are done with, for frames to come: new ones for each would have the collector look at everything again and again. */
export class FrameRooms {
  readonly #rooms: Uint8Array[] = [];
  readonly #bytesMax: number;
  #bytes = 0;

  /** They hold `bytesMax` together, and no more. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** One of at least that size, if there is one that is not far too large. */
  take(sizeBytes: number): Uint8Array | undefined {
    if (sizeBytes < KEPT_BYTES_MIN) return undefined;
    const found = this.#rooms.findIndex(({ length }) => length >= sizeBytes && length <= GROWTH * sizeBytes);
    return found < 0 ? undefined : this.#out(found);
  }

  /** The largest there is, but none that is far too large for `sizeBytes`. */
  largest(sizeBytes: number): Uint8Array | undefined {
    let found = -1;
    for (const [i, { length }] of this.#rooms.entries())
      if (length <= GROWTH * sizeBytes && length > (this.#rooms[found]?.length ?? 0)) found = i;
    return found < 0 ? undefined : this.#out(found);
  }

  /** Nobody looks at this frame any more. One that was cut out of something larger than itself is not kept. */
  give(frame: Uint8Array): void {
    const { buffer, byteOffset } = frame;
    if (byteOffset !== 0 || buffer.byteLength < KEPT_BYTES_MIN || buffer.byteLength > GROWTH * frame.length) return;
    this.#rooms.push(new Uint8Array(buffer));
    this.#bytes += buffer.byteLength;
    while (this.#bytes > this.#bytesMax) this.#out(0);
  }

  #out(i: number): Uint8Array | undefined {
    const [room] = this.#rooms.splice(i, 1);
    this.#bytes -= room?.length ?? 0;
    return room;
  }
}

/** Cuts what comes in into frames. Room is made as the bytes come, not as their length is told. */
export class FrameCutter {
  readonly #take: (frame: Uint8Array) => void;
  readonly #rooms: FrameRooms | undefined;
  /** The four bytes of a size that came in pieces. */
  readonly #size = new Uint8Array(4);
  #sizeHave = 0;
  /** The frame that is being put together. */
  #frame: Uint8Array | undefined;
  #need = 0;
  #have = 0;
  /** A frame may not be larger. Raised once it is known who is there. */
  bytesMax: number;

  constructor(bytesMax: number, take: (frame: Uint8Array) => void, rooms?: FrameRooms) {
    this.bytesMax = bytesMax;
    this.#take = take;
    this.#rooms = rooms;
  }

  /** Calls back for each frame that is whole now. Frames that lie whole in `chunk` point into it. Throws `BytesError` for a size that cannot be. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#frame !== undefined) at += this.#fill(chunk, at);
      else if (this.#sizeHave > 0 || chunk.length - at < 4) {
        this.#size[this.#sizeHave++] = chunk[at++] ?? 0;
        if (this.#sizeHave === 4) {
          this.#sizeHave = 0;
          at += this.#begin(chunk, at, sizeAt(this.#size, 0));
        }
      } else at += 4 + this.#begin(chunk, at + 4, sizeAt(chunk, at));
    }
  }

  /** Bytes held of a frame that is not whole. */
  get heldBytes(): number {
    return this.#sizeHave + this.#have;
  }

  /** Answers how many bytes of the chunk were taken. */
  #begin(chunk: Uint8Array, at: number, size: number): number {
    if (size > this.bytesMax || size < FRAME_BYTES_MIN)
      throw new BytesError('value', at, `A frame of ${size} bytes is not taken here; at most ${this.bytesMax} are.`);
    if (chunk.length - at >= size) {
      this.#take(chunk.subarray(at, at + size));
      return size;
    }
    this.#need = size;
    this.#have = 0;
    this.#frame = this.#rooms?.take(size) ?? room(Math.min(size, Math.max(ROOM_BYTES, chunk.length - at)));
    return 0;
  }

  #fill(chunk: Uint8Array, at: number): number {
    let frame = this.#frame as Uint8Array; // only called while there is one
    const count = Math.min(this.#need - this.#have, chunk.length - at);
    if (this.#have + count > frame.length) {
      const bigger = this.#rooms?.take(this.#need) ?? room(Math.min(this.#need, Math.max(GROWTH * frame.length, this.#have + count)));
      bigger.set(frame.subarray(0, this.#have));
      this.#rooms?.give(frame);
      this.#frame = bigger;
      frame = bigger;
    }
    frame.set(count === chunk.length ? chunk : chunk.subarray(at, at + count), this.#have);
    this.#have += count;
    if (this.#have === this.#need) {
      this.#frame = undefined;
      this.#have = 0;
      this.#take(frame.length === this.#need ? frame : frame.subarray(0, this.#need));
    }
    return count;
  }
}

/** Not cleared: all of it is written before any of it is read. */
function room(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
}

function sizeAt(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}
