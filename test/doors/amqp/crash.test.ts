/** What was confirmed over this door is there after the process was killed. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from 'amqplib';
import { DOORS } from '../../../src/cli/doors.ts';
import { REFERENCE } from './subject.ts';

const launcher = fileURLToPath(new URL('../../../bin/signalbox.mjs', import.meta.url));
const MESSAGES = 3000;

async function started(t: TestContext, data: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const shut = DOORS.map(({ name }) => name).filter((name) => name !== 'amqp');
  const child = spawn(
    process.execPath,
    [launcher, 'start', '--data', data, '--amqp', '0', ...shut.flatMap((name) => [`--${name}`, 'off']), '--json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.stdout);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { doors } = JSON.parse(line) as { doors: { amqp: number } };
  return { child, url: `amqp://guest:guest@127.0.0.1:${doors.amqp}` };
}

test('confirmed messages survive kill -9; acknowledged ones stay gone', { skip: REFERENCE !== undefined }, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'signalbox-amqp-crash-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const first = await started(t, data);
  const connection = await connect(first.url);
  connection.on('error', () => undefined); // it is killed
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined); // with it
  await channel.assertQueue('q', { durable: true });
  const confirmed = new Set<string>();
  await new Promise<void>((resolve) => {
    for (let i = 0; i < MESSAGES; i++) {
      channel.sendToQueue('q', Buffer.from(String(i)), { persistent: true }, (error) => {
        if (error === null) confirmed.add(String(i));
        if (confirmed.size === MESSAGES / 2) resolve();
      });
    }
  });
  // What is on its way is lost or not; what was confirmed before this moment must be there.
  const promised = new Set(confirmed);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = await started(t, data);
  const again = await connect(second.url);
  const reading = await again.createChannel();
  const found: string[] = [];
  const { messageCount } = await reading.checkQueue('q');
  await new Promise<void>((resolve) => {
    void reading.consume('q', (message) => {
      if (message === null) return;
      found.push(message.content.toString());
      reading.ack(message);
      if (found.length === messageCount) resolve();
    });
  });
  // Its acknowledgements are on their way until it says so.
  await reading.close();
  assert.deepEqual(
    [...promised].filter((text) => !found.includes(text)),
    [],
  );
  assert.equal(new Set(found).size, found.length, 'none twice');
  assert.deepEqual(
    found,
    [...found].sort((a, b) => Number(a) - Number(b)),
    'in order',
  );
  await again.close();
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');
  const third = await started(t, data);
  const last = await connect(third.url);
  assert.equal((await (await last.createChannel()).checkQueue('q')).messageCount, 0);
  await last.close();
  third.child.kill('SIGTERM');
  await once(third.child, 'exit');
});
