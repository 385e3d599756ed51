/** A small part of `npm run test:stress`: all of it, with smaller numbers. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));

describe('the event queue under stress', () => {
  test('many events, threads that die, fresh ids, a pool with nothing to do', async () => {
    const numbers = ['--events', '20000', '--ids', '50000', '--idle', '0.3', '--deaths', '5', '--seed', '7'];
    const { stdout } = await promisify(execFile)(process.execPath, [RUN, ...numbers]);
    assert.match(stdout.trim().split('\n').at(-1) ?? '', /^all as it must be — 16000 events/);
  });
});
