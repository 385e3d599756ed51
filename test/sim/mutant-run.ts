/** One mutant: seeds until one fails. Exit code 3: caught; 0: survived. A seed that does not end is caught by its time limit. */

import { Worker } from 'node:worker_threads';
import { runSeed } from './world.ts';

const seeds = Number(process.argv[2] ?? 2000);
/** A planted bug may well loop for ever: then somebody else has to end the process. */
const watch = new Worker(
  `const { parentPort } = require('node:worker_threads');
   let seed = 0; let beat = Date.now();
   parentPort.on('message', (s) => { seed = s; beat = Date.now(); });
   setInterval(() => { if (Date.now() - beat > 60000) { require('node:fs').writeSync(1, 'seed ' + seed + ': it does not end\\n'); process.kill(process.pid, 'SIGKILL'); } }, 500);`,
  { eval: true },
);
watch.unref();

for (let seed = 1; seed <= seeds; seed++) {
  watch.postMessage(seed);
  const report = await runSeed(seed).catch((error: unknown) => ({ faults: [`threw: ${String(error)}`] }));
  if (report.faults.length > 0) {
    console.log(`seed ${seed}: ${(report.faults[0] ?? '').split('\n')[0]}`);
    process.exit(3);
  }
}
console.log(`${seeds} seeds, nothing noticed`);
process.exit(0);
