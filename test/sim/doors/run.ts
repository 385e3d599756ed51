/** `npm run test:sim -- --doors [--only amqp] [--seeds N] [--from S] [--seed S --trace]`: many seeds through each door, or one with what it did. */

import { parseArgs } from 'node:util';
import { runAmqpSeed } from './amqp-cast.ts';
import { runKafkaSeed } from './kafka-cast.ts';

const { values } = parseArgs({
  options: {
    doors: { type: 'boolean' },
    only: { type: 'string' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean' },
  },
});
const DOORS = { amqp: runAmqpSeed, kafka: runKafkaSeed } as const;
const FAILED_MAX = 20;
/** Fewer promises than that for a seed: nothing was tested. */
const PROMISES_MIN = 10;

async function one(door: string, run: typeof runAmqpSeed, seed: number): Promise<boolean> {
  const report = await run(seed, values.trace === true ? (line) => console.log(line) : undefined);
  console.log(JSON.stringify({ door, ...report }, null, 2));
  return report.faults.length === 0;
}

async function many(door: string, run: typeof runAmqpSeed, from: number, count: number): Promise<boolean> {
  const began = performance.now();
  const sums = { lives: 0, confirmed: 0, failed: 0 };
  let done = 0;
  for (let seed = from; seed < from + count && sums.failed < FAILED_MAX; seed++) {
    const report = await run(seed);
    done++;
    sums.lives += report.lives;
    sums.confirmed += report.confirmed;
    if (report.faults.length === 0) continue;
    sums.failed++;
    console.log(`${door} seed ${seed} (${report.ends.join(', ')}): ${(report.faults[0] ?? '').split('\n')[0]}`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${door}: ${done} seeds in ${seconds} s: ${sums.lives} lives, ${sums.confirmed} promises; ${done - sums.failed} passed, ${sums.failed} failed`,
  );
  if (sums.confirmed < PROMISES_MIN * done) console.log(`${door}: so few promises prove nothing`);
  return sums.failed === 0 && sums.confirmed >= PROMISES_MIN * done;
}

let isGood = true;
for (const [door, run] of Object.entries(DOORS)) {
  if (values.only !== undefined && values.only !== door) continue;
  const passed =
    values.seed === undefined
      ? await many(door, run, Number(values.from), Number(values.seeds))
      : await one(door, run, Number(values.seed));
  isGood &&= passed;
}
process.exitCode = isGood ? 0 : 1;
