/** examples/2-event-queue does what it says: every tile is blurred exactly once, and the picture is right. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../examples/2-event-queue/run', import.meta.url));

test('the picture is blurred', { skip: process.platform === 'win32' }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-'));
  t.after(() => rmSync(directory, { recursive: true }));
  // The very Node that runs the tests, as npm would have it.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  const { stdout } = await promisify(execFile)(script, [join(directory, 'picture.pgm')], { env });
  assert.match(stdout, /^\[#{10}\.{30}\] 75 of 300\n\[#{20}\.{20}\] 150 of 300\n\[#{30}\.{10}\] 225 of 300\n\[#{40}\] 300 of 300$/m);
  assert.match(stdout, /^Every tile was blurred exactly once, and the picture is the same, byte for byte\.\n$/m);
  const picture = readFileSync(join(directory, 'picture.pgm'));
  assert.equal(picture.subarray(0, 16).toString(), 'P5 1280 960 255\n');
  assert.equal(picture.length, 16 + 1280 * 960);
});
