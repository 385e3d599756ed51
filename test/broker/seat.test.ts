import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordVerifier, tokenVerifier } from '../../src/broker/broker.ts';
import type { Engine } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { batch, bodiesIn, bodiesOf, opened, sending } from './opened.ts';

function refuses(code: string) {
  return (error: unknown) => error instanceof Refused && error.code === code;
}

function thrown(answer: unknown): unknown {
  if (answer instanceof Refused) throw answer;
  return answer;
}

const RUN = Float64Array.of(0, 1);

/** Everything a user can ask about one name, by the permission it needs. */
const ASKED: readonly (readonly [string, (engine: Engine, name: string) => Promise<unknown>])[] = [
  ['configure', (engine, name) => engine.declare({ kind: 'queue', name })],
  ['configure', (engine, name) => engine.remove('queue', name)],
  ['configure', (engine, name) => engine.remove('topic', name)],
  ['configure', (engine, name) => engine.alter({ kind: 'topic', name })],
  ['configure', (engine, name) => engine.trim(name, 0, offset(0))],
  ['read', (engine, name) => engine.describe('queue', name)],
  ['read', (engine, name) => engine.receive({ queue: name })],
  ['read', (engine, name) => engine.consume({ queue: name }, { deliver: () => undefined, cancelled: () => undefined })],
  ['read', (engine, name) => engine.settle({ queue: name, runs: RUN, outcome: 'ack' })],
  ['read', (engine, name) => engine.extend(name, 1, RUN, 5)],
  ['read', (engine, name) => engine.peek({ queue: name })],
  ['read', (engine, name) => engine.purge(name)],
  ['read', (engine, name) => engine.fetch({ topic: name, partition: 0, offset: offset(0) })],
  ['read', (engine, name) => engine.offsetAt(name, 0, 0)],
  ['read', (engine, name) => engine.join({ group: 'g', topics: [name] }, { assigned: () => undefined, revoked: async () => undefined })],
  ['read', (engine, name) => engine.moveCursors('h', [{ topic: name, partition: 0, offset: offset(0) }])],
  ['read', (engine, name) => engine.transact([{ kind: 'settle', queue: name, runs: RUN, outcome: 'ack' }])],
  ['write', (engine, name) => engine.publish(batch(name, 'a'))],
  ['write', (engine, name) => engine.publish(sending(name, 'a'))],
  ['write', async (engine, name) => Promise.all((await engine.publishAll([sending(name, 'a')])).map(thrown))],
  ['write', (engine, name) => engine.publish({ ...sending('mine', 'a'), also: [name] })],
  ['write', (engine, name) => engine.publish({ ...batch('anything', 'a'), also: ['anything', name] })],
  ['write', (engine, name) => engine.publish({ ...batch('anything', 'a'), exchange: name })],
  ['write', (engine, name) => engine.transact([{ kind: 'publish', ...batch(name, 'a') }])],
  ['write', (engine, name) => engine.bind({ exchange: 'mine', to: { kind: 'queue', name }, pattern: '#' })],
  ['read', (engine, name) => engine.bind({ exchange: name, to: { kind: 'queue', name: 'mine' }, pattern: '#' })],
  ['write', (engine, name) => engine.unbind({ exchange: 'mine', to: { kind: 'queue', name }, pattern: '#' })],
  ['admin', (engine) => engine.declare({ kind: 'user', name: 'new' })],
  ['admin', (engine) => engine.declare({ kind: 'tenant', name: 'new' })],
  ['admin', (engine) => engine.remove('tenant', 'new')],
  ['admin', (engine) => engine.describe('tenant', 'new')],
  ['admin', (engine) => engine.list('tenant')],
  ['admin', (engine) => engine.list('user')],
  ['admin', (engine) => engine.describe('user', 'u')],
  ['admin', (engine) => engine.keepVerifier('password', 'u', 'mine')],
  ['admin', (engine) => engine.remove('user', 'u')],
];

