import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permits as permitsOf } from '../../src/core/access.ts';
import { ACCESS_TARGETS, ACCESS_VERBS, type AccessRule, type AccessTarget, type AccessVerb, EVERYBODY } from '../../src/model/access.ts';
import type { UserSpec } from '../../src/model/declaration.ts';

function user(rest: Partial<UserSpec>): UserSpec {
  return { kind: 'user', name: 'ada', ...rest };
}

function permits(
  spec: UserSpec,
  tenant: string,
  verb: AccessVerb,
  name: string,
  on: AccessTarget = 'topic',
  everybody?: readonly AccessRule[],
) {
  const users = new Map([[spec.name, spec]]);
  if (everybody !== undefined) users.set(EVERYBODY, { kind: 'user', name: EVERYBODY, rules: everybody });
  return permitsOf(users, spec.name, tenant, verb, on, name);
}

function rule(rest: Partial<AccessRule>): AccessRule {
  return { effect: 'allow', verb: 'read', on: 'topic', name: 'orders', match: 'name', ...rest };
}

test('the process itself may do everything', () => {
  for (const verb of ACCESS_VERBS)
    for (const on of ACCESS_TARGETS) assert.equal(permitsOf(new Map(), undefined, '/', verb, on, 'orders'), true);
});

test('what is not allowed is denied', () => {
  for (const verb of ACCESS_VERBS) {
    assert.equal(permits(user({}), '/', verb, 'orders'), false);
    assert.equal(permits(user({ configure: [], write: [], read: [], admin: false }), '/', verb, 'orders'), false);
    assert.equal(permits(user({}), '/', verb, '', 'broker'), false);
    assert.equal(permitsOf(new Map(), 'nobody', '/', verb, 'topic', 'orders'), false);
  }
});

test('each verb has its own names', () => {
  const ada = user({ configure: ['tmp.*'], write: ['orders.*', 'audit'], read: ['*'] });
  assert.equal(permits(ada, '/', 'declare', 'tmp.1'), true);
  assert.equal(permits(ada, '/', 'remove', 'tmp.1'), true);
  assert.equal(permits(ada, '/', 'alter-settings', 'tmp.1'), true);
  assert.equal(permits(ada, '/', 'declare', 'orders.eu'), false);
  assert.equal(permits(ada, '/', 'write', 'orders.eu'), true);
  assert.equal(permits(ada, '/', 'write', 'orders'), false);
  assert.equal(permits(ada, '/', 'write', 'audit'), true);
  assert.equal(permits(ada, '/', 'write', 'audit.x'), false);
  assert.equal(permits(ada, '/', 'read', 'anything'), true);
  assert.equal(permits(ada, '/', 'read', ''), true);
  for (const on of ACCESS_TARGETS) assert.equal(permits(ada, '/', 'alter', 'anything', on), false, on);
});

test('who may do anything with a thing may see it', () => {
  for (const which of ['configure', 'write', 'read'] as const) {
    assert.equal(permits(user({ [which]: ['orders'] }), '/', 'describe', 'orders'), true);
    assert.equal(permits(user({ [which]: ['orders'] }), '/', 'describe', 'other'), false);
  }
});

test('an administrator is not thereby a reader', () => {
  const root = user({ admin: true });
  for (const verb of ACCESS_VERBS) {
    assert.equal(permits(root, '/', verb, '', 'broker'), true);
    assert.equal(permits(root, '/', verb, 'orders'), false);
  }
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
  assert.equal(permits(user({ admin: true }), 'lab', 'alter', '', 'broker'), true, 'who administers, administers everywhere');
});

test('a rule allows what it says, of the kind it says', () => {
  const ada = user({
    rules: [rule({}), rule({ verb: 'write', name: 'in-', match: 'prefix' }), rule({ verb: 'all', on: 'group', name: '*' })],
  });
  assert.equal(permits(ada, '/', 'read', 'orders'), true);
  assert.equal(permits(ada, '/', 'describe', 'orders'), true, 'who may read may see');
  assert.equal(permits(ada, '/', 'describe-settings', 'orders'), false);
  assert.equal(permits(ada, '/', 'read', 'orders', 'queue'), false);
  assert.equal(permits(ada, '/', 'read', 'orders2'), false);
  assert.equal(permits(ada, '/', 'write', 'in-1'), true);
  assert.equal(permits(ada, '/', 'write', 'orders'), false);
  assert.equal(permits(ada, '/', 'remove', 'any', 'group'), true);
  assert.equal(permits(ada, 'lab', 'read', 'orders'), false, 'in the own tenant');
  assert.equal(permits(user({ rules: [rule({ tenant: 'lab' })] }), 'lab', 'read', 'orders'), true);
});

test('what a rule denies no pattern and no other rule allows', () => {
  const ada = user({ read: ['*'], write: ['*'], rules: [rule({ effect: 'deny' }), rule({})] });
  assert.equal(permits(ada, '/', 'read', 'orders'), false);
  assert.equal(permits(ada, '/', 'describe', 'orders'), true, 'it is only read that is denied');
  assert.equal(permits(ada, '/', 'read', 'other'), true);
  assert.equal(
    permits(user({ admin: true, rules: [rule({ effect: 'deny', verb: 'alter', on: 'broker', name: '' })] }), '/', 'alter', '', 'broker'),
    false,
  );
});

test('rules of everybody hold for each user, and make none of them', () => {
  const everybody = [rule({}), rule({ effect: 'deny', verb: 'write', name: 'audit' })];
  assert.equal(permits(user({ write: ['*'] }), '/', 'read', 'orders', 'topic', everybody), true);
  assert.equal(permits(user({ write: ['*'] }), '/', 'write', 'audit', 'topic', everybody), false);
  const users = new Map([[EVERYBODY, { ...user({ name: EVERYBODY }), rules: everybody }]]);
  for (const name of [EVERYBODY, 'ada']) assert.equal(permitsOf(users, name, '/', 'read', 'topic', 'orders'), false);
});

test('names of producers and groups are free for who has no rules', () => {
  const free = user({ read: ['a'] });
  const ruled = user({ read: ['a'], rules: [rule({ on: 'producer', verb: 'write', name: 'p' })] });
  for (const [verb, on] of [
    ['write', 'producer'],
    ['read', 'group'],
  ] as const) {
    assert.equal(permits(free, '/', verb, 'x', on), true);
    assert.equal(permits(free, 'lab', verb, 'x', on), false, 'not in a tenant it may not enter');
    assert.equal(permits(ruled, '/', verb, 'x', on), false);
  }
  assert.equal(permits(ruled, '/', 'write', 'p', 'producer'), true);
});

test('who may declare on the broker may declare every topic', () => {
  const ada = user({ rules: [rule({ verb: 'declare', on: 'broker', name: '' })] });
  assert.equal(permits(ada, '/', 'declare', 'any'), true);
  assert.equal(permits(ada, '/', 'declare', 'any', 'queue'), false);
  assert.equal(permits(ada, '/', 'remove', 'any'), false);
});
