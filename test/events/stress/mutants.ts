/** `npm run test:events-mutants`: plants one bug at a time into the event queue and shows that a stress run notices each. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './mutant-table.ts';

const HOOK = new URL('../../sim/mutant-hook.mjs', import.meta.url).href;
const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));
/** Whoever still runs by then has been noticed to hang. */
const LIMIT_MS = 180_000;
/** A run in which nothing goes on for so long ends by itself. */
const STALL_MS = '5000';

const { values } = parseArgs({ options: { only: { type: 'string' }, jobs: { type: 'string', default: '2' } } });
const waiting = MUTANTS.filter((mutant) => values.only === undefined || mutant.name.includes(values.only));
let caught = 0;
let survived = 0;

/** Answers what was noticed; undefined when nothing was. */
async function judge(mutant: Mutant): Promise<string | undefined> {
  const source = readFileSync(fileURLToPath(new URL(`../../../src/${mutant.file}`, import.meta.url)), 'utf8');
  const places = source.split(mutant.find).length - 1;
  if (places !== 1) throw new Error(`The place to change is in ${mutant.file} ${places} times, not once: ${mutant.find}`);
  for (const seed of ['1', '2', '3']) {
    const noticed = await run(mutant, seed);
    if (noticed !== undefined) return `seed ${seed}: ${noticed}`;
  }
  return undefined;
}

function run(mutant: Mutant, seed: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', HOOK, RUN, ...mutant.by, '--seed', seed], {
      env: { ...process.env, SIGNALBOX_MUTANT: JSON.stringify(mutant), SIGNALBOX_STALL_MS: STALL_MS },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.on('close', (code) => {
      clearTimeout(limit);
      const told = out.trim().split('\n').at(-1) ?? '';
      resolve(code === 0 ? undefined : told.startsWith('VIOLATED') ? (told.split(' — ')[0] ?? '') : 'it does not end');
    });
  });
}

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const noticed = await judge(mutant);
    if (noticed === undefined) survived++;
    else caught++;
    console.log(`${noticed === undefined ? 'SURVIVED' : 'caught  '} ${mutant.name}${noticed === undefined ? '' : `: ${noticed}`}`);
  }
}

// As it is, nothing must be noticed: else what is noticed below says nothing.
for (const by of new Set(MUTANTS.map((mutant) => mutant.by))) {
  const noticed = await run({ name: '', file: 'events/park.ts', find: 'class Park', replace: 'class Park', by }, '1');
  if (noticed !== undefined) throw new Error(`Without any mutant ${by.join(' ')} is not as it must be: ${noticed}`);
}
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
console.log(`${caught} caught, ${survived} survived`);
process.exitCode = survived === 0 && caught > 0 ? 0 : 1;
