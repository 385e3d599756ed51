import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordVerifier } from '../../../src/broker/broker.ts';
import { offset } from '../../../src/model/lines.ts';
import { RecordWriter, readMessage } from '../../../src/model/record.ts';
import { HANDLERS } from '../../../src/servers/kafka/handlers.ts';
import { type Fields, planOf } from '../../../src/wire/kafka/fields.ts';
import {
  API_VERSIONS,
  BatchHead,
  CREATE_TOPICS,
  DESCRIBE_GROUPS,
  DESCRIBE_TOPIC_PARTITIONS,
  ERROR,
  encodeRequest,
  FETCH,
  HEARTBEAT,
  KAFKA,
  LIST_GROUPS,
  LIST_OFFSETS,
  METADATA,
  NO_UUID,
  PRODUCE,
  SASL_AUTHENTICATE,
  SASL_HANDSHAKE,
  unpackBatch,
} from '../../../src/wire/kafka/kafka.ts';
import { batchOf, TIME_MS } from '../../wire/kafka/batches.ts';
import { asked, type Client } from './asking.ts';

/** The plainest request there is: every field its zero, lists of one. */
function plainest(fields: Fields, version: number, depth = 0): Record<string, unknown> {
  const zeros: Record<string, unknown> = { bool: false, string: 'a', uuid: NO_UUID, bytes: new Uint8Array(2), records: new Uint8Array(0) };
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => {
      if (name === '$') return [];
      const plan = planOf(name, field, version);
      if (!plan.present || plan.tag !== undefined) return [];
      const one = plan.kind === 'struct' ? plainest(plan.fields, version, depth + 1) : (zeros[plan.kind] ?? 0);
      return [[name, plan.isList ? [one] : one]];
    }),
  );
}

const produce = (client: Client, topic: string, batch: Uint8Array, { partition = 0, acks = -1, version = 9 } = {}) =>
  client.ask(PRODUCE, version, {
    transactionalId: null,
    acks,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
  });

const produced = async (client: Client, topic: string, batch: Uint8Array, options = {}) =>
  (await produce(client, topic, batch, options)).responses[0].partitionResponses[0];

interface FetchAsk {
  readonly from?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
  readonly partitions?: readonly number[];
}

function fetch(client: Client, topic: string, ask: FetchAsk = {}) {
  const {
    from = 0,
    maxWaitMs = 0,
    minBytes = 1,
    maxBytes = 1 << 20,
    partitionMaxBytes = 1 << 20,
    sessionId = 0,
    sessionEpoch = -1,
    partitions = [0],
  } = ask;
  return client.ask(FETCH, 12, {
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel: 0,
    sessionId,
    sessionEpoch,
    topics:
      partitions.length === 0
        ? []
        : [{ topic, partitions: partitions.map((partition) => ({ partition, fetchOffset: from, partitionMaxBytes })) }],
    forgottenTopicsData: [],
    rackId: '',
  });
}

test('every version of every API that is told of is answered, in bytes that are that version', async (t) => {
  const door = await asked(t);
  const client = door.client();
  const { apiKeys } = await client.ask(API_VERSIONS, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' });
  assert.equal(apiKeys.length, HANDLERS.size);
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    const handler = HANDLERS.get(apiKey);
    assert.ok(handler !== undefined);
    for (let version = Math.max(minVersion, handler.api.versions[0]); version <= maxVersion; version++) {
      const request = plainest(handler.api.request, version);
      // acks 0 has no answer.
      if (apiKey === PRODUCE.key) Object.assign(request, { acks: 1 });
      assert.ok(typeof (await client.ask(handler.api, version, request)) === 'object', `${handler.api.name} ${version}`);
    }
  }
});

test('a version of ApiVersions that is not spoken is answered in the oldest words, and the connection stays', async (t) => {
  const client = (await asked(t)).client();
  const newer = { ...API_VERSIONS, versions: [0, 9], request: {} } as const;
  const frame = encodeRequest(newer, 9, 1, 'x', {});
  const answer = client.ask(API_VERSIONS, 0, {});
  client.send(frame);
  assert.equal((await answer).errorCode, 0);
  assert.equal((await client.ask(API_VERSIONS, 0, {})).errorCode, 0);
  assert.deepEqual(client.order, [1, 1, 2]);
});

