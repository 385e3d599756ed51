/** One mutant of a door: seeds until one fails. Exit code 3: caught; 0: survived. A seed that does not end is caught by its time limit. */

import { runAmqpSeed } from './amqp-cast.ts';
import { runKafkaSeed } from './kafka-cast.ts';

const [door, seeds = '2000'] = process.argv.slice(2);
const run = door === 'kafka' ? runKafkaSeed : runAmqpSeed;

for (let seed = 1; seed <= Number(seeds); seed++) {
  const report = await run(seed).catch((error: unknown) => ({ faults: [`threw: ${String(error)}`] }));
  if (report.faults.length > 0) {
    console.log(`seed ${seed}: ${(report.faults[0] ?? '').split('\n')[0]}`);
    process.exit(3);
  }
}
console.log(`${seeds} seeds, nothing noticed`);
process.exit(0);
