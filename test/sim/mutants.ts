/** `npm run test:mutants`: plants one bug at a time in the critical paths and shows that the simulator catches each within 2,000 seeds. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutant-table.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '2000' }, only: { type: 'string' }, jobs: { type: 'string', default: '2' } },
});
const hook = fileURLToPath(new URL('./mutant-hook.mjs', import.meta.url));
const runner = fileURLToPath(new URL('./mutant-run.ts', import.meta.url));

interface Verdict {
  readonly name: string;
  readonly caught: boolean;
  readonly text: string;
}

const chosen = MUTANTS.filter((mutant) => values.only === undefined || mutant.name.includes(values.only));
const waiting = [...chosen];
const verdicts: Verdict[] = [];

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const verdict = await judge(mutant.name, JSON.stringify(mutant));
    verdicts.push(verdict);
    console.log(`${verdict.caught ? 'caught  ' : 'SURVIVED'} ${verdict.name}: ${verdict.text}`);
  }
}

function judge(name: string, mutant: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--max-old-space-size=1024', '--import', hook, runner, values.seeds], {
      env: { ...process.env, SIGNALBOX_MUTANT: mutant },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.on('close', (code) => {
      const text = out.trim().split('\n')[0] ?? '';
      // 3: a seed failed. Anything else but 0 is a mutant that does not even run: that proves nothing.
      const hung = code === null && text.endsWith('it does not end');
      resolve({ name, caught: code === 3 || hung, text: code === 0 || code === 3 || hung ? text : `ended with ${code}: ${text}` });
    });
  });
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const survived = verdicts.filter((verdict) => !verdict.caught).length;
console.log(`${verdicts.length - survived} passed, ${survived} failed`);
process.exitCode = survived === 0 && verdicts.length > 0 ? 0 : 1;
