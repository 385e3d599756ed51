import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideBind, decideDeclare, decideRemove, decideUnbind } from '../../src/core/declare.ts';
import { decidePublish } from '../../src/core/publish.ts';
import { digest } from '../../src/core/restate.ts';
import type { Declaration, TenantSpec } from '../../src/model/declaration.ts';
import { isRefusal } from '../../src/model/refusal.ts';
import { publishOf, RULES, refusedAs, sendOf, taken, World } from './states.ts';

function declare(world: World, spec: unknown): ReturnType<typeof decideDeclare> {
  return decideDeclare(world.state, world.tenant, spec as Declaration, 5);
}

test('declaring anew is an entry, the same again is none, other properties are refused by name', () => {
  const world = new World();
  const spec: Declaration = { kind: 'queue', name: 'q', countMax: 5, retry: { attempts: 3, jitter: 0.5 } };
  const entries = taken(declare(world, spec));
  assert.deepEqual(entries, [{ kind: 'declared', id: 1, tenant: '/', spec, nowMs: 5 }]);
  world.apply(...entries);
  assert.deepEqual(taken(declare(world, { name: 'q', retry: { jitter: 0.5, attempts: 3 }, countMax: 5, kind: 'queue' })), []);
  const conflict = declare(world, { kind: 'queue', name: 'q', countMax: 6, ttlMs: 1 });
  assert.ok(isRefusal(conflict));
  assert.equal(conflict.refused, 'conflict');
  for (const part of ['countMax is 5, asked for 6', 'ttlMs is not set, asked for 1', 'retry is'])
    assert.ok(conflict.message.includes(part), conflict.message);
});

test('a topic grows, and never shrinks', () => {
  const world = new World().declare({ kind: 'topic', name: 't', partitions: 2 });
  world.apply(...taken(declare(world, { kind: 'topic', name: 't', partitions: 3 })));
  assert.equal(world.topic('t').partitions.length, 3);
  assert.equal(refusedAs(declare(world, { kind: 'topic', name: 't', partitions: 2 })), 'conflict');
  assert.equal(refusedAs(declare(world, { kind: 'topic', name: 't', partitions: 4, compact: true })), 'conflict');
});

test('every property of a wrong type or out of range is named', () => {
  const world = new World();
  const faults: readonly (readonly [string, object])[] = [
    ['name', { kind: 'queue', name: '' }],
    ['name', { kind: 'queue', name: 'x'.repeat(256) }],
    ['name', { kind: 'queue', name: 'a\nb' }],
    ['wildcard', { kind: 'topic', name: 'a.#' }],
    ['kind', { kind: 'stream', name: 'x' }],
    ...[
      'leaseMs',
      'ttlMs',
      'delayMs',
      'countMax',
      'sizeBytesMax',
      'dedupWindowMs',
      'messageBytesMax',
      'expiresMs',
      'priorityAgeMs',
    ].flatMap((property) =>
      [-1, '1', Number.NaN, Number.POSITIVE_INFINITY, null].map(
        (value) => [property, { kind: 'queue', name: 'x', [property]: value }] as const,
      ),
    ),
    ...['durable', 'autoDelete', 'singleActiveConsumer', 'grouped'].map(
      (property) => [property, { kind: 'queue', name: 'x', [property]: 1 }] as const,
    ),
    ['expiresMs', { kind: 'queue', name: 'x', expiresMs: 0 }],
    ['priorityAgeMs', { kind: 'queue', name: 'x', priorityAgeMs: 0 }],
    ['deadLetter.address', { kind: 'queue', name: 'x', deadLetter: { exchange: '', address: 5 } }],
    ['retry.backoffMs', { kind: 'queue', name: 'x', retry: { attempts: 1, backoffMs: -1 } }],
    ['retry.factor', { kind: 'queue', name: 'x', retry: { attempts: 1, factor: 0.5 } }],
    ['retry.jitter', { kind: 'queue', name: 'x', retry: { attempts: 1, jitter: 1.5 } }],
    ['schema', { kind: 'queue', name: 'x', schema: 'text' }],
    ['schema.onFault', { kind: 'topic', name: 'x', schema: { jsonSchema: {}, onFault: 'shrug' } }],
    ['retentionBytes', { kind: 'topic', name: 'x', retentionBytes: -5 }],
    ['type', { kind: 'exchange', name: 'x' }],
    ['hashHeader', { kind: 'exchange', name: 'x', type: 'consistent-hash', hashHeader: 5 }],
    ['internal', { kind: 'exchange', name: 'x', type: 'fanout', internal: 'no' }],
    ['write', { kind: 'user', name: 'x', write: '*' }],
    ['read', { kind: 'user', name: 'x', read: [5] }],
    ['admin', { kind: 'user', name: 'x', admin: 'yes' }],
    ['tenant', { kind: 'user', name: 'x', tenant: 5 }],
    ['tenants', { kind: 'user', name: 'x', tenants: [] }],
    ['tenants', { kind: 'user', name: 'x', tenants: { lab: 'all' } }],
    ['tenants', { kind: 'user', name: 'x', tenants: { lab: { read: '*' } } }],
    ['tenants', { kind: 'user', name: 'x', tenants: { '': {} } }],
    ['secrets', { kind: 'user', name: 'x', secrets: { token: 5 } }],
    ['labels', { kind: 'tenant', name: 'x', labels: { a: 1 } }],
  ];
  for (const [about, spec] of faults) {
    const refused = declare(world, spec);
    assert.ok(isRefusal(refused), JSON.stringify(spec));
    assert.equal(refused.refused, 'invalid');
    assert.ok(refused.message.includes(about), `${refused.message} should name ${about}`);
  }
});

