/** Where publishes of a connection go, by the bytes of exchange and routing key: names are made into text once, not for each message. */

export interface PublishRoute {
  readonly exchange: string;
  readonly address: string;
}

interface Slot extends PublishRoute {
  readonly key: Buffer;
  readonly next: Slot | undefined;
}

const SLOTS = 1024;
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
    const first = this.#slots[at];
    for (let slot = first; slot !== undefined; slot = slot.next) if (same(slot.key, bytes, from, to)) return slot;
    return this.#add(at, bytes, from, to);
  }

  #add(at: number, bytes: Buffer, from: number, to: number): PublishRoute {
    if (this.#count >= ROUTES_MAX) {
      this.#slots = new Array(SLOTS).fill(undefined);
      this.#count = 0;
    }
    const keyAt = from + 1 + (bytes[from] ?? 0);
    const slot: Slot = {
      exchange: bytes.toString('utf8', from + 1, keyAt),
      address: bytes.toString('utf8', keyAt + 1, to),
      key: Buffer.from(bytes.subarray(from, to)),
      next: this.#slots[at],
    };
    this.#slots[at] = slot;
    this.#count++;
    return slot;
  }
}

function same(key: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (key.length !== to - from) return false;
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[from + i]) return false;
  return true;
}
