import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permits, type Verb } from '../../src/core/access.ts';
import type { UserSpec } from '../../src/model/declaration.ts';

const VERBS: readonly Verb[] = ['configure', 'write', 'read', 'admin'];

function user(rest: Partial<UserSpec>): UserSpec {
  return { kind: 'user', name: 'ada', ...rest };
}

test('the process itself may do everything', () => {
  for (const verb of VERBS) assert.equal(permits(undefined, '/', verb, 'orders'), true);
});

test('what is not allowed is denied', () => {
  for (const verb of VERBS) assert.equal(permits(user({}), '/', verb, 'orders'), false);
  for (const verb of VERBS) assert.equal(permits(user({ configure: [], write: [], read: [], admin: false }), '/', verb, 'orders'), false);
});

test('each verb has its own names', () => {
  const ada = user({ configure: ['tmp.*'], write: ['orders.*', 'audit'], read: ['*'] });
  assert.equal(permits(ada, '/', 'configure', 'tmp.1'), true);
  assert.equal(permits(ada, '/', 'configure', 'orders.eu'), false);
  assert.equal(permits(ada, '/', 'write', 'orders.eu'), true);
  assert.equal(permits(ada, '/', 'write', 'orders'), false);
  assert.equal(permits(ada, '/', 'write', 'audit'), true);
  assert.equal(permits(ada, '/', 'write', 'audit.x'), false);
  assert.equal(permits(ada, '/', 'read', 'anything'), true);
  assert.equal(permits(ada, '/', 'read', ''), true);
  assert.equal(permits(ada, '/', 'admin', 'anything'), false);
});

test('an administrator is not thereby a reader', () => {
  const root = user({ admin: true });
  assert.equal(permits(root, '/', 'admin', ''), true);
  for (const verb of ['configure', 'write', 'read'] as const) assert.equal(permits(root, '/', verb, 'orders'), false);
});

test('a hostile pattern is decided all the same', () => {
  const ada = user({ read: [`${'*a'.repeat(2000)}b`] });
  assert.equal(permits(ada, '/', 'read', 'a'.repeat(5000)), false);
});

test('in each tenant a user may what it was given there', () => {
  const ada = user({ tenant: 'shop', read: ['*'], tenants: { lab: { write: ['a*'] } } });
  for (const [tenant, verb, name, may] of [
    ['shop', 'read', 'x', true],
    ['shop', 'write', 'a1', false],
    ['lab', 'write', 'a1', true],
    ['lab', 'read', 'x', false],
    ['/', 'read', 'x', false],
    ['constructor', 'read', 'x', false],
  ] as const)
    assert.equal(permits(ada, tenant, verb, name), may, `${tenant} ${verb} ${name}`);
  assert.equal(permits(user({ admin: true }), 'lab', 'admin', ''), true, 'who administers, administers everywhere');
});