test('removing asks whether it is there, in use, and empty', () => {
  const world = new World().declare(
    { kind: 'queue', name: 'q' },
    { kind: 'topic', name: 't' },
    { kind: 'exchange', name: 'x', type: 'fanout' },
  );
  const remove = (
    what: Parameters<typeof decideRemove>[2],
    name: string,
    options?: { ifUnused?: boolean; ifEmpty?: boolean },
    inUse = false,
  ) => decideRemove(world.state, world.tenant, what, name, options, inUse);
  for (const what of ['queue', 'topic', 'exchange', 'group', 'user', 'tenant'] as const)
    assert.equal(refusedAs(remove(what, 'nobody')), 'unknown');
  assert.equal(refusedAs(remove('exchange', 'amq.topic')), 'forbidden');
  assert.equal(refusedAs(remove('queue', 'q', { ifUnused: true }, true)), 'conflict');
  assert.equal(taken(remove('queue', 'q', {}, true)).length, 1);
  world.apply(...taken(decidePublish(world.state, world.tenant, sendOf('q', [1]), 0, RULES)).entries);
  assert.equal(refusedAs(remove('queue', 'q', { ifEmpty: true })), 'conflict');
  assert.equal(refusedAs(remove('topic', 't', { ifUnused: true }, true)), 'conflict');
  world.bind({ exchange: 'x', to: { kind: 'queue', name: 'q' } });
  assert.equal(refusedAs(remove('exchange', 'x', { ifUnused: true })), 'conflict');
  world.apply({ kind: 'moved', tenant: '/', group: 'g', moves: [] });
  assert.equal(refusedAs(remove('group', 'g', {}, true)), 'conflict');
  world.apply(
    ...taken(remove('queue', 'q')),
    ...taken(remove('topic', 't')),
    ...taken(remove('exchange', 'x')),
    ...taken(remove('group', 'g')),
  );
  assert.equal(world.tenant.queues.size + world.tenant.topics.size + world.tenant.groups.size, 0);
  assert.equal(world.tenant.router.exchange('x'), undefined);
});

