/** `npm run fuzz [-- NAME …] [--runs N]`: every decoder against mutated input, one process each; ends with how many passed. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { runs: { type: 'string' } } });
const known = readdirSync(here)
  .filter((name) => name.endsWith('.ts') && name !== 'run.ts')
  .map((name) => name.slice(0, -3));
const chosen = positionals.length > 0 ? positionals : known;

let failed = 0;
for (const name of chosen) {
  if (!known.includes(name)) {
    console.error(`There is no fuzzer "${name}". There are: ${known.join(', ')}.`);
    process.exit(2);
  }
  const runs = values.runs === undefined ? [] : ['--runs', values.runs];
  const { status } = spawnSync(process.execPath, [`${here}${name}.ts`, ...runs], { stdio: 'inherit' });
  if (status !== 0) {
    failed++;
    console.error(`fuzz ${name}: ended with ${status}`);
  }
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
