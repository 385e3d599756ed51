/** What administrators ask: log directories, settings of the broker, quotas, elections and what else a single broker can say; logins that expire; offsets that do. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Admin, Consumer as Member, MessagesStreamModes } from '@platformatic/kafka';
import type { SASLOptions } from 'kafkajs';
import { openBroker, passwordVerifier } from '../../../src/broker/broker.ts';
import { openUsers } from '../../../src/cli/users.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { startKafka } from '../../../src/servers/kafka/kafka.ts';
import {
  ALTER_CLIENT_QUOTAS,
  ALTER_PARTITION_REASSIGNMENTS,
  ALTER_REPLICA_LOG_DIRS,
  CONSUMER_GROUP_HEARTBEAT,
  DESCRIBE_QUORUM,
  ELECT_LEADERS,
  ERROR,
  KAFKA,
  LIST_CONFIG_RESOURCES,
  METADATA,
  OFFSET_COMMIT,
  SASL_AUTHENTICATE,
  SASL_HANDSHAKE,
  UPDATE_FEATURES,
} from '../../../src/wire/kafka/kafka.ts';
import { Client } from '../../servers/kafka/asking.ts';
import { client, producerOf } from './kafkajs.ts';
import { type Opened, opened } from './opened.ts';

const NO_TOPICS = {
  topics: [],
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
};

function raw(door: Opened): Client {
  const made = new Client(door.port);
  door.after(async () => made.end());
  return made;
}

test('@platformatic/kafka: log directories, quotas, settings of the broker', async (t) => {
  const door = await opened(t, { partitions: 3 });
  const admin = new Admin({ clientId: 'a', bootstrapBrokers: [door.broker], retries: 0 });
  door.after(() => admin.close());
  await admin.createTopics({ topics: ['t'], partitions: 2, replicas: 1 });
  const producer = await producerOf(door, client(door));
  await producer.send({ topic: 't', messages: [{ value: 'x'.repeat(1000), partition: 1 }] });
  const [{ results: directories } = { results: [] }] = await admin.describeLogDirs({ topics: [{ name: 't', partitions: [0, 1] }] });
  assert.deepEqual(
    directories[0]?.topics[0]?.partitions.map(({ partitionIndex, partitionSize }) => [partitionIndex, partitionSize > 0n]),
    [
      [0, false],
      [1, true],
    ],
  );
  assert.deepEqual(await admin.describeClientQuotas({ components: [], strict: false }), []);
  const [{ configs } = { configs: [] }] = await admin.describeConfigs({
    resources: [{ resourceType: 4, resourceName: '1', configurationKeys: ['num.partitions', 'offsets.retention.minutes'] }],
  });
  assert.deepEqual(
    configs.map(({ name, value, readOnly }) => [name, value, readOnly]),
    [
      ['num.partitions', '3', true],
      ['offsets.retention.minutes', '10080', true],
    ],
  );
});

test('kafkajs: settings of the broker cannot be changed, unknown ones of topics are refused by name', async (t) => {
  const door = await opened(t);
  const admin = client(door, { retry: { retries: 0 } }).admin();
  await admin.connect();
  door.after(() => admin.disconnect());
  await admin.createTopics({ topics: [{ topic: 't', configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] }] });
  const alter = (type: number, name: string, entry: { name: string; value: string }) =>
    admin.alterConfigs({ validateOnly: false, resources: [{ type, name, configEntries: [entry] }] });
  await assert.rejects(alter(4, '1', { name: 'num.partitions', value: '2' }), /Configuration is invalid/);
  await assert.rejects(alter(2, 't', { name: 'retention.years', value: '2' }), /Configuration is invalid/);
  await assert.rejects(alter(2, 't', { name: 'message.timestamp.type', value: 'Never' }), /Configuration is invalid/);
  await alter(2, 't', { name: 'retention.ms', value: '5' });
  assert.equal((await door.engine.describe('topic', 't'))?.kind, 'topic');
  assert.deepEqual((await admin.listPartitionReassignments({})).topics ?? [], []);
});

test('what a cluster of several brokers would do is answered as by one', async (t) => {
  const door = await opened(t);
  await door.engine.declare({ kind: 'topic', name: 't' });
  const asker = raw(door);
  const election = await asker.ask(ELECT_LEADERS, 2, {
    electionType: 0,
    topicPartitions: [{ topic: 't', partitions: [0, 9] }],
    timeoutMs: 1,
  });
  assert.deepEqual(
    election.replicaElectionResults[0].partitionResult.map(({ errorCode }: { errorCode: number }) => errorCode),
    [ERROR.electionNotNeeded, ERROR.unknownTopicOrPartition],
  );
  const assigned = (partitionIndex: number, replicas: number[] | null) => ({ partitionIndex, replicas });
  const reassigned = await asker.ask(ALTER_PARTITION_REASSIGNMENTS, 0, {
    timeoutMs: 1,
    topics: [{ name: 't', partitions: [assigned(0, [1]), assigned(0, [1, 2]), assigned(0, null), assigned(3, [1])] }],
  });
  assert.deepEqual(
    reassigned.responses[0].partitions.map(({ errorCode }: { errorCode: number }) => errorCode),
    [ERROR.none, ERROR.invalidReplicaAssignment, ERROR.noReassignmentInProgress, ERROR.unknownTopicOrPartition],
  );
  const moved = await asker.ask(ALTER_REPLICA_LOG_DIRS, 2, { dirs: [{ path: '/elsewhere', topics: [{ name: 't', partitions: [0] }] }] });
  assert.equal(moved.results[0].partitions[0].errorCode, ERROR.logDirNotFound);
  const entity = [{ entityType: 'user', entityName: 'u' }];
  const quotas = await asker.ask(ALTER_CLIENT_QUOTAS, 1, {
    entries: [
      { entity, ops: [{ key: 'producer_byte_rate', value: 1, remove: false }] },
      { entity, ops: [{ key: 'producer_byte_rate', value: 0, remove: true }] },
    ],
    validateOnly: false,
  });
  assert.deepEqual(
    quotas.entries.map(({ errorCode }: { errorCode: number }) => errorCode),
    [ERROR.invalidRequest, ERROR.none],
  );
  const features = { featureUpdates: [{ feature: 'x', maxVersionLevel: 1, upgradeType: 1, allowDowngrade: false }], timeoutMs: 1 };
  assert.equal((await asker.ask(UPDATE_FEATURES, 1, { ...features, validateOnly: false })).errorCode, ERROR.featureUpdateFailed);
  const quorum = await asker.ask(DESCRIBE_QUORUM, 2, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  });
  assert.deepEqual([quorum.topics[0].partitions[0].leaderId, quorum.nodes[0].listeners[0].port], [1, door.port]);
  const resources = await asker.ask(LIST_CONFIG_RESOURCES, 1, { resourceTypes: [] });
  assert.deepEqual(
    resources.configResources.map(({ resourceName }: { resourceName: string }) => resourceName),
    ['t', '1'],
  );
});

test('a login holds for so long, and can be made anew in time [KIP-368]', async (t) => {
  const host = nodeHost();
  const clock = host.clock;
  let nowMs = 0;
  const machine = {
    ...host,
    logger: silentLogger,
    clock: {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => nowMs,
      after: (delayMs: number, fn: () => void) => clock.after(delayMs, fn),
      soon: (fn: () => void) => clock.soon(fn),
      stay: () => clock.stay(),
    },
  };
  const door = await opened(t, { machine, limits: { reauthenticateMs: 300 } });
  const secrets = { password: await passwordVerifier('secret', new Uint8Array(16)) };
  await door.engine.declare({ kind: 'user', name: 'ada', read: ['*'], secrets });
  const asker = raw(door);
  const login = async () => {
    await asker.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' });
    return asker.ask(SASL_AUTHENTICATE, 2, { authBytes: Buffer.from('\0ada\0secret') });
  };
  assert.equal((await login()).sessionLifetimeMs, 300);
  nowMs = 299;
  await asker.ask(METADATA, 8, NO_TOPICS);
  await login();
  nowMs = 598;
  await asker.ask(METADATA, 8, NO_TOPICS);
  nowMs = 599;
  await assert.rejects(asker.ask(METADATA, 8, NO_TOPICS), /closed/);
  await asker.closed;
});

test('a password given to `signalbox user add` is good for SCRAM at once', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kafka-users-'));
  t.after(() => rm(directory, { recursive: true }));
  const users = await openUsers({ data: directory } as never);
  await users.add('ada', { configure: ['*'], write: ['*'], read: ['*'] }, 'secret');
  await users.close();
  const machine = { ...nodeHost(), logger: silentLogger };
  const engine = await openBroker(machine, { directory, languages: [KAFKA] });
  const server = await startKafka(engine, { machine, port: 0 });
  const door = { broker: `127.0.0.1:${server.port}` } as Opened;
  for (const mechanism of ['scram-sha-256', 'scram-sha-512'] as const) {
    const admin = client(door, { sasl: { mechanism, username: 'ada', password: 'secret' } as SASLOptions, retry: { retries: 0 } }).admin();
    await admin.connect();
    assert.deepEqual(await admin.listTopics(), []);
    await admin.disconnect();
  }
  await server.close();
  await engine.close();
});

test('@platformatic/kafka and a raw member: a group of the newer protocol subscribes by an expression [KIP-848]', async (t) => {
  const door = await opened(t);
  for (const name of ['logs-a', 'logs-b', 'other']) await door.engine.declare({ kind: 'topic', name });
  const asker = raw(door);
  const beat = (more: object) =>
    asker.ask(CONSUMER_GROUP_HEARTBEAT, 1, {
      groupId: 'g',
      memberId: 'm',
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: [],
      ...more,
    });
  assert.equal((await beat({ subscribedTopicRegex: '(' })).errorCode, ERROR.invalidRegularExpression);
  const joined = await beat({ subscribedTopicRegex: 'logs-.*' });
  assert.equal(joined.assignment.topicPartitions.length, 2);
  await door.engine.declare({ kind: 'topic', name: 'logs-c' });
  const later = await beat({ memberEpoch: joined.memberEpoch, rebalanceTimeoutMs: -1, topicPartitions: null });
  assert.equal(later.assignment.topicPartitions.length, 3, 'one that came later, and matches');
  await beat({ memberEpoch: -1 });
  // Emptied, the group can be one of the classic protocol, and then of the newer one again.
  const member = new Member({ clientId: 'c', groupId: 'g', bootstrapBrokers: [door.broker], maxWaitTime: 20, autocommit: false });
  const stream = await member.consume({ topics: ['other'], mode: MessagesStreamModes.EARLIEST });
  assert.equal((await beat({ subscribedTopicNames: ['other'] })).errorCode, ERROR.groupIdNotFound);
  await stream.close();
  await member.close();
  assert.equal((await beat({ subscribedTopicNames: ['other'] })).errorCode, ERROR.none);
});

test('offsets of a group without members expire', async (t) => {
  const door = await opened(t, { limits: { offsetsRetentionMs: 20, offsetsCheckMs: 5 } });
  await door.engine.declare({ kind: 'topic', name: 't' });
  await door.engine.moveCursors('another', [{ topic: 't', partition: 0, offset: 0 as never }]);
  const asker = raw(door);
  const partitions = [{ partitionIndex: 0, committedOffset: 0, committedLeaderEpoch: -1, committedMetadata: '' }];
  const commit = { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1 };
  await asker.ask(OFFSET_COMMIT, 7, { ...commit, topics: [{ name: 't', partitions }] });
  while ((await door.engine.describe('group', 'g')) !== undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await door.engine.describe('group', 'another'))?.kind, 'group', 'what this door did not keep does not expire by it');
});

test('a listener tells the address it was given', async (t) => {
  const door = await opened(t, { port: undefined as never, listeners: [{ port: 0, advertised: { host: 'kafka.example', port: 19092 } }] });
  const told = await raw(door).ask(METADATA, 8, NO_TOPICS);
  assert.deepEqual([told.brokers[0].host, told.brokers[0].port], ['kafka.example', 19092]);
});
