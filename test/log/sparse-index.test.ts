import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparseIndex } from '../../src/log/sparse-index.ts';

function filled(): SparseIndex {
  const index = new SparseIndex();
  for (let i = 1; i <= 20; i++) index.add(i * 10, i * 1000, i * 5);
  return index;
}

test('an empty index sends everyone to the beginning', () => {
  const index = new SparseIndex();
  assert.deepEqual([index.count, index.byOffset(99), index.byTime(99)], [0, 0, 0]);
});

test('the last place at or before an offset', () => {
  const index = filled();
  assert.deepEqual(
    [9, 10, 11, 199, 200, 9999].map((delta) => index.byOffset(delta)),
    [0, 1000, 1000, 19_000, 20_000, 20_000],
  );
});

test('the last place with nothing before it that is as late', () => {
  const index = filled();
  assert.deepEqual(
    [4, 5, 6, 10, 11, 999].map((timeMs) => index.byTime(timeMs)),
    [0, 0, 1000, 1000, 2000, 20_000],
  );
});

test('places are kept where they are far enough apart', () => {
  const index = new SparseIndex();
  for (let at = 0; at < 10 << 20; at += 50_000) index.note(at / 1000, at, at);
  assert.ok(index.count >= 33 && index.count <= 40, `${index.count}`);
  for (let i = 1; i < index.count; i++) assert.ok(index.row(i).at - index.row(i - 1).at >= 256 * 1024);
});
