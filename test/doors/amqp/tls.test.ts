/** Encrypted connections, and clients that are known by their certificate. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, credentials } from 'amqplib';
import { REFERENCE, subject } from './subject.ts';

interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate authority, and what it signed for this machine and for a user. */
function certificates(t: TestContext): { readonly ca: Buffer; readonly server: Pair; readonly ann: Pair } {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-tls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=ca');
  const signed = (name: string): Pair => {
    openssl(
      'req',
      ...curve,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-copy_extensions',
      'copy',
    );
    return { cert: readFileSync(join(directory, `${name}.pem`)), key: readFileSync(join(directory, `${name}.key`)) };
  };
  return { ca: readFileSync(join(directory, 'ca.pem')), server: signed('localhost'), ann: signed('ann') };
}

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
