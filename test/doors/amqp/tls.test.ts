/** Encrypted connections, and clients that are known by their certificate. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, credentials } from 'amqplib';
import { certificates } from './certificates.ts';
import { REFERENCE, subject } from './subject.ts';

test('over TLS, by password or by certificate', { skip: REFERENCE !== undefined }, async (t) => {
  const { ca, server, ann } = certificates(t);
  const { port, broker } = await subject(t, { tls: { ...server, ca } });
  const plain = await connect(`amqps://guest:guest@127.0.0.1:${port}`, { ca });
  assert.ok((await (await plain.createChannel()).assertQueue('', { exclusive: true })).queue);
  await plain.close();
  await broker?.declare({ kind: 'user', name: 'ann', configure: ['*'], write: ['*'], read: ['*'] });
  const known = await connect(`amqps://127.0.0.1:${port}`, { ca, ...ann, credentials: credentials.external() });
  const channel = await known.createChannel();
  const queue = 'from-ann';
  await channel.assertQueue(queue);
  await channel.deleteQueue(queue);
  await known.close();
  await assert.rejects(connect(`amqps://127.0.0.1:${port}`, { ca, credentials: credentials.external() }), /EXTERNAL is not provided/);
});

test('AMQPLAIN is spoken as well', async (t) => {
  const { url } = await subject(t);
  const connection = await connect(url, { credentials: credentials.amqplain('guest', 'guest') });
  assert.ok((await (await connection.createChannel()).assertQueue('', { exclusive: true })).queue);
  await connection.close();
});
