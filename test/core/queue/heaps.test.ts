import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NumberHeap, TimeHeap } from '../../../src/core/queue/heaps.ts';
import { IdTable } from '../../../src/core/queue/id-table.ts';
import { NumberFifo } from '../../../src/core/queue/number-fifo.ts';

const numbers = fc.array(fc.nat(50), { maxLength: 200 });

test('a number heap gives the lowest first, also after a filter', () => {
  fc.assert(
    fc.property(numbers, numbers, (first, second) => {
      const heap = new NumberHeap();
      for (const n of first) heap.push(n);
      heap.filter((n) => n % 3 !== 0);
      for (const n of second) heap.push(n);
      const expected = [...first.filter((n) => n % 3 !== 0), ...second].sort((a, b) => a - b);
      assert.equal(heap.size, expected.length);
      assert.equal(heap.peek(), expected[0]);
      assert.deepEqual(
        Array.from({ length: heap.size }, () => heap.pop()),
        expected,
      );
      assert.equal(heap.pop(), undefined);
    }),
  );
});

test('a time heap gives the earliest first and among equals the lowest number, whatever a sweep took out', () => {
  const pair = fc.tuple(fc.nat(20), fc.nat(1000));
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 300 }), fc.nat(40), (pairs, steps) => {
      const heap = new TimeHeap();
      for (const [timeMs, number] of pairs) heap.push(timeMs, number);
      const gone: string[] = [];
      heap.sweep(steps, (timeMs, number) => {
        if (number % 2 === 0) return true;
        gone.push(`${timeMs} ${number}`);
        return false;
      });
      const left = pairs.slice();
      for (const key of gone)
        left.splice(
          left.findIndex(([t, n]) => `${t} ${n}` === key),
          1,
        );
      const expected = left.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      const popped: [number, number][] = [];
      while (heap.size > 0) {
        popped.push([heap.timeMs, heap.number]);
        heap.pop();
      }
      assert.deepEqual(popped, expected);
      assert.deepEqual([heap.timeMs, heap.number], [Number.POSITIVE_INFINITY, -1]);
    }),
  );
});

test('sweeping long enough takes out everything that is stale', () => {
  const heap = new TimeHeap();
  for (let i = 0; i < 1000; i++) heap.push((i * 7919) % 1000, i);
  for (let i = 0; i < 300; i++) heap.sweep(8, (_, number) => number % 10 === 0);
  const popped: number[] = [];
  for (; heap.size > 0; heap.pop()) popped.push(heap.number);
  const expected = Array.from({ length: 100 }, (_, i) => i * 10).sort((a, b) => ((a * 7919) % 1000) - ((b * 7919) % 1000));
  assert.deepEqual(popped, expected, 'and leaves the others in order');
});

test('an id table does what a map does', () => {
  const step = fc.tuple(
    fc.constantFrom('set', 'set', 'delete', 'get'),
    fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 2 ** 40, max: 2 ** 40 + 60 })),
    fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const table = new IdTable();
      const map = new Map<number, number>();
      for (const [kind, key, slot] of steps) {
        if (kind === 'set') {
          table.set(key, slot);
          map.set(key, slot);
        } else if (kind === 'delete') {
          table.delete(key);
          map.delete(key);
        }
        assert.equal(table.get(key), map.get(key) ?? 0);
      }
      for (const [key, slot] of map) assert.equal(table.get(key), slot);
    }),
  );
});

test('an id table that grew to a hundred thousand and shrank again has lost nothing', () => {
  const table = new IdTable();
  for (let id = 1; id <= 100_000; id++) table.set(id * 3, id);
  for (let id = 1; id <= 100_000; id++) if (id % 1000 !== 0) table.delete(id * 3);
  for (let id = 1; id <= 100_000; id++) assert.equal(table.get(id * 3), id % 1000 === 0 ? id : 0);
});

test('a number fifo does what an array does, over many blocks', () => {
  const step = fc.tuple(fc.constantFrom('push', 'push', 'shift', 'filter'), fc.integer({ min: 1, max: 1500 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const fifo = new NumberFifo();
      let array: number[] = [];
      let next = 0;
      for (const [kind, count] of steps) {
        if (kind === 'filter') {
          fifo.filter((n) => n % count !== 0);
          array = array.filter((n) => n % count !== 0);
        }
        for (let i = 0; i < count; i++) {
          if (kind === 'push') {
            fifo.push(next);
            array.push(next++);
          } else if (kind === 'shift' && array.length > 0) {
            fifo.shift();
            array.shift();
          }
        }
      }
      assert.equal(fifo.length, array.length);
      assert.deepEqual(
        Array.from(array, (_, i) => fifo.at(i)),
        array,
      );
    }),
  );
});
