/** Paths that mean one file compare equal. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directoryOf, nameOf, normalPath } from '../../src/host/paths.ts';

test('normal paths', () => {
  for (const path of ['a/b', './a/b', 'a//b/', 'a/x/../b']) assert.equal(normalPath(path), 'a/b');
  assert.equal(normalPath('/'), '/');
  assert.equal(normalPath(''), '.');
  assert.equal(directoryOf('a/b'), 'a');
  assert.equal(directoryOf('a'), '.');
  assert.equal(directoryOf('/a'), '/');
  assert.equal(nameOf('a/b'), 'b');
});