test('an API or version that is not spoken ends the connection, and so do bytes that are no request', async (t) => {
  const door = await asked(t);
  for (const bytes of [
    encodeRequest({ ...METADATA, key: 999 }, 0, 1, 'x', { topics: [] }),
    encodeRequest({ ...METADATA, versions: [0, 99] }, 99, 1, 'x', {
      topics: [],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    }),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0, 0),
    Uint8Array.of(0, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 1, 0, 50, 1, 1),
  ]) {
    const client = door.client();
    client.send(bytes);
    await client.closed;
  }
  assert.equal((await door.client().ask(METADATA, 1, { topics: [] })).topics.length, 0, 'others are not touched');
});

test('answers come in the order of the requests', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const client = door.client();
  const asks = [
    fetch(client, 'a', { maxWaitMs: 30 }),
    produced(client, 'a', batchOf([{ value: '1' }])),
    client.ask(METADATA, 4, { topics: null, allowAutoTopicCreation: false }),
    produced(client, 'a', batchOf([{ value: '2' }, { value: '3' }])),
    produced(client, 'a', batchOf([{ value: '4' }])),
    client.ask(HEARTBEAT, 4, { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }),
  ];
  const [, first, , second, third, heart] = await Promise.all(asks);
  assert.deepEqual(client.order, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([first.baseOffset, second.baseOffset, third.baseOffset, heart.errorCode], [0, 1, 3, ERROR.unknownMemberId]);
});

test('what is produced wrongly is refused partition by partition', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a', partitions: 2 });
  const client = door.client();
  const good = batchOf([{ value: 'x' }]);
  const broken = good.slice();
  broken[good.length - 1] = 0x7e;
  const { responses } = await client.ask(PRODUCE, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 1,
    topicData: [
      {
        name: 'a',
        partitionData: [
          { index: 0, records: good },
          { index: 1, records: broken },
          { index: 2, records: good },
        ],
      },
      { name: 'none', partitionData: [{ index: 0, records: good }] },
      {
        name: 'a',
        partitionData: [
          { index: 1, records: null },
          { index: 1, records: Buffer.concat([good, good]) },
          { index: 1, records: batchOf([{ value: 'x' }], { attributes: 32 }) },
        ],
      },
    ],
  });
  const codes = responses.flatMap((topic: { partitionResponses: { errorCode: number }[] }) =>
    topic.partitionResponses.map(({ errorCode }) => errorCode),
  );
  assert.deepEqual(codes, [
    0,
    ERROR.corruptMessage,
    ERROR.unknownTopicOrPartition,
    ERROR.unknownTopicOrPartition,
    ERROR.invalidRecord,
    ERROR.invalidRecord,
    ERROR.invalidRecord,
  ]);
  assert.equal((await produced(client, 'a', good, { acks: 2 })).errorCode, ERROR.invalidRequiredAcks);
  assert.equal(
    (await produced(client, 'a', batchOf([{ value: 'x' }], { codec: 4 }), { version: 6 })).errorCode,
    ERROR.unsupportedCompressionType,
  );
  assert.equal(
    (await produced(client, 'a', batchOf([{ value: 'x' }], { attributes: 16, producer: { id: 1, epoch: 0, sequence: 0 } }))).errorCode,
    ERROR.invalidProducerIdMapping,
  );
  const silent = produce(client, 'none', good, { acks: 0 });
  await assert.rejects(silent, /closed/, 'who waits for no answer hears of an error by the end');
});

