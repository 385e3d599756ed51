/** examples/1-first-event does what it says: published, seen, killed, started again, and nothing is missing. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../examples/1-first-event/run', import.meta.url));

test('the first event survives kill -9', { skip: process.platform === 'win32' }, async () => {
  // The very Node that runs the tests, as npm would have it.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  const { stdout } = await promisify(execFile)(script, { env });
  assert.match(stdout, /^2000 events, 437478 bytes: the same, byte for byte\.$/m);
  const [, confirmed, there] = /^Confirmed before the kill: (\d+)\. There now: (\d+)\.$/m.exec(stdout) ?? [];
  assert.ok(Number(there) >= Number(confirmed) && Number(there) >= 6000, stdout);
  assert.match(stdout, /^Nothing is missing\.\n$/m);
});
