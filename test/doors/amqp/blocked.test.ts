/** What clients hear when the disk is nearly full. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from 'rabbitmq-client';
import { openBroker } from '../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { startAmqp } from '../../../src/servers/amqp/amqp.ts';
import { AMQP_LANGUAGE } from '../../../src/wire/amqp/amqp.ts';
import { connected, REFERENCE, subject } from './subject.ts';

test('amqplib and rabbitmq-client are told why they are blocked, and that they are no longer', {
  skip: REFERENCE !== undefined,
}, async (t) => {
  await subject(t); // clients leave before the door closes
  const machine = { ...nodeHost({ level: 'warn' }), disk: new MemoryDisk() };
  const broker = await openBroker(machine, { directory: '/memory', durability: 'memory', languages: [AMQP_LANGUAGE] });
  let full = false;
  const watched = (engine: Engine): Engine =>
    new Proxy(engine, {
      get: (target, name) => {
        if (name === 'metrics') return () => new Map([...target.metrics(), ['disk_full', full ? 1 : 0]]);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const server = await startAmqp(watched(broker), { machine, port: 0, limits: { closeMs: 100, alarmMs: 5 } });
  const url = `amqp://guest:guest@127.0.0.1:${server.port}`;
  const connection = await connected(t, url);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('');
  channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  const other = new Connection(url);
  const publisher = other.createPublisher({ confirm: true });
  await publisher.send(queue, 'y');
  const idle = await connected(t, url);
  let heard = 0;
  idle.on('blocked', () => heard++);
  const reasons = Promise.all([
    new Promise((resolve) => connection.once('blocked', resolve)),
    new Promise((resolve) => other.once('connection.blocked', resolve)),
  ]);
  full = true;
  assert.deepEqual(await reasons, ['low on disk', 'low on disk']);
  const relieved = Promise.all([
    new Promise<void>((resolve) => connection.once('unblocked', () => resolve())),
    new Promise<void>((resolve) => other.once('connection.unblocked', () => resolve())),
  ]);
  channel.sendToQueue(queue, Buffer.from('z')); // it is not read yet, so it is not refused
  full = false;
  await relieved;
  await channel.waitForConfirms();
  assert.equal((await channel.checkQueue(queue)).messageCount, 3);
  assert.equal(heard, 0, 'who publishes nothing is of no matter to the disk');
  await publisher.close();
  await other.close();
  await connection.close();
  await idle.close();
  await server.close();
  await broker.close();
});