test('a producer that counts: repeats are answered with where they are, gaps and former epochs refused', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a', partitions: 2 });
  const { id } = await door.engine.producer();
  const client = door.client();
  const send = (sequence: number, { epoch = 0, partition = 0, producer = id } = {}) =>
    produced(client, 'a', batchOf([{ value: '1' }, { value: '2' }], { producer: { id: producer, epoch, sequence } }), { partition });
  assert.deepEqual((await send(0)).baseOffset, 0);
  assert.deepEqual((await send(2)).baseOffset, 2);
  assert.deepEqual((await send(0)).baseOffset, 0, 'a repeat');
  assert.deepEqual((await send(2)).baseOffset, 2, 'a repeat');
  assert.deepEqual((await send(0, { partition: 1 })).baseOffset, 0, 'each partition by itself');
  assert.equal((await send(6)).errorCode, ERROR.outOfOrderSequenceNumber);
  assert.equal((await send(0, { epoch: 1 })).baseOffset, 4, 'a next epoch begins anew');
  assert.equal((await send(4, { epoch: 0 })).errorCode, ERROR.invalidProducerEpoch);
  assert.equal((await send(0, { producer: 4711 })).errorCode, ERROR.unknownProducerId);
});

test('a fetch waits until there is enough, and no longer', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const reader = door.client();
  const writer = door.client();
  const waiting = fetch(reader, 'a', { maxWaitMs: 20_000, minBytes: 150 });
  for (const value of ['x'.repeat(20), 'y'.repeat(60)]) await produced(writer, 'a', batchOf([{ value }]));
  const [{ partitions }] = (await waiting).responses;
  assert.ok(partitions[0].records.length >= 150);
  assert.deepEqual([partitions[0].highWatermark, partitions[0].lastStableOffset, partitions[0].logStartOffset], [2, 2, 0]);
  const empty = await fetch(reader, 'a', { from: 2, maxWaitMs: 5 });
  assert.equal(empty.responses[0].partitions[0].records.length, 0);
});

test('a fetch answers one batch at least, and no more than was asked for', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a', partitions: 2 });
  const client = door.client();
  for (const partition of [0, 1])
    for (let i = 0; i < 4; i++) await produced(client, 'a', batchOf([{ value: 'x'.repeat(1000) }]), { partition });
  const sizes = async (ask: FetchAsk) =>
    (await fetch(client, 'a', { partitions: [0, 1], ...ask })).responses[0].partitions.map(({ records }: { records: Uint8Array }) =>
      Math.round(records.length / 1000),
    );
  assert.deepEqual(await sizes({}), [4, 4]);
  assert.deepEqual(await sizes({ maxBytes: 1 }), [1, 0]);
  assert.deepEqual(await sizes({ partitionMaxBytes: 1 }), [1, 0]);
  assert.deepEqual(await sizes({ maxBytes: 2500 }), [2, 0]);
  const beyond = await fetch(client, 'a', { from: 9 });
  assert.equal(beyond.responses[0].partitions[0].errorCode, ERROR.offsetOutOfRange);
  const none = await fetch(client, 'none', {});
  assert.equal(none.responses[0].partitions[0].errorCode, ERROR.unknownTopicOrPartition);
});

test('a fetch session tells only what is new', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a', partitions: 3 });
  const client = door.client();
  const first = await fetch(client, 'a', { partitions: [0, 1, 2], sessionEpoch: 0 });
  assert.ok(first.sessionId > 0);
  assert.equal(first.responses[0].partitions.length, 3);
  const session = { sessionId: first.sessionId, partitions: [] };
  assert.deepEqual((await fetch(client, 'a', { ...session, sessionEpoch: 1 })).responses, []);
  await produced(client, 'a', batchOf([{ value: 'x' }]), { partition: 1 });
  const news = await fetch(client, 'a', { ...session, sessionEpoch: 2 });
  assert.deepEqual(
    news.responses[0].partitions.map(({ partitionIndex }: { partitionIndex: number }) => partitionIndex),
    [1],
  );
  assert.equal((await fetch(client, 'a', { ...session, sessionEpoch: 9 })).errorCode, ERROR.invalidFetchSessionEpoch);
  assert.equal(
    (await fetch(client, 'a', { sessionId: first.sessionId + 1, sessionEpoch: 3, partitions: [] })).errorCode,
    ERROR.fetchSessionIdNotFound,
  );
  const moved = await fetch(client, 'a', { sessionId: first.sessionId, sessionEpoch: 3, partitions: [1], from: 1 });
  assert.deepEqual(moved.responses, [], 'read on from there: nothing is new');
  await fetch(client, 'a', { sessionId: first.sessionId, sessionEpoch: -1, partitions: [0] });
  assert.equal((await fetch(client, 'a', { ...session, sessionEpoch: 4 })).errorCode, ERROR.fetchSessionIdNotFound, 'closed by its client');
});

