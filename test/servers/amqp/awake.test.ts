import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Awake } from '../../../src/servers/amqp/awake.ts';
import { Unacked } from '../../../src/servers/amqp/unacked.ts';

class Sleeper {
  awake = false;
  reads = 0;
  turns = 0;
  readonly onTurn: () => void;

  constructor(onTurn: () => void = () => undefined) {
    this.onTurn = onTurn;
  }

  endOfRead(): void {
    this.reads++;
  }

  endOfTurn(): void {
    this.turns++;
    this.onTurn();
  }
}

test('only channels that something happened to are looked at, each once', () => {
  const awake = new Awake();
  const [busy, idle] = [new Sleeper(), new Sleeper()];
  for (let i = 0; i < 3; i++) awake.stir(busy);
  awake.endOfRead(false);
  awake.endOfTurn(true);
  awake.endOfTurn(true);
  assert.deepEqual([busy.reads, busy.turns, idle.reads, idle.turns], [1, 1, 0, 0]);
});

test('who rests after a read is not looked at when a turn ends; who is woken in a turn waits for the next', () => {
  const awake = new Awake();
  const rests = new Sleeper();
  awake.stir(rests);
  awake.endOfRead(true);
  awake.endOfTurn(true);
  assert.deepEqual([rests.reads, rests.turns, rests.awake], [1, 0, false]);
  const again: Sleeper = new Sleeper(() => {
    if (again.turns === 1) awake.stir(again);
  });
  awake.stir(again);
  awake.endOfTurn(true);
  assert.deepEqual([again.turns, again.awake], [1, true]);
  awake.endOfTurn(false);
  assert.deepEqual([again.turns, again.awake], [1, false], 'a connection that ends looks at nobody');
});

test('a window of deliveries takes room when the first comes, and settles over every growth', () => {
  const unacked = new Unacked();
  assert.equal(unacked.isHeld(1), false);
  assert.equal(
    unacked.settle(0, true, () => assert.fail('nothing is held')),
    true,
  );
  assert.equal(unacked.skip(), 1);
  const tags = Array.from({ length: 1000 }, (_, i) => unacked.add(i, 7, 1));
  const seen: number[] = [];
  assert.equal(
    unacked.settle(tags[499] ?? 0, true, (number) => seen.push(number)),
    true,
  );
  assert.deepEqual(
    seen,
    Array.from({ length: 500 }, (_, i) => i),
  );
  assert.equal(unacked.count, 500);
});
