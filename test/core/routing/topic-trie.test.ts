import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches } from '../../../src/core/routing/pattern.ts';
import { TopicTrie } from '../../../src/core/routing/topic-trie.ts';

function found<V>(trie: TopicTrie<V>, address: string): V[] {
  const into: V[] = [];
  trie.collect(address, into);
  return [...new Set(into)];
}

function visitedBy<V>(trie: TopicTrie<V>, address: string): number {
  const before = trie.visited;
  trie.collect(address, []);
  return trie.visited - before;
}

test('finds what matches, after any adding and deleting', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '', '*', '#'), { maxLength: 5 }).map((words) => words.join('.'));
  const address = fc.array(fc.constantFrom('a', 'b', ''), { maxLength: 6 }).map((words) => words.join('.'));
  const step = fc.record({ adds: fc.integer({ min: 0, max: 3 }).map((n) => n > 0), pattern, value: fc.integer({ min: 0, max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.array(address, { maxLength: 6 }), (steps, addresses) => {
      const trie = new TopicTrie<string>();
      const live = new Set<string>();
      for (const { adds, pattern: p, value } of steps) {
        const v = `${value} ${p}`;
        if (adds) trie.add(p, v);
        else trie.delete(p, v);
        if (adds) live.add(v);
        else live.delete(v);
      }
      for (const a of addresses) {
        const expected = [...live].filter((v) => matches(v.slice(2), a));
        assert.deepEqual(found(trie, a).sort(), expected.sort(), `"${a}" among ${[...live].join(', ')}`);
      }
      for (const v of live) trie.delete(v.slice(2), v);
      for (const a of addresses) {
        assert.deepEqual(found(trie, a), []);
        assert.equal(visitedBy(trie, a), 1, 'nothing is left but the root');
      }
    }),
    { numRuns: 1500 },
  );
});

test('one match among 100,000 patterns touches as many nodes as one of one', () => {
  const alone = new TopicTrie<number>();
  alone.add('site7.*.temperature', 7);
  const crowded = new TopicTrie<number>();
  for (let i = 0; i < 100_000; i++) crowded.add(`site${i}.*.temperature`, i);
  assert.deepEqual(found(crowded, 'site7.room.temperature'), [7]);
  assert.equal(visitedBy(crowded, 'site7.room.temperature'), visitedBy(alone, 'site7.room.temperature'));
  assert.equal(visitedBy(crowded, 'site7.room.temperature'), 4);
});

test('a pattern without wildcards is not looked for in the trie', () => {
  const trie = new TopicTrie<number>();
  for (let i = 0; i < 1000; i++) trie.add(`a.b.${i}`, i);
  assert.deepEqual(found(trie, 'a.b.5'), [5]);
  assert.equal(visitedBy(trie, 'a.b.5'), 1);
});

test('the way through many # is never gone twice', () => {
  const trie = new TopicTrie<string>();
  const patterns = ['a.#.b.#.c', '#.a.#.a.#.a.#.a.#', Array.from({ length: 128 }, () => '#').join('.'), '#.*.#.*.#.*.#.b'];
  for (const pattern of patterns) trie.add(pattern, pattern);
  const nodes = patterns.join('.').split('.').length;
  const words = 2000;
  const address = Array.from({ length: words }, () => 'a').join('.');
  assert.deepEqual(found(trie, address).sort(), [patterns[1], patterns[2]].sort());
  assert.ok(visitedBy(trie, address) <= nodes * (words + 1), `${visitedBy(trie, address)} nodes`);
});

test('a pattern of nothing but # is one #', () => {
  const trie = new TopicTrie<number>();
  const pattern = Array.from({ length: 50_000 }, () => '#').join('.');
  trie.add(pattern, 1);
  assert.deepEqual(found(trie, 'a.b'), [1]);
  trie.delete('#', 1);
  assert.deepEqual(found(trie, 'a.b'), []);
});

test('an address of 10,000 words stops where no pattern goes on', () => {
  const trie = new TopicTrie<number>();
  trie.add('a.*.b', 1);
  assert.ok(visitedBy(trie, Array.from({ length: 10_000 }, () => 'a').join('.')) < 5);
});
