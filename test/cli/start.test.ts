/** `signalbox start`: what it prints, where it listens, how it stops, and how it refuses. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { DOORS } from '../../src/cli/doors.ts';
import { Process, run, start, temporaryDirectory } from './signalbox.ts';

/** Loaded before the command: from the moment that a file is there, every write to the disk fails. */
function failingDisk(trigger: string): string {
  const code = `
    import fs from 'node:fs';
    const write = fs.write;
    fs.write = (...args) => {
      if (!fs.existsSync(${JSON.stringify(trigger)})) return write(...args);
      const done = args.at(-1);
      setImmediate(() => done(Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO', syscall: 'write' })));
    };`;
  return `--import data:text/javascript,${encodeURIComponent(code)}`;
}

suite('start', { concurrency: 2 }, () => {
  test('says one line when it serves, can be found meanwhile, drains on SIGTERM, and has it all when started again', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    const broker = await start(t, data);
    assert.deepEqual(broker.process.out, `${JSON.stringify({ ready: true, pid: broker.process.child.pid, data, doors: broker.doors })}\n`);
    const running = join(data, 'running.json');
    assert.deepEqual(JSON.parse(readFileSync(running, 'utf8')), {
      pid: broker.pid,
      machine: hostname(),
      host: '127.0.0.1',
      doors: broker.doors,
    });
    assert.equal(statSync(running).mode & 0o777, 0o600);
    const sent = await run(t, ['send', 'jobs', 'one', '--declare', '--data', data]);
    assert.deepEqual([sent.code, sent.out], [0, 'Published 1 event to queue jobs.\n']);
    broker.process.child.kill('SIGTERM');
    const ended = await broker.process.ended;
    assert.deepEqual([ended.code, ended.error, ended.out.split('\n').length], [0, '', 2]);
    assert.equal(existsSync(running), false);

    const again = await start(t, data);
    assert.equal((await run(t, ['receive', 'jobs', '--data', data])).out, 'one\n');
    again.process.child.kill('SIGINT');
    assert.equal((await again.process.ended).code, 0);
  });

  test('shows people one screen: data, address, a line to copy', async (t) => {
    const data = temporaryDirectory(t);
    const shown = new Process(t, ['start', '--data', data, '--http', '0']);
    await shown.says(/Ctrl-C stops it\.\n/);
    const port = /127\.0\.0\.1:(\d+)/.exec(shown.out)?.[1];
    assert.match(shown.out, new RegExp(`^ {2}data {2}${data} .*on the disk`, 'm'));
    assert.match(shown.out, new RegExp(`^ {2}http {2}http://127\\.0\\.0\\.1:${port}$`, 'm'));
    assert.match(shown.out, new RegExp(`^ {2}curl -d '\\{"hello":"world"\\}' http://127\\.0\\.0\\.1:${port}/v1/publish/greetings$`, 'm'));
    assert.ok(shown.out.split('\n').length < 20, 'more than a screen');
    assert.ok(!shown.out.includes('\x1b'), 'colour where nobody looks');
    shown.child.kill('SIGTERM');
    assert.deepEqual((await shown.ended).error, 'Stopping.\nStopped.\n');
  });

  test('a default port that is taken is left for a free one, and that is said', async (t) => {
    const [door] = DOORS;
    assert.ok(door);
    const other = createServer().listen(door.port, '127.0.0.1');
    // Whether we have it or somebody else does: taken it is.
    await Promise.race([once(other, 'listening'), once(other, 'error')]);
    t.after(() => other.close());
    const broker = await start(t, temporaryDirectory(t), []);
    assert.notEqual(broker.doors.http, door.port);
    assert.deepEqual(JSON.parse(broker.process.error), {
      warning: `Port ${door.port}, the default of the http door, is taken; it listens on ${broker.doors.http} instead.`,
    });
    assert.equal((await fetch(`${broker.url}/livez`)).status, 200);
  });

  test('a port asked for that is taken is a failure, by flag, environment and file alike', async (t) => {
    const data = temporaryDirectory(t);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const file = join(data, 'config.json');
    writeFileSync(file, JSON.stringify({ http: port }));
    const ways = [
      run(t, ['start', '--data', join(data, 'a'), '--http', String(port)]),
      run(t, ['start', '--data', join(data, 'b')], { env: { SIGNALBOX_HTTP: String(port) } }),
      run(t, ['start', '--data', join(data, 'c'), '--config', file]),
    ];
    for (const { code, error, out } of await Promise.all(ways)) {
      assert.equal(
        error,
        `signalbox: Cannot listen on 127.0.0.1 port ${port}: another program has it. Give another port, or 0 for any free one.\n`,
      );
      assert.deepEqual([code, out], [7, '']);
    }
    assert.equal(existsSync(join(data, 'a/running.json')), false);
  });

  test('a directory that another process has open is refused, naming it', async (t) => {
    const data = temporaryDirectory(t);
    const { pid } = await start(t, data);
    const { code, error } = await run(t, ['start', '--data', data, '--http', '0', '--json']);
    assert.equal(code, 7);
    const { message, code: word } = (JSON.parse(error) as { error: { message: string; code: string } }).error;
    assert.equal(word, 'locked');
    assert.match(message, new RegExp(`${data} is open in process ${pid};`));
    assert.equal((JSON.parse(readFileSync(join(data, 'running.json'), 'utf8')) as { pid: number }).pid, pid);
  });

  test('a data directory that cannot be made is said to be so', async (t) => {
    const file = join(temporaryDirectory(t), 'file');
    writeFileSync(file, '');
    const { code, error } = await run(t, ['start', '--data', join(file, 'data'), '--http', '0']);
    assert.equal(code, 1);
    assert.match(error, /^signalbox: The data directory .*file\/data cannot be used: ENOTDIR.* Give another with --data\.\n$/);
  });

  test('a second signal ends it at once, whatever is under way', async (t) => {
    const broker = new Process(t, ['start', '--data', temporaryDirectory(t), '--http', '0']);
    const [, port = ''] = await broker.says(/http:\/\/127\.0\.0\.1:(\d+)/);
    // A publish whose end does not come: the door waits for it a while.
    const endless = request({ port, method: 'POST', path: '/v1/publish/x', headers: { 'content-type': 'application/x-ndjson' } });
    endless.on('error', () => undefined);
    endless.write('{"a":1}\n');
    t.after(() => endless.destroy());
    await broker.says(/Ctrl-C/);
    await published(port);
    broker.child.kill('SIGTERM');
    await broker.says(/Stopping\./, 'error');
    const askedMs = performance.now();
    broker.child.kill('SIGTERM');
    const { code, error } = await broker.ended;
    assert.equal(code, 143);
    assert.equal(error, 'Stopping.\n');
    assert.ok(performance.now() - askedMs < 2000, 'it waited for the publish');
  });

  test('a disk that fails ends it within a second, with code 1 and the reason', async (t) => {
    const directory = temporaryDirectory(t);
    const trigger = join(directory, 'fail');
    const data = join(directory, 'data');
    const broker = await start(t, data, ['--http', '0'], { env: { NODE_OPTIONS: failingDisk(trigger) } });
    assert.equal((await run(t, ['send', 'jobs', 'safe', '--declare', '--data', data])).code, 0);
    writeFileSync(trigger, '');
    const atMs = performance.now();
    const answer = await fetch(`${broker.url}/v1/queues/jobs/messages`, { method: 'POST', body: 'lost' });
    const { code, error } = await broker.process.ended;
    assert.ok(performance.now() - atMs < 1000, 'it took longer than a second');
    assert.equal(answer.status, 503);
    assert.equal(code, 1);
    assert.match(error, /The broker has stopped because its disk failed: EIO/);
    assert.equal(existsSync(join(data, 'running.json')), false);

    await start(t, data);
    assert.equal((await run(t, ['receive', 'jobs', '--count', '5', '--data', data])).out, 'safe\n');
  });

  test('the network is let in only once there are users, and then each must say who comes', async (t) => {
    const data = temporaryDirectory(t);
    const refused = await run(t, ['start', '--data', data, '--http', '0', '--host', '0.0.0.0']);
    assert.equal(refused.code, 5);
    assert.match(refused.error, /will not listen on 0\.0\.0\.0 while no users are configured.*signalbox user add/);

    const added = await run(t, ['user', 'add', 'ada', '--data', data]);
    assert.equal(added.code, 0, added.error);
    const token = added.out.trim();
    assert.match(token, /^[\w-]{43}$/);
    await start(t, data, ['--http', '0', '--host', '0.0.0.0']);
    const stranger = await run(t, ['ls', '--data', data]);
    assert.deepEqual([stranger.code, stranger.error], [5, 'signalbox: This door asks for a token: send Authorization: Bearer TOKEN.\n']);
    const known = await run(t, ['user', 'ls', '--data', data, '--json'], { env: { SIGNALBOX_TOKEN: token } });
    assert.equal(known.code, 0, known.error);
    assert.deepEqual(JSON.parse(known.out), {
      kind: 'user',
      name: 'ada',
      configure: ['*'],
      write: ['*'],
      read: ['*'],
      admin: true,
      state: {},
    });
  });
});

test('the first user manages users, unless it is said that nobody is to', async (t) => {
  const data = temporaryDirectory(t);
  const only = await run(t, ['user', 'add', 'shop', '--write', 'orders', '--no-admin', '--data', data, '--json']);
  assert.equal(only.code, 0, only.error);
  assert.equal(JSON.parse(only.out).admin, false);
  // With the broker stopped, whoever may write to its directory still can.
  const next = await run(t, ['user', 'add', 'ada', '--admin', '--data', data]);
  assert.equal(next.code, 0, next.error);
  assert.match((await run(t, ['user', 'ls', '--data', data])).out, /ada +yes.*\nshop +no/);
});

/** Waits until the broker has taken a request that was begun before: it answers in the order of arrival. */
async function published(port: string): Promise<void> {
  assert.equal((await fetch(`http://127.0.0.1:${port}/v1/publish/y`, { method: 'POST', body: 'x' })).status, 200);
}
