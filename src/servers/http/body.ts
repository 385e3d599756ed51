/** A request's body: read within limits of size, of memory over all requests, and of patience. Nothing is set aside on the word of a length. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refused } from '../../model/refusal.ts';
import type { Door } from './door.ts';
import { HttpFault } from './fault.ts';

export class Body {
  readonly #request: IncomingMessage;
  readonly #reply: ServerResponse;
  readonly #door: Door;
  /** Does the sender wait for `100 Continue`? Cleared when it was told. */
  #expects: boolean;
  #heldBytes = 0;

  constructor(request: IncomingMessage, reply: ServerResponse, door: Door, expects: boolean) {
    this.#request = request;
    this.#reply = reply;
    this.#door = door;
    this.#expects = expects;
  }

  /** As the sender announced it; undefined when it comes in chunks. */
  get length(): number | undefined {
    if (this.#request.headers['transfer-encoding'] !== undefined) return undefined;
    return Number(this.#request.headers['content-length'] ?? 0);
  }

  /** Is there nothing of it left to read? */
  get finished(): boolean {
    return this.length === 0 || this.#request.readableEnded;
  }

  /** Will the sender keep the body to itself, because it was never asked for it? */
  get withheld(): boolean {
    return this.#expects;
  }

  /** All of it. Throws `too-large`, or a fault of the door when it comes too slowly or breaks off. */
  async whole(bytesMax: number = this.#door.limits.bodyBytesMax): Promise<Buffer> {
    if ((this.length ?? 0) > bytesMax) throw tooLarge(bytesMax);
    const { bodyBytesMin, bodyCheckMs } = this.#door.limits;
    const chunks: Buffer[] = [];
    let size = 0;
    await this.#read(bodyBytesMin, bodyCheckMs, (chunk) => {
      size += chunk.length;
      if (size > bytesMax) throw tooLarge(bytesMax);
      this.#door.holdBytes(chunk.length);
      this.#heldBytes += chunk.length;
      chunks.push(chunk);
      return undefined;
    });
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
  }

  /** Piece by piece, without end of size. While the promise that `take` returns is open, no more is read. */
  async pieces(take: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
    await this.#read(1, this.#door.limits.bodyIdleMs, take);
  }

  /** Gives back what it holds of the door's memory. */
  release(): void {
    this.#door.releaseBytes(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Throws the rest away, up to `bytesMax` and for `ms`: an answer sent before the body was read is lost if the socket is just closed. */
  discard(bytesMax: number, ms: number, done: () => void): void {
    let left = bytesMax;
    const request = this.#request;
    const finish = (): void => {
      cancel();
      request.off('data', count).off('end', finish).off('close', finish);
      request.pause();
      done();
    };
    const count = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) finish();
    };
    const cancel = this.#door.machine.clock.after(ms, finish);
    request.on('data', count).once('end', finish).once('close', finish);
    request.resume();
  }

  #read(bytesMin: number, checkMs: number, take: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
    const request = this.#request;
    if (this.#expects) {
      this.#expects = false;
      this.#reply.writeContinue();
    }
    return new Promise<void>((resolve, reject) => {
      let since = 0; // bytes since the last check
      let waiting = false; // for us: the sender is not to blame
      let cancel = (): void => undefined;
      const settle = (finish: () => void): void => {
        cancel();
        request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
        this.#reply.off('close', onClose);
        request.pause();
        finish();
      };
      const check = (): void => {
        if (!waiting && since < bytesMin) {
          const words = `The body came too slowly: ${since} bytes in ${checkMs} ms, where ${bytesMin} are due.`;
          settle(() => reject(new HttpFault('body-too-slow', words)));
          return;
        }
        since = 0;
        cancel = this.#door.machine.clock.after(checkMs, check);
      };
      const onData = (chunk: Buffer): void => {
        since += chunk.length;
        try {
          const pause = take(chunk);
          if (pause === undefined) return;
          waiting = true;
          request.pause();
          pause.then(
            () => {
              waiting = false;
              since = bytesMin; // its time begins anew
              request.resume();
            },
            (error: unknown) => settle(() => reject(error)),
          );
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const onEnd = (): void => settle(resolve);
      const onClose = (): void => settle(() => reject(new HttpFault('bad-request', 'The connection ended in the middle of the body.')));
      request.on('data', onData).once('end', onEnd).once('close', onClose).once('error', onClose);
      this.#reply.once('close', onClose); // answered meanwhile: what came was not HTTP any more
      cancel = this.#door.machine.clock.after(checkMs, check);
      if (request.readableEnded) onEnd();
      else request.resume();
    });
  }
}

function tooLarge(bytesMax: number): Refused {
  return new Refused('too-large', `The body is larger than ${bytesMax} bytes, the most that is read at once.`);
}
