/** `npm run bench -- events` at its smallest: our side runs all its callbacks, and the table says what was and what was not compared. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postingSide } from '../../bench/events/node-sides.ts';
import { queueSide } from '../../bench/events/ours.ts';
import type { Calls, Load } from '../../bench/events/shape.ts';
import { events, tableOf } from '../../bench/events.ts';

const SMALL = ['--events', '64', '--rounds', '1', '--workers', '1', '--producers', '1'];

describe('our side', { concurrency: true }, () => {
  const shapes: readonly [Calls, Load, boolean][] = [
    ['add', 'bytes', false],
    ['add, register', 'word', true],
    ['addMany with callbacks', 'word', true],
  ];
  for (const [calls, load, ids] of shapes) {
    test(`${calls}, ${load}`, async () => {
      const side = await queueSide({ calls, load, producers: 1, workers: 1, ids });
      // It checks by itself that all callbacks have run.
      assert.ok((await side.round(100)) > 0);
      assert.ok((await side.round(30)) > 0);
      await side.end();
    });
  }
});

test('messages arrive', async () => {
  const side = await postingSide(1);
  assert.ok((await side.round(100)) > 0);
  await side.end();
});

describe('the table', { concurrency: true }, () => {
  test('beside EventEmitter', async () => {
    const figures = await events({ seconds: 0, args: [...SMALL, '--only', 'EventEmitter'] });
    assert.match(tableOf(figures), /EventBus\.publish .* at least 1, aim 1: /);
  });

  test('what needs a folder that was not given is named, not left out', async () => {
    const figures = await events({ seconds: 0, args: [...SMALL, '--only', 'Part 3 mended'] });
    assert.match(
      tableOf(figures),
      /^C\+\+ Part 3 mended, 1 → 1: not compared: (no folder with its classes was given: --cpp DIR|g\+\+ was not found)$/m,
    );
  });
});
