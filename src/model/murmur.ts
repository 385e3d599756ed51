/** murmur2 as Kafka's clients compute it, so that a key has the same partition whichever door it comes by. */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** The hash with its sign bit cleared: `partition = murmur2(key) % partitions`. */
export function murmur2(key: Uint8Array): number {
  const length = key.length;
  let h = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let k = byte(key, at) | (byte(key, at + 1) << 8) | (byte(key, at + 2) << 16) | (byte(key, at + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const left = length - at;
  if (left >= 3) h ^= byte(key, at + 2) << 16;
  if (left >= 2) h ^= byte(key, at + 1) << 8;
  if (left >= 1) h = Math.imul(h ^ byte(key, at), M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return (h ^ (h >>> 15)) & 0x7fffffff;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
