/**
 * Finds frames in what a socket brings, wherever it was cut.
 *
 *     0  u8   type: 1 method · 2 content header · 3 body · 8 heartbeat
 *     1  u16  channel
 *     3  u32  bytes of payload
 *     7  payload
 *        u8   0xce
 */

import { WireFault } from './fault.ts';

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const FRAME_END = 0xce;
/** Bytes of a frame around its payload. */
export const FRAME_EXTRA = 8;

const HEAD = 7;
/** The protocol header, the first thing on a connection. */
const GREETING = 8;

/** Gets what was found. All bytes are borrowed: they may be written again once the call returns. */
export interface FrameSink {
  greeting(bytes: Uint8Array): void;
  frame(type: number, channel: number, bytes: Buffer, view: DataView, start: number, end: number): void;
  /** True once nothing more is to be read. */
  readonly deaf: boolean;
}

export class FrameReader {
  readonly #sink: FrameSink;
  /** A frame that has begun. Grows with what has come, never by what was announced. */
  #carry: Buffer = Buffer.alloc(0);
  #carried = 0;
  #greeted = false;
  /** Largest frame, bytes, its extra ones included. */
  frameMax: number;

  constructor(sink: FrameSink, frameMax: number) {
    this.#sink = sink;
    this.frameMax = frameMax;
  }

  /** Throws `WireFault` for what is no frame; what the sink throws comes through. */
  push(chunk: Buffer): void {
    let at = 0;
    // A begun frame is completed first, with no more bytes than it needs.
    while (this.#carried > 0 && at < chunk.length && !this.#sink.deaf) {
      const want = Math.min(this.#unit(this.#carry, 0, this.#carried) - this.#carried, chunk.length - at);
      this.#keep(chunk, at, at + want);
      at += want;
      const unit = this.#unit(this.#carry, 0, this.#carried);
      if (unit > this.#carried || (this.#greeted && this.#carried < HEAD)) continue;
      this.#carried = 0;
      this.#hand(this.#carry, viewOf(this.#carry), 0, unit);
    }
    if (at === chunk.length || this.#sink.deaf) return;
    const view = viewOf(chunk);
    while (!this.#sink.deaf) {
      const left = chunk.length - at;
      const unit = this.#unit(chunk, at, left);
      if (unit > left || (this.#greeted && left < HEAD)) break;
      this.#hand(chunk, view, at, at + unit);
      at += unit;
    }
    if (!this.#sink.deaf) this.#keep(chunk, at, chunk.length);
  }

  /** Bytes of the unit that begins at `at`, as far as can be told: of a head that is not whole, its own. */
  #unit(bytes: Buffer, at: number, count: number): number {
    if (!this.#greeted) return GREETING;
    if (count < HEAD) return HEAD;
    const size = (((bytes[at + 3] ?? 0) << 24) | ((bytes[at + 4] ?? 0) << 16) | ((bytes[at + 5] ?? 0) << 8) | (bytes[at + 6] ?? 0)) >>> 0;
    if (size + FRAME_EXTRA > this.frameMax) {
      throw new WireFault(
        501,
        `type ${bytes[at] ?? 0}, a frame of ${size + FRAME_EXTRA} bytes, larger than the ${this.frameMax} agreed on`,
      );
    }
    return size + FRAME_EXTRA;
  }

  #hand(bytes: Buffer, view: DataView, start: number, end: number): void {
    if (!this.#greeted) {
      this.#greeted = true;
      this.#sink.greeting(bytes.subarray(start, end));
      return;
    }
    const type = bytes[start] ?? 0;
    if (type !== FRAME.method && type !== FRAME.header && type !== FRAME.body && type !== FRAME.heartbeat)
      throw new WireFault(501, `there is no frame type ${type}`);
    if (bytes[end - 1] !== FRAME_END) throw new WireFault(501, `a frame ends with ${bytes[end - 1]} instead of ${FRAME_END}`);
    this.#sink.frame(type, view.getUint16(start + 1), bytes, view, start + HEAD, end - 1);
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const size = this.#carried + to - from;
    if (size > this.#carry.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(1024, size, Math.min(this.#carry.length * 2, this.frameMax)));
      this.#carry.copy(bigger, 0, 0, this.#carried);
      this.#carry = bigger;
    }
    chunk.copy(this.#carry, this.#carried, from, to);
    this.#carried = size;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