test('a user may do what a pattern allows, and nothing else', async (t) => {
  const { broker } = await opened(t);
  for (const name of ['mine', 'yours']) {
    await broker.declare({ kind: 'queue', name });
    await broker.declare({ kind: 'topic', name });
    await broker.declare({ kind: 'exchange', name, type: 'topic' });
  }
  await broker.declare({ kind: 'user', name: 'u', configure: ['mine'], write: ['mine', 'anything'], read: ['mi*'] });
  const user = broker.as({ user: 'u' });
  for (const [i, [verb, ask]] of ASKED.entries()) {
    await assert.rejects(ask(user, 'yours'), refuses('forbidden'), `${verb} ${i}`);
    if (verb === 'admin') continue;
    // What the user may ask is answered, or refused for another reason.
    await ask(user, 'mine').catch((error: unknown) =>
      assert.ok(error instanceof Refused && error.code !== 'forbidden', `${verb} ${i}: ${error}`),
    );
  }
  await assert.rejects(broker.as({ user: 'nobody' }).receive({ queue: 'mine' }), refuses('forbidden'));
});

test('in another tenant a user may what it was given there, and keeps it', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'user', name: 'u', read: ['*'], tenants: { lab: { configure: ['*'], write: ['*'] } } });
  const lab = broker.as({ user: 'u', tenant: 'lab' });
  await lab.declare({ kind: 'queue', name: 'q' });
  await assert.rejects(lab.receive({ queue: 'q' }), refuses('forbidden'));
  await assert.rejects(broker.as({ user: 'u' }).declare({ kind: 'queue', name: 'q' }), refuses('forbidden'));
  await assert.rejects(broker.as({ user: 'u', tenant: 'other' }).receive({ queue: 'q' }), refuses('forbidden'));
  const again = (await reopen()).broker;
  assert.equal((await again.as({ user: 'u', tenant: 'lab' }).publish(sending('q', 'x'))).routed, 1);
});

test('a tenant that is removed takes with it what it holds, and its consumers hear of it', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'tenant', name: 'lab', labels: { about: 'tries' } });
  await broker.declare({ kind: 'tenant', name: 'empty' });
  const lab = broker.as({ tenant: 'lab' });
  await lab.declare({ kind: 'queue', name: 'q' });
  await lab.declare({ kind: 'topic', name: 't' });
  await broker.declare({ kind: 'queue', name: 'q' });
  const names = async (engine: Engine) => (await engine.list('tenant')).map((one) => (one.kind === 'tenant' ? one.spec.name : ''));
  assert.deepEqual(await names(broker), ['/', 'empty', 'lab']);
  const cancelled = new Promise<string>((resolve) => {
    void lab.consume({ queue: 'q' }, { deliver: () => undefined, cancelled: resolve });
  });
  await lab.publish(sending('q', 'a'));
  await lab.publish(batch('t', 'b'));
  await broker.remove('tenant', 'lab');
  await cancelled;
  assert.equal(await broker.describe('tenant', 'lab'), undefined);
  assert.equal(await lab.describe('queue', 'q'), undefined);
  await lab.declare({ kind: 'topic', name: 't' }); // the name is free again, and what it held is gone
  const topic = await lab.describe('topic', 't');
  assert.deepEqual(topic?.kind === 'topic' && topic.partitions.map(({ end }) => end), [0]);
  const again = (await reopen()).broker;
  assert.deepEqual(await names(again), ['/', 'empty', 'lab']);
  assert.ok(await again.describe('queue', 'q'));
});

test('many publishes are one step, each with its own answer, in order', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't' });
  await broker.declare({ kind: 'queue', name: 'full', countMax: 1 });
  const answers = await broker.publishAll([
    batch('t', 'a', 'b'),
    sending('nowhere', 'x'),
    sending('full', 'c'),
    sending('full', 'd'),
    batch('t', 'e'),
  ]);
  assert.deepEqual(
    answers.map((answer) => (answer instanceof Refused ? answer.code : [...(answer.offsets ?? [])])),
    [[0, 1], 'unknown', [], 'full', [2]],
  );
  const again = (await reopen()).broker;
  const { records } = await again.fetch({ topic: 't', partition: 0, offset: offset(0) });
  assert.deepEqual(bodiesIn(records), ['a', 'b', 'e']);
  const held = await again.receive({ queue: 'full', countMax: 9 });
  assert.deepEqual(held && bodiesOf(held), ['c']);
  assert.deepEqual(await again.publishAll([]), []);
});

