import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Intake } from '../../src/api/intake.ts';
import type { Consume, Engine, Receiver } from '../../src/model/engine.ts';
import { Refused } from '../../src/model/refusal.ts';
import { createTestBroker } from '../../src/testing/testing.ts';
import { turns, watched } from './watched.ts';

function refuses(code: string) {
  return (error: unknown) => error instanceof Refused && error.code === code;
}

test('what was not asked for, and what was not looked at, goes back uncounted; what was looked at comes back counted', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  await queue.sendMany([0, 1, 2, 3]);
  const intake = await Intake.open(box.engine, { queue: 'q' }, undefined);
  const batch = await intake.next();
  assert.equal(batch?.count, 4);
  await queue.sendMany([4, 5]);
  await box.idle();
  await intake.close(batch, 2);
  const back = await queue.receive({ max: 10 });
  assert.deepEqual(
    back.map(({ value, attempts }) => [value, attempts]),
    [
      [0, 2],
      [1, 2],
      [2, 1],
      [3, 1],
      [4, 1],
      [5, 1],
    ],
  );
});

test('what is delivered while it is closing goes back at once', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q', { retry: { attempts: 1 } });
  let receiver: Receiver | undefined;
  const late = watched(box.engine, {
    consume: (consume: Consume, given: Receiver) => {
      receiver = given;
      return box.engine.consume({ ...consume, prefetch: 0 }, given);
    },
  });
  await queue.send('late');
  const intake = await Intake.open(late, { queue: 'q' }, undefined);
  intake.halt();
  const held = await box.engine.receive({ queue: 'q' });
  assert.ok(held);
  receiver?.deliver(held);
  await turns();
  const [again] = await queue.receive();
  assert.deepEqual([again?.value, again?.attempts], ['late', 1]);
  await intake.close();
});

test('nothing is handed out that could not be settled any more', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  await queue.sendMany([1, 2]);
  const intake = await Intake.open(box.engine, { queue: 'q' }, undefined);
  await box.idle();
  await box.remove('queue', 'q');
  await assert.rejects(intake.next(), refuses('closed'));
  await intake.close();
});

test('closing waits until what went back is safe, and rejects with what the engine says', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  await queue.send(1);
  const failing: Engine = watched(box.engine, { settle: () => Promise.reject(new Error('the wire is cut')) });
  const intake = await Intake.open(failing, { queue: 'q' }, undefined);
  await box.idle();
  await assert.rejects(intake.close(), /the wire is cut/);
});
