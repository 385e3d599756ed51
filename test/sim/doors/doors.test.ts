/** The simulator through the doors as part of `npm test`: some hundred seeds of each; a failure names its seed. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runAmqpSeed } from './amqp-cast.ts';
import { runKafkaSeed } from './kafka-cast.ts';

const SEEDS = Number(process.env.SIGNALBOX_SIM_SEEDS ?? 200);
/** Seeds that found something once. */
const FOUND = { amqp: [], kafka: [569, 2479] } as const;
const script = fileURLToPath(new URL('./run.ts', import.meta.url));

for (const [door, run] of [
  ['amqp', runAmqpSeed],
  ['kafka', runKafkaSeed],
] as const) {
  // In a process of its own: the test runner makes every promise of this one twice as dear.
  test(`${door}: seeds 1 to ${SEEDS}: what a client was promised holds`, async () => {
    const ran = await promisify(execFile)(process.execPath, [script, '--only', door, '--seeds', String(SEEDS)]).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    assert.match(ran.stdout, new RegExp(`${SEEDS} passed, 0 failed\\n$`), `${ran.stdout}${ran.stderr}`);
  });

  for (const seed of FOUND[door])
    test(`${door}: seed ${seed}, which found something once`, async () => {
      const { faults } = await run(seed);
      assert.deepEqual(faults, []);
    });

  test(`${door}: a seed repeats itself exactly`, async () => {
    const [first, second] = [[], []] as [string[], string[]];
    await run(7, (line) => first.push(line));
    await run(7, (line) => second.push(line));
    assert.ok(first.length > 20);
    assert.deepEqual(second, first);
  });
}