test('a verifier is kept by itself, shown to the process alone, and lasts', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'user', name: 'u', admin: true, read: ['*'], secrets: { password: 'a', token: 'b' } });
  await broker.as({ user: 'u' }).keepVerifier('password', 'u', 'c');
  await broker.keepVerifier('token', 'u', undefined);
  await broker.keepVerifier('challenge', 'u', 'd');
  await assert.rejects(broker.keepVerifier('token', 'nobody', 'x'), refuses('unknown'));
  await assert.rejects(broker.as({ user: 'u' }).verifier('password', 'u'), refuses('forbidden'));
  const again = (await reopen()).broker;
  for (const [purpose, verifier] of [
    ['password', 'c'],
    ['token', undefined],
    ['challenge', 'd'],
  ] as const)
    assert.equal(await again.verifier(purpose, 'u'), verifier);
  assert.equal(await again.verifier('password', 'nobody'), undefined);
  const described = await again.describe('user', 'u');
  assert.deepEqual(described?.kind === 'user' && described.spec, { kind: 'user', name: 'u', admin: true, read: ['*'] });
});

test('what is asked for briefly opens no log', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 2 });
  await broker.publish(batch('t', 'a'));
  const { broker: again, host } = await reopen();
  const open = t.mock.method(host.disk, 'open');
  const [topic] = await again.list('topic', { brief: true });
  assert.ok(topic?.kind === 'topic');
  assert.deepEqual([topic.sizeBytes, topic.partitions.map(({ end }) => end)], [undefined, [1, 0]]);
  assert.equal(open.mock.callCount(), 0);
  const whole = await again.describe('topic', 't');
  assert.ok(whole?.kind === 'topic' && (whole.sizeBytes ?? 0) > 0);
  assert.ok(open.mock.callCount() > 0);
});

test('lists show what may be read', async (t) => {
  const { broker } = await opened(t);
  for (const name of ['a.1', 'a.2', 'b.1']) {
    await broker.declare({ kind: 'queue', name });
    await broker.publish({ ...batch(name, 'kept'), retain: true });
  }
  await broker.declare({ kind: 'user', name: 'u', read: ['a.*'] });
  const user = broker.as({ user: 'u' });
  const names = (await user.list('queue')).map((described) => ('spec' in described ? described.spec.name : ''));
  assert.deepEqual(names, ['a.1', 'a.2']);
  assert.deepEqual((await user.retained('#')).map(({ address }) => address).toSorted(), ['a.1', 'a.2']);
  assert.equal((await broker.list('queue')).length, 3);
});

test('every name lives in a tenant', async (t) => {
  const { broker, reopen } = await opened(t);
  const other = broker.as({ tenant: 'other' });
  for (const engine of [broker, other]) {
    await engine.declare({ kind: 'queue', name: 'q' });
    await engine.declare({ kind: 'topic', name: 't' });
    await engine.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 't' });
  }
  await other.publish({ ...batch('t', 'theirs'), retain: true });
  assert.equal(await broker.receive({ queue: 'q' }), undefined);
  assert.deepEqual(await broker.retained('#'), []);
  const again = (await reopen()).broker;
  const got = await again.as({ tenant: 'other' }).receive({ queue: 'q' });
  assert.deepEqual(got && bodiesOf(got), ['theirs']);
  assert.equal(await again.receive({ queue: 'q' }), undefined);
  const fetched = await again.as({ tenant: 'other' }).fetch({ topic: 't', partition: 0, offset: offset(0) });
  assert.deepEqual(bodiesIn(fetched.records), ['theirs']);
  await again.remove('queue', 'q');
  assert.ok(await again.as({ tenant: 'other' }).describe('queue', 'q'));
});