test('topics by their ids: made, found, gone, and not taken for one of the same name', async (t) => {
  const door = await asked(t);
  const client = door.client();
  const make = async () =>
    (
      await client.ask(CREATE_TOPICS, 7, {
        topics: [{ name: 'a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1,
        validateOnly: false,
      })
    ).topics[0];
  const { topicId } = await make();
  const read = async (id: string) => {
    const answer = await client.ask(FETCH, 15, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      forgottenTopicsData: [],
      rackId: '',
      topics: [{ topicId: id, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    });
    assert.equal(answer.responses[0].topicId, id);
    return answer.responses[0].partitions[0].errorCode;
  };
  assert.equal(await read(topicId), ERROR.none);
  const byId = await client.ask(METADATA, 12, {
    topics: [{ topicId, name: null }],
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: false,
  });
  assert.deepEqual([byId.topics[0].name, byId.topics[0].errorCode], ['a', ERROR.none]);
  for (const [version, name] of [
    [11, ''],
    [12, null],
  ] as const) {
    const none = await client.ask(METADATA, version, {
      topics: [{ topicId: 'f'.repeat(32), name: version === 11 ? '' : null }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    });
    assert.deepEqual([none.topics[0].name, none.topics[0].errorCode], [name, ERROR.unknownTopicId]);
  }
  await door.engine.remove('topic', 'a');
  assert.equal(await read(topicId), ERROR.unknownTopicId);
  const again = await make();
  assert.notEqual(again.topicId, topicId);
  assert.deepEqual(
    [await read(topicId), await read(again.topicId), await read('f'.repeat(32))],
    [ERROR.unknownTopicId, ERROR.none, ERROR.unknownTopicId],
  );
});

test('offsets: first, last, by time', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const client = door.client();
  const find = async (timestamp: number, partitionIndex = 0) => {
    const answer = await client.ask(LIST_OFFSETS, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'a', partitions: [{ partitionIndex, timestamp }] }],
    });
    const { errorCode, offset, timestamp: at } = answer.topics[0].partitions[0];
    return errorCode === 0 ? [offset, at] : errorCode;
  };
  assert.deepEqual(
    [await find(-1), await find(-2), await find(-3), await find(0)],
    [
      [0, -1],
      [0, -1],
      [-1, -1],
      [-1, -1],
    ],
  );
  await produced(client, 'a', batchOf([{ value: '1' }, { value: '2', timeMs: TIME_MS + 9 }]));
  assert.deepEqual(
    [await find(-1), await find(-2), await find(-4), await find(-3)],
    [
      [2, -1],
      [0, -1],
      [0, -1],
      [1, TIME_MS + 9],
    ],
  );
  assert.deepEqual(await find(0), [0, TIME_MS]);
  assert.deepEqual(await find(2 ** 50), [-1, -1]);
  assert.equal(await find(-1, 5), ERROR.unknownTopicOrPartition);
});

