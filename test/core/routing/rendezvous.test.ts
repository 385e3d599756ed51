import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rendezvous } from '../../../src/core/routing/rendezvous.ts';
import { hashText } from '../../../src/core/routing/text-hash.ts';

const KEYS = Array.from({ length: 20_000 }, (_, i) => `customer-${i}`);

function among(weights: Readonly<Record<string, number>>): Rendezvous<string> {
  const all = new Rendezvous<string>();
  for (const [id, weight] of Object.entries(weights)) all.add(id, weight, id);
  return all;
}

function shares(all: Rendezvous<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of KEYS) {
    const id = all.choose(key) ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

test('nobody there, nobody chosen', () => {
  assert.equal(new Rendezvous().choose('a'), undefined);
});

test('equal weights get equal shares', () => {
  const counts = shares(among(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`queue-${i}`, 1]))));
  assert.equal(counts.size, 10);
  // 2,000 expected; five standard deviations are 212.
  for (const [id, count] of counts) assert.ok(Math.abs(count - 2000) < 212, `${id} got ${count}`);
});

test('shares follow weights', () => {
  const counts = shares(among({ small: 1, middle: 3, large: 6 }));
  for (const [id, expected] of [
    ['small', 2000],
    ['middle', 6000],
    ['large', 12_000],
  ] as const) {
    assert.ok(Math.abs((counts.get(id) ?? 0) - expected) < 350, `${id} got ${counts.get(id)}`);
  }
});

test('who comes takes only for itself, who goes gives only its own', () => {
  const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(ids, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 12, maxLength: 12 }), (names, weights) => {
      const all = among(Object.fromEntries(names.map((name, i) => [`_${name}`, weights[i] ?? 1])));
      const some = KEYS.slice(0, 200);
      const newcomer = `_${names[0]}`;
      const with1 = some.map((key) => all.choose(key));
      all.delete(newcomer);
      const without = some.map((key) => all.choose(key));
      some.forEach((_, i) => {
        if (with1[i] === newcomer) assert.notEqual(without[i], newcomer);
        else assert.equal(without[i], with1[i]);
      });
      all.add(newcomer, weights[0] ?? 1, newcomer);
      assert.deepEqual(
        some.map((key) => all.choose(key)),
        with1,
      );
    }),
    { numRuns: 200 },
  );
});

test('the order of coming does not matter', () => {
  const there = among({ a: 1, b: 2, c: 1 });
  const back = among({ c: 1, b: 2, a: 1 });
  for (const key of KEYS.slice(0, 500)) assert.equal(there.choose(key), back.choose(key));
});

test('a key is with the same queue in every version: these answers may never change', () => {
  assert.deepEqual(
    ['', 'a', 'orders.created', 'Ω'].map((text) => hashText(text)),
    [2872998923, 444641715, 759561437, 1109145794],
  );
  const all = among({ one: 1, two: 1, three: 2 });
  assert.equal(
    KEYS.slice(0, 24)
      .map((key) => (all.choose(key) ?? '')[1])
      .join(''),
    'hhhnwhnwhhwhnhhhwwhnhhhh',
  );
});
