/** Many lives of journals, and what they met together. */

import { type Counts, type LifeOptions, live } from './life.ts';

export async function seeds(from: number, count: number, options: LifeOptions): Promise<Counts> {
  const total: Counts = {
    entries: 0,
    acked: 0,
    replayed: 0,
    cut: 0,
    crashes: 0,
    kills: 0,
    failures: 0,
    recycled: 0,
    tight: 0,
    fetched: 0,
  };
  for (let seed = from; seed < from + count; seed++) {
    try {
      const counts = await live(seed, options);
      for (const name of Object.keys(total) as (keyof Counts)[]) total[name] += counts[name];
    } catch (error) {
      throw new Error(`Seed ${seed} with ${JSON.stringify(options)} failed.`, { cause: error });
    }
  }
  return total;
}
