import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { glob, isExact, matches } from '../../../src/core/routing/pattern.ts';

/** The definition, word by word. */
function naive(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') return naive(rest, words) || (words.length > 0 && naive(pattern, words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && naive(rest, words.slice(1));
}

const split = (text: string): string[] => (text === '' ? [] : text.split('.'));

test('topic patterns follow the published rules', () => {
  for (const [pattern, address, expected] of [
    ['orders.created', 'orders.created', true],
    ['orders.created', 'orders.createdx', false],
    ['orders.*', 'orders.created', true],
    ['orders.*', 'orders', false],
    ['orders.*', 'orders.eu.created', false],
    ['orders.#', 'orders', true],
    ['orders.#', 'orders.eu.created', true],
    ['orders.#', 'ordersx', false],
    ['#.created', 'created', true],
    ['#.created', 'orders.eu.created', true],
    ['#.created', 'orders.created.eu', false],
    ['*.eu.*', 'orders.eu.created', true],
    ['a.#.b.#.c', 'a.b.c', true],
    ['a.#.b.#.c', 'a.x.b.b.y.c', true],
    ['a.#.b.#.c', 'a.c.b', false],
    ['#', '', true],
    ['*', '', false],
    ['', '', true],
    ['*', 'a', true],
    ['*.*', '.', true],
    ['a.*.b', 'a..b', true],
    ['#.#', '', true],
    ['*.#.*', 'a', false],
    ['a*', 'ab', false],
    ['a#', 'a#', true],
  ] as const) {
    assert.equal(matches(pattern, address), expected, `${pattern} takes ${address}`);
  }
});

test('topic patterns agree with the definition', () => {
  const word = fc.constantFrom('a', 'b', '');
  const patternWord = fc.constantFrom('a', 'b', '', '*', '#', '#');
  fc.assert(
    fc.property(fc.array(patternWord, { maxLength: 8 }), fc.array(word, { maxLength: 9 }), (p, a) => {
      const pattern = p.join('.');
      const address = a.join('.');
      assert.equal(matches(pattern, address), naive(split(pattern), split(address)), `"${pattern}" takes "${address}"`);
    }),
    { numRuns: 3000 },
  );
});

test('a pattern without wildcards is taken by itself alone', () => {
  assert.equal(isExact('a.b'), true);
  assert.equal(isExact('a*.#b'), true);
  assert.equal(isExact('a.*'), false);
  assert.equal(isExact('#'), false);
});

test('globs agree with the same pattern as a regular expression', () => {
  const char = fc.constantFrom('a', 'b', '😀', '.', '*', '?', '*');
  fc.assert(
    fc.property(fc.array(char, { maxLength: 8 }), fc.array(char, { maxLength: 10 }), (p, t) => {
      const source = p.map((c) => (c === '*' ? '.*' : c === '?' ? '.' : c.replace(/[.]/, '\\.'))).join('');
      assert.equal(glob(p.join(''), t.join('')), new RegExp(`^${source}$`, 'su').test(t.join('')), `${p.join('')} takes ${t.join('')}`);
    }),
    { numRuns: 3000 },
  );
});

test('hostile patterns are decided in the time of honest ones', () => {
  const words = 10_000;
  const address = Array.from({ length: words }, () => 'a').join('.');
  const started = process.cpuUsage().user;
  assert.equal(matches(Array.from({ length: words }, () => '#').join('.'), address), true);
  assert.equal(matches(`${Array.from({ length: words / 2 }, () => '#.a').join('.')}.b`, address), false);
  assert.equal(matches(`#.${Array.from({ length: words / 2 }, () => 'a').join('.')}.b.#`, address), false);
  assert.equal(matches(`#.${Array.from({ length: words / 2 }, () => '*').join('.')}.b.#`, address), false);
  assert.equal(glob(`${'*a'.repeat(words / 2)}b`, 'a'.repeat(words)), false);
  assert.equal(glob(`*${'a'.repeat(words / 2)}b*`, 'a'.repeat(words)), false);
  assert.equal(glob('*?'.repeat(words / 2), 'a'.repeat(words)), true);
  const spentMs = (process.cpuUsage().user - started) / 1000;
  // The quadratic way takes 25 million comparisons for each; the exponential one never ends.
  assert.ok(spentMs < 1000, `${spentMs} ms`);
});
