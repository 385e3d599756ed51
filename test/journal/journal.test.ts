/** The journal on a memory disk: append, sync, read, checkpoint, recycle, close and open again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { harness } from './harness.ts';

test('a new journal is empty, and its tip is safe', async () => {
  await using j = await harness();
  assert.equal(j.journal.tip, 0);
  assert.equal(j.journal.safe, 0);
  assert.equal(j.journal.pendingBytes, 0);
  assert.deepEqual(j.replayed, []);
});

test('what was appended is replayed in order, byte for byte, at the same positions', async () => {
  await using j = await harness();
  const written = j.append(200, (i) => i * 7);
  await j.sync();
  assert.ok(j.journal.safe >= j.journal.tip);
  await j.reopen();
  assert.deepEqual(j.replayed, written);
  assert.equal(j.journal.tip, j.journal.safe);
});

test('nothing is safe before a write has come back', async () => {
  await using j = await harness();
  const [first] = j.append(1, () => 10);
  assert.ok(first !== undefined && j.journal.safe < first.position);
  assert.equal(j.journal.pendingBytes, 14);
  j.journal.sync();
  assert.ok(j.journal.safe < first.position, 'sync() only starts the write');
  await j.settled();
  assert.ok(j.journal.safe > first.position);
  assert.equal(j.journal.pendingBytes, 0);
});
