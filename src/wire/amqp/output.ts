/** Frames written one after another into shared buffers: what a connection is sent in one turn. */

import { FRAME, FRAME_END, FRAME_EXTRA } from './frame-reader.ts';
import { idOf } from './methods.ts';

const CHUNK_BYTES = 64 * 1024;
const SPARE_MAX = 64;
/** Below this a loop of 64-bit moves is quicker than a native copy. */
const COPY_SMALL = 96;

const DELIVER = idOf('basic.deliver');
const ACK = idOf('basic.ack');
const NACK = idOf('basic.nack');
const BASIC = 60;
/** Bytes of a content header before its properties. */
export const CONTENT_HEAD = 12;

/** Buffers given back, for all connections of a door. */
export class ChunkPool {
  readonly #spare: Buffer[] = [];

  take(sizeBytes: number): Buffer {
    const spare = sizeBytes <= CHUNK_BYTES ? this.#spare.pop() : undefined;
    return spare ?? Buffer.allocUnsafeSlow(Math.max(sizeBytes, CHUNK_BYTES));
  }

  /** Only once nobody looks at it any more: the socket may still be sending it. */
  give(chunk: Buffer): void {
    if (chunk.length === CHUNK_BYTES && this.#spare.length < SPARE_MAX) this.#spare.push(chunk);
  }
}

/** The content of a message: where its properties and its body stand. */
export interface Content {
  readonly properties: Buffer;
  readonly propertiesFrom: number;
  readonly propertiesTo: number;
  readonly body: Buffer;
  readonly bodyFrom: number;
  readonly bodyTo: number;
}

export class Output {
  readonly #pool: ChunkPool;
  #chunk: Buffer | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  readonly #sealed: { readonly chunk: Buffer; readonly length: number }[] = [];
  /** Largest frame the other side takes. */
  frameMax = 4096;
  /** Bytes written and not yet taken. */
  sizeBytes = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** All that was written since, in order; each chunk goes back to the pool once it has been sent. */
  take(): readonly { readonly chunk: Buffer; readonly length: number }[] {
    this.#seal();
    this.sizeBytes = 0;
    return this.#sealed.splice(0);
  }

  greeting(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  heartbeat(): void {
    this.#frame(FRAME.heartbeat, 0, 0);
    this.#end();
  }

  method(channel: number, payload: Uint8Array): void {
    const at = this.#frame(FRAME.method, channel, payload.length);
    this.#bytes.set(payload, at);
    this.#end();
  }

  ack(channel: number, tag: number, multiple: boolean): void {
    this.#confirm(ACK, channel, tag, multiple ? 1 : 0);
  }

  nack(channel: number, tag: number, multiple: boolean): void {
    this.#confirm(NACK, channel, tag, multiple ? 1 : 0);
  }

  #confirm(id: number, channel: number, tag: number, bits: number): void {
    const at = this.#frame(FRAME.method, channel, 13);
    this.#view.setUint32(at, id);
    this.#setTag(at + 4, tag);
    this.#bytes[at + 12] = bits;
    this.#end();
  }

  /** `consumerTag` with its length before it; `names`: exchange and routing key with theirs, side by side. */
  deliver(
    channel: number,
    consumerTag: Buffer,
    tag: number,
    redelivered: boolean,
    names: Buffer,
    namesFrom: number,
    namesTo: number,
    content: Content,
  ): void {
    let at = this.#frame(FRAME.method, channel, 4 + consumerTag.length + 9 + namesTo - namesFrom);
    this.#view.setUint32(at, DELIVER);
    at += 4;
    this.#copy(at, consumerTag, 0, consumerTag.length);
    at += consumerTag.length;
    this.#setTag(at, tag);
    this.#bytes[at + 8] = redelivered ? 1 : 0;
    this.#copy(at + 9, names, namesFrom, namesTo);
    this.#end();
    this.content(channel, content);
  }

  /** A content header and as many body frames as it takes. */
  content(channel: number, content: Content): void {
    const { properties, propertiesFrom, propertiesTo, body, bodyFrom, bodyTo } = content;
    const at = this.#frame(FRAME.header, channel, CONTENT_HEAD + propertiesTo - propertiesFrom);
    const sizeBytes = bodyTo - bodyFrom;
    this.#view.setUint32(at, BASIC << 16);
    this.#view.setUint32(at + 4, Math.floor(sizeBytes / 0x1_0000_0000));
    this.#view.setUint32(at + 8, sizeBytes >>> 0);
    this.#copy(at + CONTENT_HEAD, properties, propertiesFrom, propertiesTo);
    this.#end();
    const most = this.frameMax - FRAME_EXTRA;
    for (let from = bodyFrom; from < bodyTo; from += most) {
      const to = Math.min(bodyTo, from + most);
      const into = this.#frame(FRAME.body, channel, to - from);
      this.#copy(into, body, from, to);
      this.#end();
    }
  }

  /** Begins a frame; answers where its payload goes, for which there is room. */
  #frame(type: number, channel: number, payload: number): number {
    const at = this.#room(payload + FRAME_EXTRA);
    this.#bytes[at] = type;
    this.#view.setUint16(at + 1, channel);
    this.#view.setUint32(at + 3, payload);
    return at + 7;
  }

  #end(): void {
    this.#bytes[this.#at - 1] = FRAME_END;
  }

  #setTag(at: number, tag: number): void {
    this.#view.setUint32(at, Math.floor(tag / 0x1_0000_0000));
    this.#view.setUint32(at + 4, tag >>> 0);
  }

  #room(count: number): number {
    if (this.#at + count > this.#bytes.length) {
      this.#seal();
      this.#chunk = this.#pool.take(count);
      this.#bytes = this.#chunk;
      this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    }
    const at = this.#at;
    this.#at += count;
    this.sizeBytes += count;
    return at;
  }

  #seal(): void {
    if (this.#chunk !== undefined && this.#at > 0) this.#sealed.push({ chunk: this.#chunk, length: this.#at });
    this.#chunk = undefined;
    this.#bytes = EMPTY;
    this.#at = 0;
  }

  #copy(at: number, from: Buffer, start: number, end: number): void {
    const count = end - start;
    if (count > COPY_SMALL) {
      from.copy(this.#bytes, at, start, end);
      return;
    }
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) bytes[at + i] = from[start + i] as number;
  }
}

const EMPTY = Buffer.alloc(0);
