import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Signalbox } from '../../src/api/api.ts';
import { uniqueName } from '../../src/api/unique-name.ts';
import type { Publish } from '../../src/model/engine.ts';
import { Refused } from '../../src/model/refusal.ts';
import { open } from '../../src/signalbox.ts';
import { createTestBroker } from '../../src/testing/testing.ts';
import { turns, watched } from './watched.ts';

function refuses(code: string) {
  return (error: unknown) => error instanceof Refused && error.code === code;
}

test('a broker in memory is opened, used and closed', async () => {
  await using box = await open();
  const queue = await box.declareQueue('q');
  await queue.send('hello');
  for await (const message of queue.consume()) {
    assert.equal(message.value, 'hello');
    await message.ack();
    break;
  }
});

test('who listens without a name hears what is published from then on, each listener all of it', async () => {
  await using box = await createTestBroker();
  const other = new Signalbox(box.engine, { unique: (what) => `other-${what}` });
  const heard: string[] = [];
  const running = [
    await box.listen('orders.*', ({ value }) => heard.push(`a ${value}`)),
    await box.listen('orders.*', ({ value }) => heard.push(`b ${value}`)),
    await other.listen('orders.#', ({ value, message }) => heard.push(`c ${message.address} ${value}`)),
    await box.listen('orders.*', ({ value }) => heard.push(`d ${value}`), { filter: 'body > `1`' }),
  ];
  await box.publish('orders.new', 1);
  await box.publish('orders.old', 2);
  await box.idle();
  assert.deepEqual(heard.toSorted(), ['a 1', 'a 2', 'b 1', 'b 2', 'c orders.new 1', 'c orders.old 2', 'd 2']);
  for (const one of running) await one.stop();
  assert.deepEqual(await box.list('queue'), [], 'nothing is left of them');
});

test('who listens by a name is given what was missed, and shares it with others of the name', async () => {
  await using box = await createTestBroker();
  const first = await box.listen('a', () => undefined, { name: 'mine' });
  await first.stop();
  await box.publish('a', 'missed');
  const heard: unknown[] = [];
  const both = [1, 2].map(() => box.listen('a', ({ value }) => heard.push(value), { name: 'mine' }));
  await box.publish('a', 'new');
  await box.idle();
  assert.deepEqual(heard.toSorted(), ['missed', 'new']);
  for (const one of both) await (await one).stop();
});

test('a nameless listener that is too slow loses the oldest, and holds up nobody', async () => {
  await using box = await createTestBroker();
  const listening = box.listen('a', { countMax: 3, prefetch: 1 });
  const first = listening.next();
  await box.idle();
  for (let n = 0; n < 10; n++) await box.publish('a', n);
  const seen: unknown[] = [];
  let next = await first;
  while (!next.done) {
    seen.push(next.value.value);
    await next.value.ack();
    if (seen.length === 4) break;
    next = await listening.next();
  }
  assert.deepEqual(seen, [0, 7, 8, 9]);
  await listening.return();
});

test('asked for at once by two, the queue for answers is opened once', async () => {
  await using box = await createTestBroker();
  const responder = await box.respond('echo', (value) => value);
  assert.deepEqual(await Promise.all([1, 2, 3].map((n) => box.request('echo', n))), [1, 2, 3]);
  const replies = (await box.list('queue')).filter((queue) => queue.kind === 'queue' && queue.spec.name.startsWith('reply'));
  assert.equal(replies.length, 1);
  await responder.stop();
});

test('a first request that could not be asked is no reason that the next cannot', async () => {
  await using box = await createTestBroker();
  let broken = true;
  const shaky = new Signalbox(
    watched(box.engine, {
      declare: (...args: Parameters<typeof box.engine.declare>) =>
        broken ? Promise.reject(new Error('the wire is cut')) : box.engine.declare(...args),
    }),
    { unique: (what) => `shaky-${what}` },
  );
  const responder = await box.respond('echo', (value) => value);
  await assert.rejects(shaky.request('echo', 1), /the wire is cut/);
  broken = false;
  assert.equal(await shaky.request('echo', 2), 2);
  await responder.stop();
});

test("an answer that comes too late is nobody's, and no harm", async () => {
  await using box = await createTestBroker();
  const answer = Promise.withResolvers<void>();
  const responder = await box.respond(
    'slow',
    async (value) => {
      if (value === 'slow') await answer.promise;
      return value;
    },
    { concurrency: 2 },
  );
  const late = assert.rejects(box.request('slow', 'slow', { timeout: '1s' }), refuses('aborted'));
  await turns();
  await box.advance('1s');
  await late;
  answer.resolve();
  await box.idle();
  assert.equal(await box.request('slow', 'next'), 'next');
  await responder.stop();
});

test('publishers wait while the engine is pressed', async () => {
  await using box = await createTestBroker();
  await box.declareQueue('q');
  await box.declareTopic('t');
  const relief = Promise.withResolvers<void>();
  let pressed = true;
  const published: string[] = [];
  const engine = watched(box.engine, {
    get pressed() {
      return pressed;
    },
    relief: () => relief.promise,
    publish: (publish: Publish) => {
      published.push(publish.address);
      return box.engine.publish(publish);
    },
  });
  const other = new Signalbox(engine);
  const waiting = [other.publish('a', 1), other.queue('q').send(1), other.topic('t').publish(1)];
  await turns();
  assert.deepEqual(published, []);
  pressed = false;
  relief.resolve();
  await Promise.all(waiting);
  assert.deepEqual(published.toSorted(), ['a', 'q', 't']);
});

test('the embedded broker is pressed when more than 32 MiB are on their way, and says when it is not', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic('t');
  const sent = Array.from({ length: 60 }, () => topic.publish(new Uint8Array(1024 * 1024)));
  assert.equal(box.engine.pressed, true);
  assert.ok((box.engine.metrics().get('journal_pending_bytes') ?? 0) < 35 * 1024 * 1024, 'who asks now waits before it is taken');
  await Promise.all(sent);
  await box.engine.relief();
  assert.equal(box.engine.pressed, false);
});

test('names are given once, whoever gives them', () => {
  const names = new Set(Array.from({ length: 1000 }, () => uniqueName('x', 5)));
  assert.equal(names.size, 1000);
  for (const name of names) assert.match(name, /^x-5-/);
});