test('what leads nowhere is not bound, and a topic cannot be unbound from its own name', () => {
  const world = new World().declare({ kind: 'topic', name: 't' }, { kind: 'queue', name: 'q' });
  const binding = { exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'a' } as const;
  assert.equal(taken(decideBind(world.tenant, binding)).length, 1);
  world.bind(binding);
  assert.deepEqual(taken(decideBind(world.tenant, binding)), [], 'what stands already is not written again');
  const labelled = { ...binding, labels: { a: '1', b: '2' } };
  assert.equal(taken(decideBind(world.tenant, labelled)).length, 1, 'its labels make it another');
  world.bind(labelled);
  assert.deepEqual(taken(decideBind(world.tenant, { ...binding, labels: { b: '2', a: '1' } })), []);
  assert.equal(world.tenant.router.bindingsTo('queue', 'q').length, 2);
  const decided = taken(decidePublish(world.state, world.tenant, publishOf('a', [1]), 0, RULES));
  assert.equal(decided.routed, 1, 'what both lead to takes a message once');
  world.apply({ kind: 'unbound', tenant: '/', binding });
  assert.deepEqual(world.tenant.router.bindingsTo('queue', 'q'), [labelled]);
  assert.equal(refusedAs(decideBind(world.tenant, { ...binding, labels: { a: 'x'.repeat(9000) } })), 'invalid');
  assert.equal(refusedAs(decideBind(world.tenant, { ...binding, exchange: 'x' })), 'unknown');
  assert.equal(refusedAs(decideBind(world.tenant, { ...binding, to: { kind: 'queue', name: 'none' } })), 'unknown');
  assert.equal(refusedAs(decideBind(world.tenant, { ...binding, filter: '][' })), 'invalid');
  assert.equal(refusedAs(decideUnbind(world.tenant, { exchange: 'amq.topic', to: { kind: 'topic', name: 't' }, pattern: 't' })), 'invalid');
  assert.equal(refusedAs(decideUnbind(world.tenant, { ...binding, exchange: 'x' })), 'unknown');
});

test('a tenant is there once it is declared, used or given to somebody; the default one always', () => {
  const world = new World().declare({ kind: 'user', name: 'u', tenant: 'home', tenants: { lab: {} } });
  world.apply({ kind: 'declared', id: 1, tenant: 'used', spec: { kind: 'queue', name: 'q' }, nowMs: 0 });
  world.state.tenant('looked-at');
  const spec: TenantSpec = { kind: 'tenant', name: 'made' };
  world.apply(...taken(decideDeclare(world.state, world.tenant, spec, 0)));
  assert.deepEqual(taken(decideDeclare(world.state, world.tenant, spec, 0)), []);
  assert.deepEqual([...world.state.tenantNames()].sort(), ['/', 'home', 'lab', 'made', 'used']);
  const labelled: TenantSpec = { ...spec, labels: { about: 'b' } };
  world.apply(...taken(decideDeclare(world.state, world.tenant, labelled, 0)));
  assert.deepEqual(world.state.tenantSpecs.get('made'), labelled);
  const remove = (name: string) => decideRemove(world.state, world.tenant, 'tenant', name, undefined, false);
  assert.equal(refusedAs(remove('/')), 'forbidden');
  assert.equal(refusedAs(remove('home')), 'conflict', 'somebody lives there');
  assert.equal(refusedAs(remove('looked-at')), 'unknown');
  for (const name of ['made', 'used', 'lab']) world.apply(...taken(remove(name)));
  assert.deepEqual([...world.state.tenantNames()].sort(), ['/', 'home']);
  assert.deepEqual(world.state.users.get('u')?.tenants, {});
});

test('a tenant takes with it all it holds', () => {
  const world = new World().declare({ kind: 'queue', name: 'q' });
  const before = digest(world.state);
  const specs: Declaration[] = [
    { kind: 'queue', name: 'q' },
    { kind: 'topic', name: 't' },
    { kind: 'exchange', name: 'x', type: 'fanout' },
    { kind: 'exchange', name: 'y', type: 'fanout', autoDelete: true },
  ];
  for (const spec of specs) world.apply({ kind: 'declared', id: world.state.nextId, tenant: 'lab', spec, nowMs: 0 });
  const lab = world.state.tenant('lab');
  for (const binding of [
    { exchange: 'x', to: { kind: 'queue', name: 'q' } },
    { exchange: 'y', to: { kind: 'exchange', name: 'x' } },
    { exchange: 'amq.direct', to: { kind: 'exchange', name: 'amq.fanout' }, pattern: 'a' },
  ] as const)
    world.apply({ kind: 'bound', tenant: 'lab', binding });
  world.apply({ kind: 'moved', tenant: 'lab', group: 'g', moves: [] });
  world.apply(...taken(decidePublish(world.state, lab, publishOf('t', [1], { retain: true }), 0, RULES)).entries);
  world.apply(...taken(decidePublish(world.state, lab, sendOf('q', [1]), 0, RULES)).entries);
  world.apply(...taken(decideRemove(world.state, world.tenant, 'tenant', 'lab', undefined, false)));
  assert.equal(lab.isEmpty, true);
  assert.deepEqual([world.state.queues.size, world.state.topics.size], [1, 0], 'what stands elsewhere stays');
  world.state.nextId = 2;
  assert.equal(digest(world.state), before);
});