test('who must say who they are is not answered before, and may then do what they may', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'mine' });
  await door.engine.declare({ kind: 'topic', name: 'other' });
  await door.engine.declare({
    kind: 'user',
    name: 'eve',
    read: ['mine'],
    write: ['mine'],
    configure: [],
    secrets: { password: await passwordVerifier('secret', new Uint8Array(16)) },
  });
  const early = door.client();
  await assert.rejects(early.ask(METADATA, 1, { topics: null }), /closed/);
  const login = async (client: Client, text: string) => client.ask(SASL_AUTHENTICATE, 2, { authBytes: Buffer.from(text) });
  const client = door.client();
  assert.equal((await client.ask(API_VERSIONS, 0, {})).errorCode, ERROR.none);
  assert.equal((await login(client, '\0eve\0secret')).errorCode, ERROR.illegalSaslState);
  assert.deepEqual(await client.ask(SASL_HANDSHAKE, 1, { mechanism: 'GSSAPI' }), {
    errorCode: ERROR.unsupportedSaslMechanism,
    mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
  });
  assert.deepEqual(await client.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' }), {
    errorCode: ERROR.none,
    mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
  });
  for (const wrong of ['\0eve\0wrong', '\0nobody\0secret', 'x\0eve\0secret', 'eve secret', '\0\0secret', '\0eve\0secret\0']) {
    assert.equal((await login(client, wrong)).errorCode, ERROR.saslAuthenticationFailed, JSON.stringify(wrong));
    await client.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' });
  }
  assert.equal((await login(client, '\0eve\0secret')).errorCode, ERROR.none);
  const { topics } = await client.ask(METADATA, 4, { topics: null, allowAutoTopicCreation: false });
  assert.deepEqual(
    topics.map(({ name }: { name: string }) => name),
    ['mine'],
  );
  const batch = batchOf([{ value: 'x' }]);
  assert.deepEqual(
    [(await produced(client, 'mine', batch)).errorCode, (await produced(client, 'other', batch)).errorCode],
    [ERROR.none, ERROR.topicAuthorizationFailed],
  );
  assert.equal((await fetch(client, 'other')).responses[0].partitions[0].errorCode, ERROR.topicAuthorizationFailed);
  const stranger = door.client();
  stranger.send(Uint8Array.of(0, 2, 0, 0, 0, 18));
  await stranger.closed;
});

test('who came while there were no users is asked who it is once there are some', async (t) => {
  const door = await asked(t);
  const client = door.client();
  assert.deepEqual((await client.ask(METADATA, 1, { topics: null })).topics, []);
  const secrets = { password: await passwordVerifier('secret', new Uint8Array(16)) };
  await door.engine.declare({ kind: 'user', name: 'eve', read: ['*'], secrets });
  const again = door.client();
  await assert.rejects(client.ask(METADATA, 1, { topics: null }), /closed/);
  await again.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' });
  assert.equal((await again.ask(SASL_AUTHENTICATE, 2, { authBytes: Buffer.from('\0eve\0secret') })).errorCode, ERROR.none);
  assert.deepEqual((await again.ask(METADATA, 1, { topics: null })).topics, []);
});

test('guessing is slow', async (t) => {
  const door = await asked(t, { limits: { attemptsMax: 3 } });
  await door.engine.declare({
    kind: 'user',
    name: 'eve',
    read: ['*'],
    secrets: { password: await passwordVerifier('secret', new Uint8Array(16)) },
  });
  const attempt = async (password: string) => {
    const client = door.client();
    await client.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' });
    return (await client.ask(SASL_AUTHENTICATE, 2, { authBytes: Buffer.from(`\0eve\0${password}`) })).errorMessage;
  };
  for (let i = 0; i < 3; i++) assert.match(await attempt('wrong'), /wrong/);
  assert.match(await attempt('secret'), /too many/);
});

test('it is not opened to the network while nobody is asked who they are', async (t) => {
  await assert.rejects(asked(t, { host: '0.0.0.0' }), { code: 'forbidden' });
});

test('clients are told the address they came by, or the one that was set', async (t) => {
  const door = await asked(t);
  const address = async (client: Client) =>
    (await client.ask(METADATA, 1, { topics: [] })).brokers.map(({ host, port }: { host: string; port: number }) => [host, port]);
  assert.deepEqual(await address(door.client()), [['127.0.0.1', door.port]]);
  const named = await asked(t, { advertised: { host: 'kafka.example', port: 19092 } });
  assert.deepEqual(await address(named.client()), [['kafka.example', 19092]]);
});

