/** Seeds of the simulator one after the other: what they broke, and how much was confirmed in them. */

import { runSeed } from './world.ts';

export interface Slice {
  readonly confirmed: number;
  readonly broken: readonly { readonly seed: number; readonly faults: readonly string[] }[];
}

export async function slice(from: number, to: number): Promise<Slice> {
  let confirmed = 0;
  for (let seed = from; seed <= to; seed++) {
    const report = await runSeed(seed);
    if (report.faults.length > 0) return { confirmed, broken: [{ seed, faults: report.faults }] };
    confirmed += report.confirmed;
  }
  return { confirmed, broken: [] };
}
