/** A connection of the simulation: bytes take their time both ways, arrive cut anywhere, and stop when one end dies. */

import type { SimClock } from '../../../src/host/simulated/sim-clock.ts';
import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';

/** One end, as the cable sees it. */
export interface End {
  heard(bytes: Buffer): void;
  /** The other end is gone; nothing more will be heard. */
  gone(): void;
}

const DELAY_MS = 3;

/** One direction: what was put in comes out later, in order. */
class Lane {
  readonly #clock: SimClock;
  readonly #random: SimRandom;
  readonly #to: () => End | undefined;
  readonly #pieces: Buffer[] = [];
  /** The end follows what was sent before it. */
  #ending = false;
  #scheduled = false;
  held = false;
  closed = false;
  waitingBytes = 0;
  onRoom: (() => void) | undefined;

  constructor(clock: SimClock, random: SimRandom, to: () => End | undefined) {
    this.#clock = clock;
    this.#random = random;
    this.#to = to;
  }

  put(bytes: Buffer): void {
    if (this.closed || this.#ending) return;
    this.#pieces.push(bytes);
    this.waitingBytes += bytes.length;
    this.#schedule();
  }

  end(): void {
    this.#ending = true;
    this.#schedule();
  }

  release(): void {
    this.held = false;
    this.#schedule();
  }

  /** What is under way is lost. */
  cut(): void {
    this.closed = true;
    this.#pieces.length = 0;
  }

  /** What is under way arrives, all of it and now. */
  flush(): void {
    while (this.#pieces.length > 0 && !this.closed) this.#hand(this.#pieces.shift() as Buffer); // there is one
  }

  #schedule(): void {
    if (this.#scheduled || this.held || this.closed || (this.#pieces.length === 0 && !this.#ending)) return;
    this.#scheduled = true;
    this.#clock.after(this.#random.chance(0.5) ? 0 : this.#random.float() * DELAY_MS, () => this.#arrive());
  }

  #arrive(): void {
    this.#scheduled = false;
    if (this.held || this.closed) return;
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      this.closed = true;
      this.#to()?.gone();
      return;
    }
    const size = this.#random.chance(0.8) ? piece.length : 1 + this.#random.int(piece.length);
    if (size < piece.length) this.#pieces.unshift(piece.subarray(size));
    // A copy, as from a socket: whoever keeps what was only lent shows it soon.
    this.#hand(Buffer.from(piece.subarray(0, size)));
    this.#schedule();
  }

  #hand(bytes: Buffer): void {
    this.waitingBytes -= bytes.length;
    this.#to()?.heard(bytes);
    const room = this.onRoom;
    this.onRoom = undefined;
    room?.();
  }
}

export class Cable {
  readonly #up: Lane;
  readonly #down: Lane;
  #server: End | undefined;
  #client: End | undefined;

  constructor(clock: SimClock, random: SimRandom, client: End) {
    this.#client = client;
    this.#up = new Lane(clock, random, () => this.#server);
    this.#down = new Lane(clock, random, () => this.#client);
  }

  attach(server: End): void {
    this.#server = server;
  }

  /** From the client. */
  say(bytes: Buffer): void {
    this.#up.put(bytes);
  }

  /** From the server; a copy is kept. */
  answer(bytes: Uint8Array): void {
    this.#down.put(Buffer.from(bytes));
  }

  get unreadBytes(): number {
    return this.#down.waitingBytes;
  }

  whenRead(fn: () => void): void {
    const former = this.#down.onRoom;
    this.#down.onRoom = () => {
      former?.();
      fn();
    };
  }

  hold(): void {
    this.#up.held = true;
  }

  release(): void {
    this.#up.release();
  }

  /** The server ends it: the client hears what was sent before, and the server is told that the socket is gone. */
  endByServer(): void {
    this.#down.end();
    this.#up.cut();
    this.#letServerGo();
  }

  /** The client tears it off: nothing under way arrives. */
  drop(): void {
    this.#client = undefined;
    this.#down.cut();
    this.#up.cut();
    this.#letServerGo();
  }

  /** The machine of the server died: what it had sent before still arrives, what was sent to it does not. */
  die(): void {
    this.#server = undefined;
    this.#up.cut();
    this.#down.flush();
    this.#down.cut();
    const client = this.#client;
    this.#client = undefined;
    client?.gone();
  }

  #letServerGo(): void {
    const server = this.#server;
    this.#server = undefined;
    server?.gone();
  }
}