test('a secret is checked for its purpose, tells its user and tenant, and is never shown', async (t) => {
  const { broker } = await opened(t);
  assert.equal(broker.guarded, false);
  const password = await passwordVerifier('correct horse', Uint8Array.of(1, 2, 3));
  await broker.declare({ kind: 'user', name: 'u', tenant: 'there', secrets: { token: tokenVerifier('t0ken'), password } });
  assert.equal(broker.guarded, true);
  assert.deepEqual(await broker.authenticate('token', '', 't0ken'), { user: 'u', tenant: 'there' });
  assert.deepEqual(await broker.authenticate('token', 'u', 't0ken'), { user: 'u', tenant: 'there' });
  assert.deepEqual(await broker.authenticate('password', 'u', 'correct horse'), { user: 'u', tenant: 'there' });
  // What a RabbitMQ kept of "guest": four bytes of salt, and the hash of both.
  const kept = Buffer.from('dTmJl8ct/AFO/fhNtbN3Un7kC+jIWC/Xbn3kiDn3p1KmK/6w', 'base64');
  const brought = `salted-sha256:${kept.toString('base64url', 0, 4)}:${kept.toString('base64url', 4)}`;
  await broker.declare({ kind: 'user', name: 'guest', secrets: { password: brought } });
  assert.deepEqual(await broker.authenticate('password', 'guest', 'guest'), { user: 'guest' });
  assert.equal(await broker.authenticate('password', 'guest', 'Guest'), undefined);
  for (const [purpose, name, secret] of [
    ['token', '', 'T0ken'],
    ['token', 'nobody', 't0ken'],
    ['password', 'u', 't0ken'],
    ['password', 'u', ''],
    ['nonsense', 'u', 't0ken'],
  ] as const)
    assert.equal(await broker.authenticate(purpose, name, secret), undefined, `${purpose} ${name} ${secret}`);
  const described = await broker.describe('user', 'u');
  assert.deepEqual(described, { kind: 'user', spec: { kind: 'user', name: 'u', tenant: 'there' } });
  assert.ok(!JSON.stringify(await broker.list('user')).includes('sha256'));
});

test('figures tell what waits, and whether the broker keeps anything', async (t) => {
  const { broker } = await opened(t);
  assert.equal(broker.capabilities.durable, false);
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.publish(sending('q', 'a', 'b', 'c'));
  await broker.receive({ queue: 'q' });
  const metrics = broker.metrics();
  assert.deepEqual(
    ['queues', 'messages_ready', 'messages_in_flight', 'queue_messages_published_total', 'disk_full'].map((name) => metrics.get(name)),
    [1, 2, 1, 3, 0],
  );
});

test('rules allow and deny beside the patterns, are kept when the user is declared again, and also after a restart', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'topic', name: 'orders' });
  const rules = [
    { effect: 'allow', verb: 'write', on: 'topic', name: 'ord', match: 'prefix' },
    { effect: 'allow', verb: 'alter', on: 'topic', name: 'orders', match: 'name' },
    { effect: 'allow', verb: 'write', on: 'producer', name: 'p', match: 'name' },
  ] as const;
  await broker.declare({ kind: 'user', name: 'u', rules });
  const user = broker.as({ user: 'u' });
  assert.equal((await user.publish(batch('orders', 'a'))).routed, 1);
  assert.equal((await user.describe('topic', 'orders'))?.kind, 'topic', 'who may write may see');
  assert.equal((await user.list('topic')).length, 1);
  await user.alter({ kind: 'topic', name: 'orders', partitions: 2 });
  await assert.rejects(user.alter({ kind: 'topic', name: 'orders', partitions: 2, retentionMs: 1 }), refuses('forbidden'), 'a setting');
  await assert.rejects(user.fetch({ topic: 'orders', partition: 0, offset: offset(0) }), refuses('forbidden'));
  await assert.rejects(user.declare({ kind: 'topic', name: 'orders2' }), refuses('forbidden'));
  await assert.rejects(user.remove('topic', 'orders'), refuses('forbidden'));
  await user.producer('p');
  await assert.rejects(user.producer('q'), refuses('forbidden'));
  assert.deepEqual([await user.may('write', 'topic', 'orders'), await user.may('read', 'topic', 'orders')], [true, false]);
  await broker.declare({ kind: 'user', name: 'u', read: ['x'] });
  const again = (await reopen()).broker;
  assert.equal((await again.as({ user: 'u' }).publish(batch('orders', 'b'))).routed, 1, 'kept');
  await again.declare({ kind: 'user', name: '*', rules: [{ effect: 'deny', verb: 'write', on: 'topic', name: 'orders', match: 'name' }] });
  await assert.rejects(again.as({ user: 'u' }).publish(batch('orders', 'c')), refuses('forbidden'), 'denied to everybody');
  await assert.rejects(again.as({ user: '*' }).describe('topic', 'orders'), refuses('forbidden'), 'nobody is everybody');
  await again.declare({ kind: 'user', name: 'u', rules: [] });
  await assert.rejects(again.as({ user: 'u' }).publish(batch('other', 'c')), refuses('forbidden'), 'taken away');
  await again.remove('user', 'u');
  assert.equal(again.guarded, false, 'rules of everybody guard nothing where there is nobody');
});

