/** `npm run test:sim -- --seeds N [--from S] [--seed S --trace] [--doors [--only amqp|kafka]]`: many seeds, or one with everything it did. */

import { parseArgs } from 'node:util';
import { runSeed } from './world.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean' },
    doors: { type: 'boolean' },
    only: { type: 'string' },
  },
});

if (values.doors === true) await import('./doors/run.ts');
else if (values.seed !== undefined) {
  const report = await runSeed(Number(values.seed), values.trace === true ? (line) => console.log(line) : undefined);
  console.log(JSON.stringify(report, null, 2));
  process.exitCode = report.faults.length === 0 ? 0 : 1;
} else await many(Number(values.from), Number(values.seeds));

async function many(from: number, count: number): Promise<void> {
  const began = performance.now();
  const bad: number[] = [];
  const sums = { sent: 0, confirmed: 0, delivered: 0, lives: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const report = await runSeed(seed);
    sums.sent += report.sent;
    sums.confirmed += report.confirmed;
    sums.delivered += report.delivered;
    sums.lives += report.lives;
    if (report.faults.length > 0) {
      bad.push(seed);
      console.log(`seed ${seed} (${report.ends.join(', ')}): ${(report.faults[0] ?? '').split('\n')[0]}`);
      if (bad.length >= 20) break;
    }
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${count} seeds in ${seconds.toFixed(1)} s: ${sums.lives} lives, ${sums.sent} sent, ${sums.confirmed} confirmed, ${sums.delivered} delivered`,
  );
  console.log(`${count - bad.length} passed, ${bad.length} failed`);
  process.exitCode = bad.length === 0 ? 0 : 1;
}