test('a batch leaves as it came, but for its place; others see its records one by one', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const client = door.client();
  const values = ['one', 'two', 'three'];
  await produced(client, 'a', batchOf([{ value: 'zero' }]));
  for (const codec of [1, 4]) {
    const sent = batchOf(
      values.map((value) => ({ value, headers: [['h', 'x']] as const })),
      { codec },
    );
    const { baseOffset } = await produced(client, 'a', sent);
    const { records } = (await fetch(client, 'a', { from: baseOffset + 1 })).responses[0].partitions[0];
    const view = new DataView(records.buffer, records.byteOffset, records.length);
    assert.deepEqual([Number(view.getBigInt64(0)), view.getInt32(12)], [baseOffset, 0], 'the whole batch, also for an offset within it');
    assert.equal(Buffer.from(records.subarray(16)).toString('hex'), Buffer.from(sent.subarray(16)).toString('hex'));
  }
  const seen = await door.engine.fetch({ topic: 'a', partition: 0, offset: offset(2) });
  assert.deepEqual([...seen.offsets], [2, 3, 4, 5, 6]);
  const message = readMessage(seen.records.bytes, seen.records.start, new Map([[KAFKA.number, KAFKA]]));
  assert.deepEqual([Buffer.from(message.body).toString(), message.headers], ['two', new Map([['h', 'x']])]);
});

test('the memory of large requests is used again, and what was kept of them stays', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const [one, other] = [door.client(), door.client()];
  const values = Array.from({ length: 12 }, (_, i) => String.fromCharCode(97 + i).repeat(200_000 + 1000 * i));
  for (let i = 0; i < values.length; i += 4) {
    const four = values
      .slice(i, i + 4)
      .map((value, k) => produced(k < 2 ? one : other, 'a', batchOf([{ value }]), { acks: k - 1 < 2 ? -1 : 1 }));
    await Promise.all(four);
  }
  const found: string[] = [];
  const head = new BatchHead();
  for (let from = 0; from < values.length; ) {
    const { records } = (await fetch(one, 'a', { from })).responses[0].partitions[0];
    for (let at = 0; at < records.length; at += head.sizeBytes) {
      assert.equal(head.read(records, at, records.length) ?? head.check(records, at), undefined);
      const { bytes } = unpackBatch(records, at, 'a');
      found.push(Buffer.from(readMessage(bytes, 0, new Map([[KAFKA.number, KAFKA]])).body).toString());
      from += head.count;
    }
  }
  assert.deepEqual(found.sort(), values);
});

test('many fetches of large batches at once: each is answered with its own', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const sent = Array.from({ length: 8 }, (_, i) => batchOf([{ value: String.fromCharCode(97 + i).repeat(400_000) }]));
  for (const batch of sent) await produced(door.client(), 'a', Uint8Array.from(batch));
  const head = new BatchHead();
  const clients = [door.client(), door.client(), door.client()];
  // More than the sockets hold: answers wait in memory while others are read.
  const asks = Array.from({ length: 40 }, (_, i) => ({ client: clients[i % 3] as Client, from: (i * 5) % sent.length }));
  const answers = await Promise.all(asks.map(({ client, from }) => fetch(client, 'a', { from, maxBytes: 900_000 })));
  for (const [i, answer] of answers.entries()) {
    const { records } = answer.responses[0].partitions[0];
    assert.equal(head.read(records, 0, records.length) ?? head.check(records, 0), undefined);
    const expected = sent[asks[i]?.from ?? 0] as Uint8Array;
    assert.ok(Buffer.from(records.subarray(16, head.sizeBytes)).equals(expected.subarray(16)), `answer ${i}`);
  }
});

