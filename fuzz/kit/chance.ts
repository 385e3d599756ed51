/** Chance that comes again: one seed, one sequence of inputs; and bytes changed by it as lines, disks and enemies change them. */

/** A small generator (xorshift), so that a seed repeats a run. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  below(n: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T; // never empty here
  }
}

/** Octets that ends, signs and lengths go wrong with. */
const ODD_OCTETS: readonly number[] = [0, 1, 0x7f, 0x80, 0xce, 0xff];
/** Lengths and counts that are believed too easily, of four bytes. */
const ODD_LENGTHS: readonly number[] = [0, 1, 0xffff, 0x00ff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const PIECE_MAX = 64;

export interface MutateOptions {
  /** Changes at most; how many is drawn, 0 included. */
  readonly changesMax: number;
  /** Put in as they are. */
  readonly tokens?: readonly Uint8Array[];
  /** Longer ones are cut. */
  readonly bytesMax?: number;
}

/** Bits turned, octets and lengths made odd, pieces cut out, repeated, or put in from others or from `tokens`, the end cut off. Always a copy. */
export function mutated(seed: Uint8Array, others: readonly Uint8Array[], chance: Chance, options: MutateOptions): Buffer<ArrayBuffer> {
  const { changesMax, tokens = [], bytesMax = 1 << 20 } = options;
  let bytes = Buffer.from(seed);
  for (let left = chance.below(changesMax + 1); left > 0; left--) bytes = changed(bytes, others, tokens, chance);
  return Buffer.from(bytes.subarray(0, bytesMax));
}

function changed(
  bytes: Buffer<ArrayBuffer>,
  others: readonly Uint8Array[],
  tokens: readonly Uint8Array[],
  chance: Chance,
): Buffer<ArrayBuffer> {
  const at = chance.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + chance.below(17));
  const into = (...pieces: readonly Uint8Array[]) => Buffer.concat([bytes.subarray(0, at), ...pieces, bytes.subarray(at)]);
  switch (chance.below(tokens.length > 0 ? 10 : 9)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = chance.pick(ODD_OCTETS);
      return bytes;
    case 2:
      if (at < bytes.length) bytes[at] = chance.below(256);
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 5:
      return into(...Array.from({ length: chance.below(40) }, () => bytes.subarray(at, to)));
    case 6:
      if (at + 4 <= bytes.length) bytes.writeUInt32BE(chance.pick(ODD_LENGTHS), at);
      return bytes;
    case 7: {
      const other = chance.pick(others);
      const from = chance.below(other.length + 1);
      return into(other.subarray(from, from + chance.below(PIECE_MAX)));
    }
    case 8:
      return bytes.subarray(0, at);
    default:
      return into(chance.pick(tokens));
  }
}

/** The stream in pieces, cut anywhere; now and then all in single bytes. */
export function cut(bytes: Uint8Array, chance: Chance): Uint8Array[] {
  const sizeMax = chance.below(4) === 0 ? 3 : bytes.length;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + chance.below(sizeMax);
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}
