/** `node test/sim/doors/mutants.ts [--only TEXT] [--door NAME] [--seeds N]`: plants one bug at a time in a door; the simulator must catch each. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DOOR_MUTANTS, type DoorMutant } from './mutant-table.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    only: { type: 'string' },
    door: { type: 'string' },
    jobs: { type: 'string', default: '2' },
  },
});
/** A planted bug may well loop for ever. */
const LIMIT_MS = 240_000;
const hook = fileURLToPath(new URL('../mutant-hook.mjs', import.meta.url));
const runner = fileURLToPath(new URL('./mutant-run.ts', import.meta.url));

const waiting = DOOR_MUTANTS.filter(
  ({ name, door }) => (values.only === undefined || name.includes(values.only)) && (values.door === undefined || door === values.door),
);
let caught = 0;
let survived = 0;

function judge(mutant: DoorMutant): Promise<{ readonly caught: boolean; readonly text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--max-old-space-size=1024', '--import', hook, runner, mutant.door, values.seeds], {
      env: { ...process.env, SIGNALBOX_MUTANT: JSON.stringify(mutant) },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
    child.on('close', (code) => {
      const text = out.trim().split('\n')[0] ?? '';
      // 3: a seed failed. Anything else but 0 is a mutant that does not even run: that proves nothing.
      if (code === null) resolve({ caught: false, text: `it did not end within ${LIMIT_MS / 1000} s` });
      else resolve({ caught: code === 3, text: code === 0 || code === 3 ? text : `ended with ${code}: ${out.slice(0, 300)}` });
    });
  });
}

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const verdict = await judge(mutant);
    if (verdict.caught) caught++;
    else survived++;
    console.log(`${verdict.caught ? 'caught  ' : 'SURVIVED'} ${mutant.door}, ${mutant.name}: ${verdict.text}`);
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
console.log(`${caught} passed, ${survived} failed`);
process.exitCode = survived === 0 && caught > 0 ? 0 : 1;
