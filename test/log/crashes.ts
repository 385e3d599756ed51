/** Many lives of logs of one kind, each from a seed that can be run again. */

import { Life, type LifeOptions } from './life.ts';

export async function crashes(seeds: number, options: LifeOptions): Promise<void> {
  for (let seed = 0; seed < seeds; seed++) {
    try {
      await new Life(seed, options).run();
    } catch (cause) {
      throw new Error(`Seed ${seed} fails.`, { cause });
    }
  }
}
