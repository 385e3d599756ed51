/**
 * Consistent hashing by rendezvous: every candidate draws a number from the key and its own name, and the best draw takes the key.
 *
 * A candidate that goes leaves only its own keys to the others, one that comes takes only what it wins, and shares follow the
 * weights exactly. It needs no memory beside the candidates and no limit on weights, which a ring of points would; the price
 * is one short step per candidate and key, and keys that repeat are cached as routes.
 */

import { hashText, mix } from './text-hash.ts';

interface Candidate<V> {
  readonly id: string;
  readonly hash: number;
  readonly weight: number;
  readonly value: V;
}

export class Rendezvous<V> {
  readonly #candidates = new Map<string, Candidate<V>>();
  /** In the order of their ids, so that even a draw is decided the same way in every process; undefined: to be sorted again. */
  #sorted: readonly Candidate<V>[] | undefined;

  /** `id` names the candidate in every process alike; `weight` is its share beside the others'. */
  add(id: string, weight: number, value: V): void {
    this.#candidates.set(id, { id, hash: hashText(id, 0x9747b28c), weight, value });
    this.#sorted = undefined;
  }

  delete(id: string): void {
    this.#candidates.delete(id);
    this.#sorted = undefined;
  }

  /** Who takes the key; undefined when there is nobody. */
  choose(key: string): V | undefined {
    this.#sorted ??= [...this.#candidates.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const h = hashText(key);
    let best: V | undefined;
    let least = Infinity;
    for (const { hash, weight, value } of this.#sorted) {
      // An exponential draw of rate `weight`: the chance to be the least of all is the share of the weights.
      const draw = -Math.log((mix(h ^ hash) + 0.5) / 0x1_0000_0000) / weight;
      if (draw < least) {
        least = draw;
        best = value;
      }
    }
    return best;
  }
}