test('batches and records of others stand side by side in a partition', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const client = door.client();
  const writer = new RecordWriter();
  const plain = (body: string) =>
    writer.write({ exchange: 'amq.topic', address: 'a', timestampMs: TIME_MS, headers: new Map(), body: Buffer.from(body) });
  await produced(client, 'a', batchOf([{ value: '0' }, { value: '1' }]));
  plain('2');
  plain('3');
  await door.engine.publish({ address: 'a', records: writer.take() });
  await produced(client, 'a', batchOf([{ value: '4' }]));
  plain('5');
  await door.engine.publish({ address: 'a', records: writer.take() });
  const { records } = (await fetch(client, 'a', { from: 1 })).responses[0].partitions[0];
  const found: [number, string][] = [];
  const head = new BatchHead();
  for (let at = 0; at < records.length; at += head.sizeBytes) {
    assert.equal(head.read(records, at, records.length), undefined);
    const base = Number(new DataView(records.buffer, records.byteOffset).getBigInt64(at));
    const { bytes, ends, count } = unpackBatch(records, at, 'a');
    for (let i = 0; i < count; i++) {
      const { body } = readMessage(bytes, i === 0 ? 0 : (ends[i - 1] ?? 0), new Map([[KAFKA.number, KAFKA]]));
      found.push([base + i, Buffer.from(body).toString()]);
    }
  }
  assert.deepEqual(
    found,
    ['0', '1', '2', '3', '4', '5'].map((value, i) => [i, value]),
  );
});

test('topics in pages, with lists that are never null', async (t) => {
  const door = await asked(t);
  for (const [name, partitions] of [
    ['a', 2],
    ['b', 3],
    ['c', 1],
  ] as const)
    await door.engine.declare({ kind: 'topic', name, partitions });
  const client = door.client();
  const page = async (cursor: unknown, names: string[] = [], responsePartitionLimit = 3) => {
    const topics = names.map((name) => ({ name }));
    const answer = await client.ask(DESCRIBE_TOPIC_PARTITIONS, 0, { topics, responsePartitionLimit, cursor });
    for (const { partitions } of answer.topics)
      for (const one of partitions) assert.deepEqual([one.eligibleLeaderReplicas, one.lastKnownElr], [[], []]);
    const seen = answer.topics.map(({ name, partitions }: { name: string; partitions: { partitionIndex: number }[] }) => [
      name,
      ...partitions.map((one) => one.partitionIndex),
    ]);
    return [seen, answer.nextCursor];
  };
  const [first, next] = await page(null);
  assert.deepEqual(
    [first, next],
    [
      [
        ['a', 0, 1],
        ['b', 0],
      ],
      { topicName: 'b', partitionIndex: 1 },
    ],
  );
  assert.deepEqual(await page(next), [
    [
      ['b', 1, 2],
      ['c', 0],
    ],
    null,
  ]);
  assert.deepEqual(await page(null, ['c', 'none']), [[['c', 0], ['none']], null]);
});

test('a group that only has offsets is one of consumers, without members', async (t) => {
  const door = await asked(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  await door.engine.moveCursors('g', [{ topic: 'a', partition: 0, offset: offset(0) }]);
  const client = door.client();
  const { groups } = await client.ask(LIST_GROUPS, 5, { statesFilter: [], typesFilter: [] });
  assert.deepEqual(groups, [{ groupId: 'g', protocolType: 'consumer', groupState: 'Empty', groupType: 'classic' }]);
  const list = async (statesFilter: string[], typesFilter: string[]) =>
    (await client.ask(LIST_GROUPS, 5, { statesFilter, typesFilter })).groups.length;
  assert.deepEqual(
    [await list(['empty'], []), await list(['Stable'], []), await list([], ['Consumer']), await list([], ['classic'])],
    [1, 0, 0, 1],
  );
  const described = await client.ask(DESCRIBE_GROUPS, 6, { groups: ['g', 'none'], includeAuthorizedOperations: false });
  assert.deepEqual(
    described.groups.map(({ groupState, protocolType, errorCode }: { groupState: string; protocolType: string; errorCode: number }) => [
      groupState,
      protocolType,
      errorCode,
    ]),
    [
      ['Empty', 'consumer', ERROR.none],
      ['Dead', '', ERROR.groupIdNotFound],
    ],
  );
});
