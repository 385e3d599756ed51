import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lanes } from '../../src/api/lanes.ts';

/** Work that is finished by hand. */
function works() {
  const running: string[] = [];
  const done: string[] = [];
  const finish = new Map<string, () => void>();
  const work = (name: string) => async () => {
    running.push(name);
    await new Promise<void>((resolve) => finish.set(name, resolve));
    running.splice(running.indexOf(name), 1);
    done.push(name);
  };
  return { running, done, work, finish: (name: string) => finish.get(name)?.() };
}

async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('at most so many run at once; more are taken on when one is done', async () => {
  const { running, work, finish } = works();
  const lanes = new Lanes(2);
  await lanes.run(undefined, work('a'));
  await lanes.run(undefined, work('b'));
  let taken = false;
  const third = lanes.run(undefined, work('c')).then(() => {
    taken = true;
  });
  await turns();
  assert.deepEqual([running, taken], [['a', 'b'], false]);
  finish('b');
  await third;
  assert.deepEqual(running, ['a', 'c']);
});

test('work of one lane runs one after the other, other lanes beside it', async () => {
  const { running, done, work, finish } = works();
  const lanes = new Lanes(10);
  for (const name of ['a1', 'b1', 'a2', 'a3', 'b2']) await lanes.run(name[0], work(name));
  assert.deepEqual(running, ['a1', 'b1']);
  finish('a1');
  await turns();
  assert.deepEqual(running, ['b1', 'a2']);
  for (const name of ['a2', 'b1']) finish(name);
  await turns();
  for (const name of ['b2', 'a3']) finish(name);
  await lanes.drained();
  assert.deepEqual(done, ['a1', 'a2', 'b1', 'b2', 'a3']);
});

test('work that waits for its lane keeps nobody else from running', async () => {
  const { running, work, finish } = works();
  const lanes = new Lanes(2);
  for (const name of ['a1', 'a2', 'a3', 'b1']) await lanes.run(name[0], work(name));
  assert.deepEqual(running, ['a1', 'b1']);
  let taken = false;
  const other = lanes.run('c', work('c1')).then(() => {
    taken = true;
  });
  await turns();
  assert.equal(taken, false, 'two run');
  finish('b1');
  await other;
  assert.deepEqual(running, ['a1', 'c1']);
  for (const name of ['a1', 'a2', 'a3', 'c1']) {
    finish(name);
    await turns();
  }
  await lanes.drained();
});

test('what waits for its lane is bounded too, and one at a time takes on nothing before its turn', async () => {
  const { running, work, finish } = works();
  const lanes = new Lanes(5, 2);
  for (const name of ['a1', 'a2', 'a3']) await lanes.run('a', work(name));
  let taken = '';
  const more = lanes.run('a', work('a4')).then(() => {
    taken = 'a4';
  });
  await turns();
  assert.deepEqual([running, taken], [['a1'], '']);
  finish('a1');
  await more;
  const single = new Lanes(1);
  await single.run('a', work('x1'));
  const second = single.run('a', work('x2')).then(() => {
    taken = 'x2';
  });
  await turns();
  assert.equal(taken, 'a4');
  finish('x1');
  await second;
  for (const name of ['a2', 'a3', 'a4', 'x2']) {
    finish(name);
    await turns();
  }
  await Promise.all([lanes.drained(), single.drained()]);
});

test('drained waits for all that was taken on, and not when there is nothing', async () => {
  const { work, finish } = works();
  const lanes = new Lanes(1);
  await lanes.drained();
  await lanes.run(undefined, work('a'));
  let drained = false;
  const waiting = lanes.drained().then(() => {
    drained = true;
  });
  await turns();
  assert.equal(drained, false);
  finish('a');
  await waiting;
});

test('whatever is run: never too many, each lane in order, nothing twice, nothing forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 4 })), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      async (all, limit) => {
        const lanes = new Lanes(limit);
        let running = 0;
        const seen: number[] = [];
        const busy = new Set<number>();
        for (const [i, [lane, wait]] of all.entries()) {
          await lanes.run(lane === 0 ? undefined : `lane ${lane}`, async () => {
            running++;
            assert.ok(running <= limit);
            if (lane > 0) assert.ok(!busy.has(lane));
            busy.add(lane);
            for (let tick = 0; tick < wait; tick++) await undefined;
            busy.delete(lane);
            running--;
            seen.push(i);
          });
        }
        await lanes.drained();
        assert.deepEqual(
          seen.toSorted((a, b) => a - b),
          all.map((_, i) => i),
        );
        for (const lane of [1, 2, 3]) {
          const mine = seen.filter((i) => all[i]?.[0] === lane);
          assert.deepEqual(
            mine,
            mine.toSorted((a, b) => a - b),
          );
        }
      },
    ),
    { numRuns: 100 },
  );
});
