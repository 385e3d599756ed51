/** `signalbox subscribe`: addresses, topics and groups, in pipes, and over the death of the broker. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Process, run, start, temporaryDirectory, values } from './signalbox.ts';

const launcher = fileURLToPath(new URL('../../bin/signalbox.mjs', import.meta.url));

suite('subscribe', { concurrency: 2 }, () => {
  test('addresses, topics and groups', async (t) => {
    const broker = await start(t, join(temporaryDirectory(t), 'data'));
    const data = ['--data', broker.data];
    const numbers = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, i) => `{"n":${from + i}}\n`).join('');
    assert.equal((await run(t, ['declare', 'topic', 'numbers', 'partitions=3', ...data])).code, 0);
    assert.equal((await run(t, ['publish', '--topic', 'numbers', '--key', 'n', ...data], { input: numbers(1, 100) })).code, 0);

    await t.test('an address: what comes from now on, filtered by the broker', async (t) => {
      const watching = new Process(t, ['subscribe', 'orders.*', '--filter', 'body.n > `1`', '--count', '2', '--json', ...data]);
      const headers = { 'content-type': 'application/json' };
      const knock = (): Promise<Response> => fetch(`${broker.url}/v1/publish/orders.a`, { method: 'POST', headers, body: '{"n":2}' });
      // Nobody says when it is connected: a message that is let through shows it.
      const knocking = new AbortController();
      const knocked = (async () => {
        while (!knocking.signal.aborted) await knock();
      })();
      await watching.says(/"n":2/);
      knocking.abort();
      await knocked;
      const { code, out } = await watching.ended;
      assert.equal(code, 0);
      assert.deepEqual(
        (values(out) as { address: string; body: { n: number } }[]).map(({ address, body }) => [address, body.n]),
        [
          ['orders.a', 2],
          ['orders.a', 2],
        ],
      );
    });

    await t.test('a topic from a place: the beginning, offsets, one partition, filtered here by the same rules', async (t) => {
      const all = await run(t, ['subscribe', '--topic', 'numbers', '--from', 'earliest', '--count', '100', ...data]);
      assert.deepEqual(all.out.split('\n').sort(), numbers(1, 100).split('\n').sort());
      const large = await run(t, ['subscribe', 'numbers', '--from', '1h', '--filter', 'body.n >= `99`', '--count', '2', ...data]);
      assert.deepEqual(large.out.split('\n').sort(), ['', '{"n":100}', '{"n":99}']);
      const one = await run(t, ['subscribe', 'numbers', '--partition', '1', '--from', '1:5', '--count', '2', '--json', ...data]);
      assert.deepEqual(
        (values(one.out) as { partition: number; offset: number }[]).map(({ partition, offset }) => [partition, offset]),
        [
          [1, 5],
          [1, 6],
        ],
      );
    });

    await t.test('a group goes on where it was, and gives back what it did not print', async (t) => {
      const member = ['subscribe', 'numbers', '--group', 'g', '--from', 'earliest', ...data];
      const first = await run(t, [...member, '--count', '30']);
      const second = await run(t, [...member, '--count', '70']);
      assert.deepEqual([first.code, second.code], [0, 0], first.error + second.error);
      assert.deepEqual(`${first.out}${second.out}`.split('\n').sort(), numbers(1, 100).split('\n').sort());
      const third = await run(t, [...member, '--count', '1', '--timeout', '300ms', '--json']);
      assert.equal(third.code, 6);
      assert.match(third.error, /The time is up: 0 messages came, of 1 that were asked for/);
      const { out } = await run(t, ['describe', 'group', 'g', '--json', ...data]);
      const { state } = JSON.parse(out) as { state: { members: number; cursors: { lag: number }[] } };
      assert.deepEqual([state.members, state.cursors.map(({ lag }) => lag)], [0, [0, 0, 0]]);
    });

    await t.test('a member that is interrupted leaves, so that others need not wait for it', async (t) => {
      const member = new Process(t, ['subscribe', 'numbers', '--group', 'h', '--from', 'earliest', ...data]);
      await member.says(/(?:.*\n){100}/);
      member.child.kill('SIGINT');
      const { signal, code } = await member.ended;
      assert.deepEqual([signal, code], ['SIGINT', null]);
      const { out } = await run(t, ['describe', 'group', 'h', '--json', ...data]);
      const { state } = JSON.parse(out) as { state: { members: number; cursors: { lag: number }[] } };
      assert.deepEqual([state.members, state.cursors.map(({ lag }) => lag)], [0, [0, 0, 0]]);
    });

    await t.test('a reader that has seen enough ends it without a word, when the next message comes', async () => {
      const line = `"${process.execPath}" "${launcher}" subscribe numbers --from earliest --data "${broker.data}" | head -1; echo "\${PIPESTATUS[0]}"`;
      const pipe = spawn('bash', ['-c', line], { stdio: ['ignore', 'pipe', 'pipe'] });
      let out = '';
      let error = '';
      pipe.stdout.on('data', (text) => {
        out += text;
      });
      pipe.stderr.on('data', (text) => {
        error += text;
      });
      let isOver = false;
      const over = once(pipe, 'close').then(() => {
        isOver = true;
      });
      await once(pipe.stdout, 'data');
      while (!isOver) await fetch(`${broker.url}/v1/topics/numbers/records`, { method: 'POST', body: 'more' });
      await over;
      assert.match(out, /^\{"n":\d+\}\n0\n$/);
      assert.equal(error, '');
    });

    await t.test('wrong words are answered with what there is instead', async (t) => {
      const cases: [string[], number, RegExp][] = [
        [['subscribe'], 2, /Say what to watch/],
        [['subscribe', 'x', '--topic', 'y'], 2, /Give a pattern of addresses or --topic, not both/],
        [['subscribe', 'numbers', '--group', 'g', '--partition', '1'], 2, /--partition goes without --group/],
        [['subscribe', 'numbers', '--from', 'earliest', '--filter', '???'], 2, /The expression "\?\?\?" has a fault at character 0/],
        [['subscribe', 'numbers', '--from', 'yesterday'], 4, /from is "yesterday"; give a time/],
        [['subscribe', 'absent', '--from', 'latest'], 4, /There is no topic "absent"/],
        [['subscribe', 'absent', '--group', 'g'], 4, /There is no topic "absent"/],
        [['subscribe', 'x', '--timeout', '5'], 2, /--timeout is "5"; give a time with its unit/],
      ];
      const ends = await Promise.all(cases.map(([args]) => run(t, [...args, ...data])));
      for (const [i, { code, error }] of ends.entries()) {
        assert.match(error, cases[i]?.[2] ?? /$^/);
        assert.equal(code, cases[i]?.[1]);
      }
    });
  });

  test('a broker that is killed and comes back: the topic goes on, the group goes on, nothing is missed or seen twice', async (t) => {
    const directory = join(temporaryDirectory(t), 'data');
    const data = ['--data', directory];
    const broker = await start(t, directory);
    assert.equal((await run(t, ['publish', '--topic', 'events', '--declare', ...data], { input: '{"n":1}\n{"n":2}\n' })).code, 0);
    const following = new Process(t, ['subscribe', 'events', '--from', 'earliest', '--count', '4', '--retry', '30s', ...data]);
    const member = new Process(t, ['subscribe', 'events', '--group', 'g', '--from', 'earliest', '--count', '4', '--retry', '30s', ...data]);
    const impatient = new Process(t, ['subscribe', 'events', '--from', 'earliest', ...data]);
    await Promise.all([following.says(/2\}\n/), member.says(/2\}\n/), impatient.says(/2\}\n/)]);
    // What a member has printed and not yet moved past may come again: only what is moved past is asked for here.
    let lag = Number.NaN;
    while (lag !== 0) {
      const { state } = (await (await fetch(`${broker.url}/v1/groups/g`)).json()) as { state: { cursors: { lag: number }[] } };
      lag = state.cursors[0]?.lag ?? Number.NaN;
    }
    broker.process.child.kill('SIGKILL');
    await broker.process.ended;
    const gone = await impatient.ended;
    assert.equal(gone.code, 3);
    const absent = await run(t, ['ls', ...data]);
    assert.equal(absent.code, 3);
    assert.match(absent.error, /^signalbox: No broker is running on .*; start one with "signalbox start", .*left behind by process \d+/);

    await start(t, directory);
    assert.equal((await run(t, ['publish', '--topic', 'events', ...data], { input: '{"n":3}\n{"n":4}\n' })).code, 0);
    const expected = '{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n';
    assert.equal((await following.ended).out, expected);
    assert.equal((await member.ended).out, expected);
    assert.match(following.error, /Waiting for it to come back/);
  });
});
