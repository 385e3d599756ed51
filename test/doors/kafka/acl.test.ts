/** ACLs by clients that know Kafka's: made, told, taken away, and held to, by other doors' roads too. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { passwordVerifier } from '../../../src/broker/broker.ts';
import { CREATE_ACLS, DESCRIBE_ACLS, DESCRIBE_CLUSTER, ERROR, INIT_PRODUCER_ID, METADATA } from '../../../src/wire/kafka/kafka.ts';
import { Client } from '../../servers/kafka/asking.ts';
import { client, consumerOf, producerOf } from './kafkajs.ts';
import { type Opened, opened } from './opened.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

interface Guarded extends Opened {
  as(name: string): Kafka;
  admin(name: string): Promise<Admin>;
}

async function guarded(t: Parameters<typeof opened>[0]): Promise<Guarded> {
  const door = await opened(t);
  const secrets = { password: await passwordVerifier('secret', new Uint8Array(16)) };
  await door.engine.declare({ kind: 'user', name: 'root', admin: true, configure: ['*'], read: ['*'], write: ['*'], secrets });
  await door.engine.declare({ kind: 'user', name: 'ann', secrets });
  const as = (username: string) => client(door, { sasl: { mechanism: 'plain', username, password: 'secret' }, retry: { retries: 0 } });
  const admin = async (name: string) => {
    const made = as(name).admin();
    await made.connect();
    door.after(() => made.disconnect());
    return made;
  };
  return { ...door, as, admin };
}

const acl = (more: object = {}) => ({
  resourceType: AclResourceTypes.TOPIC,
  resourceName: 'orders',
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: 'User:ann',
  host: '*',
  operation: AclOperationTypes.READ,
  permissionType: AclPermissionTypes.ALLOW,
  ...more,
});

const everything = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
} as never;

test('kafkajs: what an ACL allows can be done, and nothing before and after it', async (t) => {
  const door = await guarded(t);
  const root = await door.admin('root');
  await root.createTopics({ topics: [{ topic: 'orders' }, { topic: 'other' }] });
  const send = async (topic: string) => {
    const producer = await producerOf(door, door.as('ann'));
    return producer.send({ topic, messages: [{ value: 'x' }] });
  };
  await assert.rejects(send('orders'), /authorized to access topics/);
  await root.createAcls({
    acl: [acl({ operation: AclOperationTypes.WRITE, resourceName: 'ord', resourcePatternType: ResourcePatternTypes.PREFIXED })],
  });
  await send('orders');
  await assert.rejects(send('other'), /authorized to access topics/);
  const read = async () => {
    const consumer = consumerOf(door.as('ann'), { groupId: 'g', retry: { retries: 0 } });
    door.after(() => consumer.disconnect());
    await consumer.connect();
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    return new Promise<string>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) }).catch(reject);
    });
  };
  await assert.rejects(read(), /authorized to access group/);
  await root.createAcls({ acl: [acl(), acl({ resourceType: AclResourceTypes.GROUP, resourceName: 'g' })] });
  assert.equal(await read(), 'x');
  await root.createAcls({
    acl: [acl({ operation: AclOperationTypes.WRITE, permissionType: AclPermissionTypes.DENY, principal: 'User:*' })],
  });
  await assert.rejects(send('orders'), /authorized to access topics/);
  await assert.rejects(
    door.engine
      .as({ user: 'ann' })
      .publish({ address: 'orders', records: { bytes: new Uint8Array(0), start: 0, ends: new Uint32Array(0), count: 0 } }),
    { code: 'forbidden' },
  );
});

test('kafkajs: ACLs are told by filter, and taken away by filter', async (t) => {
  const door = await guarded(t);
  const root = await door.admin('root');
  const cluster = acl({ resourceType: AclResourceTypes.CLUSTER, resourceName: 'kafka-cluster', operation: AclOperationTypes.CREATE });
  await root.createAcls({ acl: [acl(), acl(), acl({ operation: AclOperationTypes.ALL, principal: 'User:new' }), cluster] });
  const told = async (filter: object) => {
    const { resources } = await root.describeAcls({ ...(everything as object), ...filter } as never);
    return resources.map(({ resourceName, acls }) => [resourceName, acls.map(({ principal, operation }) => [principal, operation])]);
  };
  const annReads = ['User:ann', AclOperationTypes.READ];
  assert.deepEqual(await told({}), [
    ['orders', [annReads, ['User:new', AclOperationTypes.ALL]]],
    ['kafka-cluster', [['User:ann', AclOperationTypes.CREATE]]],
  ]);
  assert.deepEqual(await told({ principal: 'User:ann', resourceType: AclResourceTypes.TOPIC }), [['orders', [annReads]]]);
  assert.deepEqual(
    await told({ resourceName: 'orders', resourcePatternType: ResourcePatternTypes.MATCH, operation: AclOperationTypes.READ }),
    [['orders', [annReads]]],
  );
  assert.deepEqual(await told({ resourceName: 'nothing' }), []);
  assert.equal(
    await (await door.admin('ann')).createTopics({ waitForLeaders: false, topics: [{ topic: 'made' }] }),
    true,
    'by the ACL on the cluster',
  );
  const { filterResponses } = await root.deleteAcls({ filters: [{ ...(everything as object), principal: 'User:new' } as never] });
  assert.deepEqual(
    filterResponses.map(({ matchingAcls }) => matchingAcls.length),
    [1],
  );
  assert.equal(await door.engine.describe('user', 'new'), undefined, 'nothing is left of a user who was only named by an ACL');
  await root.deleteAcls({ filters: [everything] });
  assert.deepEqual(await told({}), []);
  assert.notEqual(await door.engine.describe('user', 'ann'), undefined);
});

test('what cannot be kept is refused by itself; only who administers is answered, and only where there are users', async (t) => {
  const open = await opened(t);
  const stranger = new Client(open.port);
  open.after(async () => stranger.end());
  const filter = {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    patternTypeFilter: 1,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  };
  assert.equal((await stranger.ask(DESCRIBE_ACLS, 3, filter)).errorCode, ERROR.securityDisabled);
  await open.engine.declare({
    kind: 'user',
    name: 'root',
    admin: true,
    secrets: { password: await passwordVerifier('s', new Uint8Array(16)) },
  });
  const raw = await loggedIn(open, 'root', 's');
  const creation = {
    resourceType: 2,
    resourceName: 'a',
    resourcePatternType: 3,
    principal: 'User:u',
    host: '*',
    operation: 3,
    permissionType: 3,
  };
  const wrong = [
    { host: '10.0.0.1' },
    { principal: 'Group:g' },
    { resourceType: 6 },
    { operation: 9 },
    { resourceName: '' },
    { permissionType: 1 },
  ];
  const cluster = [{ resourceType: 4 }, { resourceType: 4, resourceName: 'kafka-cluster', operation: 3 }];
  const { results } = await raw.ask(CREATE_ACLS, 3, {
    creations: [creation, ...[...wrong, ...cluster].map((one) => ({ ...creation, ...one }))],
  });
  assert.deepEqual(
    results.map(({ errorCode }: { errorCode: number }) => errorCode),
    [ERROR.none, ...[...wrong, ...cluster].map(() => ERROR.invalidRequest)],
  );
  assert.equal((await raw.ask(DESCRIBE_ACLS, 1, { ...filter, operation: 0 })).errorCode, ERROR.invalidRequest);
  await open.engine.declare({ kind: 'user', name: 'eve', secrets: { password: await passwordVerifier('s', new Uint8Array(16)) } });
  const eve = await loggedIn(open, 'eve', 's');
  assert.equal((await eve.ask(DESCRIBE_ACLS, 3, filter)).errorCode, ERROR.clusterAuthorizationFailed);
  assert.deepEqual((await eve.ask(CREATE_ACLS, 3, { creations: [creation] })).results[0].errorCode, ERROR.clusterAuthorizationFailed);
  // A name for a producer is its own resource; a topic that may not be seen is not told.
  const named = { ...creation, resourceType: 5, resourceName: 'mine', principal: 'User:eve', operation: 4 };
  await raw.ask(CREATE_ACLS, 3, { creations: [named] });
  const { resources } = await raw.ask(DESCRIBE_ACLS, 3, { ...filter, resourceTypeFilter: 5 });
  assert.deepEqual([resources[0].resourceName, resources[0].acls[0].principal], ['mine', 'User:eve']);
  const transactional = async (transactionalId: string) =>
    (await eve.ask(INIT_PRODUCER_ID, 4, { transactionalId, transactionTimeoutMs: 1000, producerId: -1, producerEpoch: -1 })).errorCode;
  assert.equal(await transactional('mine'), ERROR.none);
  assert.equal(await transactional('yours'), ERROR.transactionalIdAuthorizationFailed);
  await open.engine.declare({ kind: 'topic', name: 'hidden' });
  const { topics } = await eve.ask(METADATA, 12, {
    topics: [{ topicId: '0'.repeat(32), name: 'hidden' }],
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: true,
  });
  const seen = await eve.ask(DESCRIBE_CLUSTER, 1, { includeClusterAuthorizedOperations: true, endpointType: 1 });
  assert.equal(seen.clusterAuthorizedOperations, 0);
  assert.notEqual(
    (await raw.ask(DESCRIBE_CLUSTER, 1, { includeClusterAuthorizedOperations: true, endpointType: 1 })).clusterAuthorizedOperations,
    0,
  );
  assert.equal(topics[0].errorCode, ERROR.topicAuthorizationFailed);
});

async function loggedIn(door: Opened, name: string, password: string): Promise<Client> {
  const { SASL_AUTHENTICATE, SASL_HANDSHAKE } = await import('../../../src/wire/kafka/kafka.ts');
  const raw = new Client(door.port);
  door.after(async () => raw.end());
  await raw.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' });
  assert.equal((await raw.ask(SASL_AUTHENTICATE, 2, { authBytes: Buffer.from(`\0${name}\0${password}`) })).errorCode, ERROR.none);
  return raw;
}
