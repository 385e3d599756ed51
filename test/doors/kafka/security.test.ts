import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { Admin } from '@platformatic/kafka';
import type { SASLOptions } from 'kafkajs';
import { passwordVerifier } from '../../../src/broker/broker.ts';
import {
  ALTER_USER_SCRAM_CREDENTIALS,
  DESCRIBE_USER_SCRAM_CREDENTIALS,
  ERROR,
  SASL_AUTHENTICATE,
  SASL_HANDSHAKE,
} from '../../../src/wire/kafka/kafka.ts';
import { Client } from '../../servers/kafka/asking.ts';
import { client, producerOf } from './kafkajs.ts';
import { type Opened, opened } from './opened.ts';

async function guarded(t: Parameters<typeof opened>[0]): Promise<Opened> {
  const door = await opened(t);
  const secrets = { password: await passwordVerifier('secret', new Uint8Array(16)) };
  await door.engine.declare({ kind: 'user', name: 'ada', admin: true, configure: ['*'], read: ['*'], write: ['*'], secrets });
  await door.engine.declare({ kind: 'user', name: 'eve', configure: [], read: ['a'], write: [], secrets });
  return door;
}

async function loggedIn(door: Opened, name: string): Promise<Client> {
  const raw = new Client(door.port);
  door.after(async () => raw.end());
  await raw.ask(SASL_HANDSHAKE, 1, { mechanism: 'PLAIN' });
  assert.equal((await raw.ask(SASL_AUTHENTICATE, 2, { authBytes: Buffer.from(`\0${name}\0secret`) })).errorCode, ERROR.none);
  return raw;
}

/** As an admin tool does it: the password itself is not sent. */
function upsertion(name: string, mechanism: number, password: string) {
  const salt = Buffer.from('0123456789abcdef');
  const [length, hash] = mechanism === 1 ? [32, 'sha256'] : [64, 'sha512'];
  return { name, mechanism, iterations: 4096, salt, saltedPassword: pbkdf2Sync(password, salt, 4096, Number(length), String(hash)) };
}

test('kafkajs logs in with PLAIN, and with SCRAM once it is kept; and not with a wrong password', async (t) => {
  const door = await guarded(t);
  const ada = await loggedIn(door, 'ada');
  const { results } = await ada.ask(ALTER_USER_SCRAM_CREDENTIALS, 0, {
    deletions: [],
    upsertions: [upsertion('ada', 1, 'other'), upsertion('ada', 2, 'third')],
  });
  assert.deepEqual(
    results.map(({ errorCode }: { errorCode: number }) => errorCode),
    [0, 0],
  );
  const attempt = async (sasl: SASLOptions) => {
    const producer = await producerOf(door, client(door, { sasl, retry: { retries: 0 } }));
    await producer.send({ topic: 'a', messages: [{ value: 'x' }] });
  };
  await attempt({ mechanism: 'plain', username: 'ada', password: 'secret' });
  await attempt({ mechanism: 'scram-sha-256', username: 'ada', password: 'other' });
  await attempt({ mechanism: 'scram-sha-512', username: 'ada', password: 'third' });
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const)
    await assert.rejects(attempt({ mechanism, username: 'ada', password: 'wrong' }), { name: 'KafkaJSSASLAuthenticationError' });
  await assert.rejects(attempt({ mechanism: 'scram-sha-256', username: 'nobody', password: 'other' }), {
    name: 'KafkaJSSASLAuthenticationError',
  });
});

test('@platformatic/kafka logs in with SCRAM', async (t) => {
  const door = await guarded(t);
  const ada = await loggedIn(door, 'ada');
  await ada.ask(ALTER_USER_SCRAM_CREDENTIALS, 0, { deletions: [], upsertions: [upsertion('ada', 2, 'third')] });
  const admin = new Admin({
    clientId: 'x',
    bootstrapBrokers: [door.broker],
    retries: 0,
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'ada', password: 'third' },
  });
  door.after(() => admin.close());
  await admin.createTopics({ topics: ['made'], partitions: 1, replicas: 1 });
  assert.deepEqual(await admin.listTopics(), ['made']);
});

test('who may administer keeps, sees and forgets SCRAM verifiers; others may not', async (t) => {
  const door = await guarded(t);
  const ada = await loggedIn(door, 'ada');
  const codes = ({ results }: { results: { errorCode: number }[] }) => results.map(({ errorCode }) => errorCode);
  const change = async (raw: Client, upsertions: unknown[], deletions: unknown[] = []) =>
    codes(await raw.ask(ALTER_USER_SCRAM_CREDENTIALS, 0, { deletions, upsertions }));
  assert.deepEqual(
    await change(ada, [
      upsertion('eve', 1, 'x'),
      upsertion('nobody', 1, 'x'),
      { ...upsertion('eve', 1, 'x'), iterations: 10 },
      { ...upsertion('eve', 1, 'x'), mechanism: 9 },
    ]),
    [ERROR.none, ERROR.none, ERROR.unacceptableCredential, ERROR.unsupportedSaslMechanism],
  );
  const seen = async (users: unknown) => (await ada.ask(DESCRIBE_USER_SCRAM_CREDENTIALS, 0, { users })).results;
  assert.deepEqual(await seen(null), [
    { user: 'eve', errorCode: 0, errorMessage: null, credentialInfos: [{ mechanism: 1, iterations: 4096 }] },
    { user: 'nobody', errorCode: 0, errorMessage: null, credentialInfos: [{ mechanism: 1, iterations: 4096 }] },
  ]);
  assert.deepEqual(codes({ results: await seen([{ name: 'ada' }, { name: 'eve' }, { name: 'eve' }]) }), [
    ERROR.resourceNotFound,
    ERROR.duplicateResource,
    ERROR.duplicateResource,
  ]);
  const eve = await loggedIn(door, 'eve');
  assert.deepEqual(await change(eve, [upsertion('ada', 1, 'x')]), [ERROR.clusterAuthorizationFailed]);
  assert.equal((await eve.ask(DESCRIBE_USER_SCRAM_CREDENTIALS, 0, { users: null })).errorCode, ERROR.clusterAuthorizationFailed);
  assert.deepEqual(
    await change(
      ada,
      [],
      [
        { name: 'eve', mechanism: 1 },
        { name: 'eve', mechanism: 1 },
      ],
    ),
    [ERROR.none, ERROR.resourceNotFound],
  );
  await loggedIn(door, 'eve');
});
