/** Virtual hosts: each with names of its own, entered by those who may, unknown until they are made. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'amqplib';
import { Connection } from 'rabbitmq-client';
import { passwordVerifier } from '../../../src/broker/broker.ts';
import { connected, REFERENCE, subject, unique } from './subject.ts';

/** What a client is told that is not let in. amqplib keeps it to itself. */
async function refusal(url: string): Promise<string> {
  const connection = new Connection(url);
  const error = await new Promise<Error>((resolve) => connection.once('error', resolve));
  connection.unsafeDestroy();
  return error.message;
}

test('a virtual host that nobody made is refused in the words clients know', async (t) => {
  const { url } = await subject(t);
  assert.equal(await refusal(`${url}/nowhere`), 'ConnectionOpen: NOT_ALLOWED - vhost nowhere not found');
});

test('what is declared in one is not seen in another, and goes with it', { skip: REFERENCE !== undefined }, async (t) => {
  const { url, broker } = await subject(t);
  await broker?.declare({ kind: 'tenant', name: 'lab' });
  const queue = unique('q');
  const here = await (await connected(t, url)).createConfirmChannel();
  const there = await (await connected(t, `${url}/lab`)).createConfirmChannel();
  await here.assertQueue(queue);
  assert.equal((await there.assertQueue(queue, { durable: true, maxLength: 5 })).messageCount, 0, 'another queue of that name');
  there.sendToQueue(queue, Buffer.from('x'));
  await there.waitForConfirms();
  assert.deepEqual([(await here.checkQueue(queue)).messageCount, (await there.checkQueue(queue)).messageCount], [0, 1]);
  await broker?.remove('tenant', 'lab');
  assert.match(await refusal(`${url}/lab`), /vhost lab not found/);
});

test('a user enters those where it was given something', { skip: REFERENCE !== undefined }, async (t) => {
  const { url, broker } = await subject(t);
  const password = await passwordVerifier('secret', Uint8Array.of(1));
  const all = { configure: ['*'], write: ['*'], read: ['*'] };
  await broker?.declare({ kind: 'tenant', name: 'closed' });
  await broker?.declare({ kind: 'user', name: 'ann', tenant: 'home', ...all, tenants: { lab: all }, secrets: { password } });
  const as = url.replace('guest:guest', 'ann:secret');
  for (const vhost of ['home', 'lab']) {
    const channel = await (await connected(t, `${as}/${vhost}`)).createChannel();
    assert.ok((await channel.assertQueue('', { exclusive: true })).queue, vhost);
  }
  for (const vhost of ['closed', '/'])
    assert.equal(
      await refusal(`${as}/${encodeURIComponent(vhost)}`),
      `ConnectionOpen: NOT_ALLOWED - access to vhost '${vhost}' refused for user 'ann'`,
    );
  await assert.rejects(connect(url), /ACCESS-REFUSED|ACCESS_REFUSED/, 'guest is nobody any more');
});
