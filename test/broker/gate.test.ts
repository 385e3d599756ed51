import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../../src/broker/gate.ts';

function waiting(gate: Gate, positions: readonly number[], log: unknown[]): void {
  for (const position of positions) {
    gate.hold(
      position,
      () => log.push(position),
      (error) => log.push([position, error.message]),
    );
  }
}

test('nothing passes before its position is safe, and then in order', () => {
  const gate = new Gate();
  const log: unknown[] = [];
  waiting(gate, [10, 30, 20, 30, 5], log);
  assert.equal(gate.waiting, 5);
  gate.open(4);
  assert.deepEqual(log, []);
  gate.open(20);
  assert.deepEqual(log, [5, 10, 20]);
  gate.open(15);
  gate.open(30);
  assert.deepEqual(log, [5, 10, 20, 30, 30]);
  assert.deepEqual([gate.waiting, gate.safe], [0, 30]);
});

test('what is safe already passes at once', async () => {
  const gate = new Gate();
  gate.open(10);
  const log: unknown[] = [];
  waiting(gate, [10, 3], log);
  assert.deepEqual(log, [10, 3]);
  await gate.passed(7);
});

test('after a failure nothing passes any more, neither who waits nor who comes later', async () => {
  const gate = new Gate();
  const log: unknown[] = [];
  gate.open(5);
  waiting(gate, [10, 20], log);
  gate.fail(new Error('the disk is gone'));
  gate.fail(new Error('again'));
  waiting(gate, [1, 30], log);
  gate.open(100);
  assert.deepEqual(log, [
    [10, 'the disk is gone'],
    [20, 'the disk is gone'],
    [1, 'the disk is gone'],
    [30, 'the disk is gone'],
  ]);
  await assert.rejects(gate.passed(1), /the disk is gone/);
});

test('what is released may hold again', () => {
  const gate = new Gate();
  const log: number[] = [];
  const again = (position: number) => () => {
    log.push(position);
    if (position < 5) gate.hold(position + 1, again(position + 1), () => undefined);
  };
  gate.hold(1, again(1), () => undefined);
  gate.open(3);
  assert.deepEqual(log, [1, 2, 3]);
  gate.open(9);
  assert.deepEqual(log, [1, 2, 3, 4, 5]);
});

test('a long line that is released bit by bit keeps its order', () => {
  const gate = new Gate();
  const log: number[] = [];
  for (let position = 1; position <= 20_000; position++)
    gate.hold(
      position,
      () => log.push(position),
      () => undefined,
    );
  for (let safe = 7; safe < 20_007; safe += 7) gate.open(safe);
  assert.equal(log.length, 20_000);
  assert.ok(log.every((position, i) => position === i + 1));
});
