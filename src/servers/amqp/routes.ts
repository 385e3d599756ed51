/** Where publishes of a connection go, by the bytes of exchange and routing key: names are made into text once, not for each message. */

export interface PublishRoute {
  readonly exchange: string;
  readonly address: string;
  /** Both as they stand in a publish: `u8 · exchange · u8 · routing key`. */
  readonly names: Buffer;
}

interface Slot extends PublishRoute {
  readonly hash: number;
  readonly next: Slot | undefined;
}

const SLOTS = 4096;
/** Then all are forgotten: whoever uses so many keys does not use each often. */
const ROUTES_MAX = 4096;

export class RouteTable {
  #slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);
  #count = 0;

  /** Of the names as they stand in a publish: `u8 · exchange · u8 · routing key`. */
  find(bytes: Buffer, from: number, to: number): PublishRoute {
    let hash = to - from;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    const at = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    for (let slot = this.#slots[at]; slot !== undefined; slot = slot.next)
      if (slot.hash === hash && same(slot.names, bytes, from, to)) return slot;
    return this.#add(at, hash, bytes, from, to);
  }

  #add(at: number, hash: number, bytes: Buffer, from: number, to: number): PublishRoute {
    if (this.#count >= ROUTES_MAX) {
      this.#slots = new Array(SLOTS).fill(undefined);
      this.#count = 0;
    }
    const keyAt = from + 1 + (bytes[from] ?? 0);
    const slot: Slot = {
      exchange: bytes.toString('utf8', from + 1, keyAt),
      address: bytes.toString('utf8', keyAt + 1, to),
      names: Buffer.from(bytes.subarray(from, to)),
      hash,
      next: this.#slots[at],
    };
    this.#slots[at] = slot;
    this.#count++;
    return slot;
  }
}

function same(names: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (names.length !== to - from) return false;
  for (let i = 0; i < names.length; i++) if (names[i] !== bytes[from + i]) return false;
  return true;
}
