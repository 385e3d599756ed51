/** Lines out of a stream of chunks, however they were cut; without their line ends. */

const NEWLINE = 0x0a;
const RETURN = 0x0d;

export class Lines {
  #carried: Uint8Array[] = [];
  #number = 0;

  /** How many lines have been given out. */
  get number(): number {
    return this.#number;
  }

  /** The lines that this chunk completes. They are good until the chunk is written to. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void> {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      yield this.#take(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) this.#carried.push(chunk.slice(from));
  }

  /** The last line, when it had no end. */
  *end(): Generator<Uint8Array, void> {
    if (this.#carried.length > 0) yield this.#take(new Uint8Array(0));
  }

  #take(last: Uint8Array): Uint8Array {
    this.#number += 1;
    let line = last;
    if (this.#carried.length > 0) {
      line = Buffer.concat([...this.#carried, last]);
      this.#carried = [];
    }
    return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
  }
}