test('rules are given by themselves: what the user has besides stays, and one that there is not comes to be', async (t) => {
  const { broker } = await opened(t);
  const rules = [{ effect: 'allow', verb: 'read', on: 'topic', name: 'a', match: 'name' }] as const;
  await broker.declare({ kind: 'user', name: 'u', read: ['b'], secrets: { token: tokenVerifier('t') } });
  await broker.keepRules('u', rules);
  const users = await broker.list('user');
  assert.deepEqual(users, [{ kind: 'user', spec: { kind: 'user', name: 'u', read: ['b'], rules } }]);
  assert.deepEqual(await broker.authenticate('token', '', 't'), { user: 'u' });
  await broker.keepRules('new', rules);
  assert.equal(await broker.as({ user: 'new' }).may('read', 'topic', 'a'), true);
  await assert.rejects(broker.as({ user: 'u' }).keepRules('u', []), refuses('forbidden'));
});

test('rules that say nothing are refused', async (t) => {
  const { broker } = await opened(t);
  const rule = { effect: 'allow', verb: 'read', on: 'topic', name: 'a', match: 'name' } as const;
  const wrong = [{ effect: 'maybe' }, { verb: 'fly' }, { on: 'moon' }, { match: 'glob' }, { name: 1 }, { note: 'x'.repeat(256) }];
  for (const one of wrong)
    await assert.rejects(broker.declare({ kind: 'user', name: 'u', rules: [{ ...rule, ...one } as typeof rule] }), refuses('invalid'));
  await assert.rejects(broker.declare({ kind: 'user', name: 'u', rules: Array(1001).fill(rule) }), refuses('invalid'));
  await assert.rejects(broker.declare({ kind: 'user', name: '*', secrets: { password: 'x' } }), refuses('invalid'));
});

test('addresses that lead to one queue and nowhere else have one way, for as long as that is so', async (t) => {
  const { broker } = await opened(t);
  for (const name of ['q', 'other']) await broker.declare({ kind: 'queue', name });
  await broker.declare({ kind: 'queue', name: 'strict', schema: { jsonSchema: { type: 'object' } } });
  await broker.declare({ kind: 'exchange', name: 'x', type: 'topic' });
  await broker.declare({ kind: 'exchange', name: 'checked', type: 'topic', schema: { jsonSchema: { type: 'object' } } });
  const bind = (name: string, pattern: string, more: { filter?: string; transform?: string } = {}, exchange = 'x') =>
    broker.bind({ exchange, to: { kind: 'queue', name }, pattern, ...more });
  for (const pattern of ['a', 'b.*', 'filtered', 'made', 'both', 't']) await bind('q', pattern);
  await bind('other', 'c');
  await bind('other', 'both');
  await bind('other', 'filtered', { filter: 'contentType' });
  await bind('q', 'made', { transform: 'body' });
  await bind('strict', 'strict');
  await bind('q', 'a', {}, 'checked');
  await broker.declare({ kind: 'topic', name: 't' });
  const way = broker.way('x', 'a');
  assert.ok(way !== undefined);
  assert.equal(broker.way('x', 'b.1'), way);
  assert.notEqual(broker.way('x', 'c'), way);
  assert.ok(broker.way('x', 'c') !== undefined);
  // Filtered, made into another, to two, to none, the name of a topic, checked: each for itself.
  for (const address of ['filtered', 'made', 'both', 'nobody', 't', 'strict']) assert.equal(broker.way('x', address), undefined, address);
  assert.equal(broker.way('checked', 'a'), undefined);
  assert.equal(broker.way('missing', 'a'), undefined);
  await bind('q', 'q', {}, 'amq.topic');
  assert.equal(broker.way('', 'q'), undefined, 'there the address is what is permitted');
  assert.equal(broker.way('amq.topic', 'q'), undefined, 'there too');
  await bind('other', 'a');
  assert.equal(broker.way('x', 'a'), undefined);
});
