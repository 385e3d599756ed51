/** The commands for queues and declared things, against a real broker. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ended, Process, run, start, temporaryDirectory, values } from './signalbox.ts';

test('queues and what is declared', async (t) => {
  const broker = await start(t, join(temporaryDirectory(t), 'data'));
  const box = (...args: string[]): Promise<Ended> => run(t, [...args, '--data', broker.data]);

  await t.test('declare says what it does, and what is wrong', async () => {
    const good = await box(
      'declare',
      'queue',
      'jobs',
      'retry.attempts=2',
      'retry.backoffMs=0',
      'deadLetter={"exchange":"","address":"failed"}',
    );
    assert.deepEqual([good.code, good.out], [0, 'There is a queue jobs.\n']);
    const described = JSON.parse((await box('describe', 'queue', 'jobs', '--json')).out) as Record<string, unknown>;
    assert.deepEqual(described.retry, { attempts: 2, backoffMs: 0 });
    assert.deepEqual(described.deadLetter, { exchange: '', address: 'failed' });
    const conflict = await box('declare', 'queue', 'jobs');
    assert.equal(conflict.code, 4);
    assert.match(conflict.error, /exists with other properties/);
    assert.match((await box('declare', 'queue', 'x', 'colour=red')).error, /"colour", which means nothing here/);
    assert.match((await box('declare', 'queue', 'x', 'colour')).error, /"colour" is no property; give name=value/);
    assert.match((await box('declare', 'stream', 'x')).error, /KIND is "stream"; give one of topic, queue, exchange/);
  });

  await t.test('receive: acks what it printed, or does as it is told', async () => {
    assert.equal((await box('send', 'jobs', 'a', 'b', 'c')).code, 0);
    assert.equal((await box('receive', 'jobs')).out, 'a\n');
    const kept = await box('receive', 'jobs', '--settle', 'keep', '--lease', '1h', '--json');
    const [message] = values(kept.out) as { receipt: string; text: string }[];
    assert.equal(message?.text, 'b');
    const states = values((await box('peek', 'jobs', '--json')).out) as { state: string; text: string }[];
    assert.deepEqual(
      states.map(({ state, text }) => [state, text]),
      [
        ['in-flight', 'b'],
        ['ready', 'c'],
      ],
    );
    const settled = await fetch(`${broker.url}/v1/queues/jobs/requeue`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ receipts: [message?.receipt] }),
    });
    assert.equal(settled.status, 200);
    assert.equal((await box('receive', 'jobs', '--count', '9', '--settle', 'nack')).out, 'b\nc\nb\nc\n');
    assert.equal((await box('declare', 'queue', 'failed')).code, 0);
    const empty = await box('receive', 'jobs');
    assert.deepEqual([empty.code, empty.error], [6, 'signalbox: Queue jobs had nothing to deliver.\n']);
    assert.equal((await box('receive', 'absent')).code, 4);
  });

  await t.test('receive waits, and follows', async (t) => {
    const waiting = run(t, ['receive', 'jobs', '--wait', '20s', '--data', broker.data]);
    const following = new Process(t, ['receive', 'failed', '--follow', '--count', '3', '--data', broker.data]);
    assert.equal((await box('send', 'jobs', 'late')).code, 0);
    assert.equal((await waiting).out, 'late\n');
    for (const body of ['1', '2', '3']) assert.equal((await box('send', 'failed', body)).code, 0);
    const { code, out } = await following.ended;
    assert.deepEqual([code, out], [0, '1\n2\n3\n']);
  });

  await t.test('peek, ls and describe show without touching', async () => {
    assert.equal((await box('send', 'jobs', 'x\x1b[31m', '{"y":1}')).code, 0);
    assert.equal((await box('publish', '--topic', 'log', '--declare', '-m', 'one')).code, 0);
    assert.match(
      (await box('peek', 'jobs')).out,
      /^NUMBER +STATE +DELIVERED +BODY\n +\d+ +ready +0 +x\\u001b\[31m\n +\d+ +ready +0 +\{"y":1\}\n$/,
    );
    assert.equal((await box('peek', 'failed')).error, 'Queue failed is empty.\n');
    assert.match(
      (await box('ls')).out,
      /^TOPIC +PARTITIONS +RECORDS +SIZE\nlog +1 +1 .*\n\nQUEUE +READY +DELAYED +IN FLIGHT +CONSUMERS +SIZE\nfailed +0 .*\njobs +2 /,
    );
    assert.deepEqual(
      (values((await box('ls', 'queues', '--prefix', 'j', '--json')).out) as { name: string }[]).map(({ name }) => name),
      ['jobs'],
    );
    assert.match((await box('ls', 'exchanges')).out, /^amq\.topic +topic +1$/m);
    assert.match(
      (await box('describe', 'log')).out,
      /^topic log\n {2}partitions\n {4}partition 0, start 0, end 1, stable 1\n {2}sizeBytes +\d+\n$/,
    );
    const nothing = await box('describe', 'nothing');
    assert.deepEqual([nothing.code, nothing.error], [4, 'signalbox: Nothing is called "nothing".\n']);
  });

  await t.test('purge and remove', async () => {
    assert.equal((await box('purge', 'jobs')).out, 'Threw away 2 messages of queue jobs.\n');
    assert.deepEqual(JSON.parse((await box('purge', 'jobs', '--json')).out), { purged: 0 });
    assert.equal((await box('send', 'jobs', 'z')).code, 0);
    assert.equal((await box('remove', 'queue', 'jobs', '--if-empty')).code, 4);
    assert.equal((await box('remove', 'queue', 'jobs')).out, 'Removed queue jobs.\n');
    assert.equal((await box('remove', 'queue', 'jobs')).code, 4);
  });

  await t.test('users of a broker that runs', async (t) => {
    assert.match((await box('user', 'ls')).error, /There are no users/);
    const alone = await box('user', 'add', 'shop', '--write', 'orders.*');
    assert.equal(alone.code, 4);
    assert.match(alone.error, /"shop" would be the first user.*user add NAME.*--admin.*--no-admin/);
    assert.equal((await box('user', 'add', 'shop', '--admin', '--no-admin')).code, 2);
    assert.match((await box('user', 'ls')).error, /There are no users/, 'nothing has happened');
    const narrow = await box('user', 'add', 'shop', '--write', 'orders.*', '--admin', '--json');
    const { token, ...shop } = JSON.parse(narrow.out) as { token: string };
    assert.deepEqual(shop, { user: 'shop', configure: [], write: ['orders.*'], read: [], admin: true });
    const env = { SIGNALBOX_TOKEN: token };
    const as = (...args: string[]): Promise<Ended> => run(t, [...args, '--data', broker.data], { env });
    assert.equal((await box('user', 'ls')).code, 5);
    assert.equal((await as('publish', 'orders.a', '-m', 'x')).code, 0);
    const refused = await as('publish', 'other', '-m', 'x');
    assert.deepEqual([refused.code, /may not write the topic "other"/.test(refused.error)], [5, true], refused.error);
    const again = await as('user', 'add', 'shop');
    assert.deepEqual([again.code, /There is a user "shop" already/.test(again.error)], [4, true]);
    const other = await run(t, ['user', 'add', 'ben', '--password', '--data', broker.data], { env, input: 'correct horse\n' });
    assert.equal(other.code, 0, other.error);
    assert.match((await as('user', 'ls')).out, /^USER +ADMIN +CONFIGURE +WRITE +READ\nben +no +\* +\* +\*\nshop +yes +- +orders\.\* +-\n$/);
    assert.equal((await as('user', 'rm', 'ben')).out, 'Removed user ben.\n');
    assert.equal((await as('user', 'rm', 'ben')).code, 4);
    assert.match((await as('user', 'add')).error, /needs the NAME of the user/);
  });
});
