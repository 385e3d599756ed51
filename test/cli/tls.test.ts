/** `signalbox start` with TLS: its options, what it says of them, and clients that log in by certificate. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, credentials } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import { certificates } from '../doors/amqp/certificates.ts';
import { run, start, temporaryDirectory } from './signalbox.ts';

test('--amqps and --kafkas listen beside, or instead of, the plain ones, and know a client by its certificate', async (t) => {
  const { directory, ca, ann } = certificates(t);
  const config = join(directory, 'signalbox.json');
  // Paths in the file are relative to it.
  writeFileSync(config, JSON.stringify({ 'tls-cert': 'localhost.pem', 'tls-key': 'localhost.key', 'tls-ca': 'ca.pem', amqps: 0 }));
  const data = temporaryDirectory(t);
  const added = await run(t, ['user', 'add', 'ann', '--data', data]);
  assert.equal(added.code, 0, added.error);
  const broker = await start(t, data, ['--http', '0', '--config', config, '--amqp', 'off', '--kafka', '0', '--kafkas', '0']);
  assert.deepEqual(Object.keys(broker.doors), ['http', 'amqps', 'kafka', 'kafkas']);
  const known = await connect(`amqps://127.0.0.1:${broker.doors.amqps}`, { ca, ...ann, credentials: credentials.external() });
  const channel = await known.createConfirmChannel();
  await channel.assertQueue('q');
  channel.sendToQueue('q', Buffer.from('x'));
  await channel.waitForConfirms();
  await known.close();
  await assert.rejects(connect(`amqps://127.0.0.1:${broker.doors.amqps}`, { ca }), /ACCESS-REFUSED/, 'nobody is let in without');
  const ssl = { ca: [ca.toString()], cert: ann.cert.toString(), key: ann.key.toString() };
  const kafka = new Kafka({ brokers: [`127.0.0.1:${broker.doors.kafkas}`], ssl, logLevel: logLevel.NOTHING, retry: { retries: 0 } });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 't' }] });
  assert.deepEqual(await admin.listTopics(), ['t']);
  const { brokers } = await admin.describeCluster();
  assert.equal(brokers[0]?.port, broker.doors.kafkas, 'it is told the port it came by');
  await admin.disconnect();
});

test('what is missing for TLS is said', async (t) => {
  const { directory } = certificates(t);
  const data = temporaryDirectory(t);
  const cert = ['--tls-cert', join(directory, 'localhost.pem')];
  const key = ['--tls-key', join(directory, 'localhost.key')];
  for (const [options, told] of [
    [['--amqps', '0'], /--amqps needs a certificate and its key: give --tls-cert FILE and --tls-key FILE/],
    [['--amqps', '0', ...cert], /TLS needs both --tls-cert FILE and --tls-key FILE/],
    [[...cert, ...key], /There is a certificate, and no door that speaks TLS\. Open one: --amqps PORT, --kafkas PORT/],
    [['--kafkas', '0', ...cert, '--tls-key', join(directory, 'none')], /The file of --tls-key, .*none, cannot be read/],
  ] as const) {
    const { code, error } = await run(t, ['start', '--data', data, ...options]);
    assert.equal(code, 2, error);
    assert.match(error, told);
  }
});
