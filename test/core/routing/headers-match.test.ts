import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeadersIndex, valueKey } from '../../../src/core/routing/headers-match.ts';
import type { HeadersMatch } from '../../../src/model/declaration.ts';
import type { Headers, HeaderValue } from '../../../src/model/message.ts';

type Asked = string | number | boolean | undefined;
interface Wanted {
  readonly match: HeadersMatch;
  readonly values: ReadonlyMap<string, Asked>;
}

function takes(
  match: HeadersMatch,
  values: readonly (readonly [string, Asked])[],
  headers: readonly (readonly [string, HeaderValue])[],
): boolean {
  const index = new HeadersIndex<number>();
  index.add(1, { match, values: new Map(values) });
  const into: number[] = [];
  index.collect(new Map(headers), into);
  return into.length === 1;
}

test('all asks for every header, any for one', () => {
  const message = [
    ['format', 'pdf'],
    ['pages', 3],
  ] as const;
  assert.equal(takes('all', [['format', 'pdf']], message), true);
  assert.equal(
    takes(
      'all',
      [
        ['format', 'pdf'],
        ['pages', 4],
      ],
      message,
    ),
    false,
  );
  assert.equal(
    takes(
      'all',
      [
        ['format', 'pdf'],
        ['author', undefined],
      ],
      message,
    ),
    false,
  );
  assert.equal(
    takes(
      'any',
      [
        ['format', 'doc'],
        ['pages', 3],
      ],
      message,
    ),
    true,
  );
  assert.equal(
    takes(
      'any',
      [
        ['format', 'doc'],
        ['pages', 4],
      ],
      message,
    ),
    false,
  );
});

test('a wanted header without value asks only that it is there', () => {
  assert.equal(takes('all', [['format', undefined]], [['format', null]]), true);
  assert.equal(takes('all', [['format', undefined]], []), false);
  assert.equal(takes('any', [['format', undefined]], [['format', [1, 2]]]), true);
});

test('asking for nothing: all takes everything, any nothing', () => {
  assert.equal(takes('all', [], [['a', 1]]), true);
  assert.equal(takes('all', [], []), true);
  assert.equal(takes('any', [], [['a', 1]]), false);
  assert.equal(takes('all', [['x-only', 1]], []), true, 'x- does not count');
  assert.equal(takes('any', [['x-only', 1]], [['x-only', 1]]), false, 'x- does not count');
});

test('names with x- count only with -with-x, and x-match never', () => {
  assert.equal(takes('all-with-x', [['x-only', 1]], []), false);
  assert.equal(takes('all-with-x', [['x-only', 1]], [['x-only', 1]]), true);
  assert.equal(takes('any-with-x', [['x-only', 1]], [['x-only', 1]]), true);
  assert.equal(takes('all-with-x', [['x-match', 'all']], []), true);
});

test('values compare by kind and value, numbers by value alone', () => {
  assert.equal(takes('all', [['n', 1]], [['n', 1n]]), true);
  assert.equal(takes('all', [['n', 1.5]], [['n', 1.5]]), true);
  assert.equal(takes('all', [['n', 1e21]], [['n', 10n ** 21n]]), true);
  assert.equal(takes('all', [['n', 0]], [['n', -0]]), true);
  assert.equal(takes('all', [['n', 1]], [['n', '1']]), false);
  assert.equal(takes('all', [['n', 1]], [['n', true]]), false);
  assert.equal(takes('all', [['n', 'true']], [['n', true]]), false);
  assert.equal(takes('all', [['n', Number.NaN]], [['n', Number.NaN]]), false);
  assert.equal(
    takes(
      'any',
      [
        ['n', Number.NaN],
        ['m', 1],
      ],
      [['m', 1]],
    ),
    true,
  );
  assert.equal(takes('all', [['n', 'naïve']], [['n', new TextEncoder().encode('naïve')]]), true);
  assert.equal(takes('all', [['n', 'x']], [['n', new Uint8Array([0xff])]]), false);
  assert.equal(takes('all', [['n', 'null']], [['n', null]]), false);
});

test('the index agrees with trying every binding', () => {
  const name = fc.constantFrom('a', 'b', 'x-c');
  const asked = fc.constantFrom<Asked>('v', 1, true, undefined, '1');
  const value = fc.constantFrom<HeaderValue>('v', 1, 1n, true, null, '1', new Uint8Array([0x76]));
  const match = fc.constantFrom<HeadersMatch>('all', 'any', 'all-with-x', 'any-with-x');
  const wanted = fc.record({ match, values: fc.array(fc.tuple(name, asked), { maxLength: 3 }).map((pairs) => new Map(pairs)) });
  const headers = fc.array(fc.tuple(name, value), { maxLength: 3 }).map((pairs) => new Map(pairs));
  fc.assert(
    fc.property(
      fc.array(wanted, { maxLength: 12 }),
      fc.array(fc.nat(11)),
      fc.array(headers, { maxLength: 5 }),
      (all, deleted, messages) => {
        const index = new HeadersIndex<Wanted>();
        for (const one of all) index.add(one, one);
        const live = new Set<Wanted>(all);
        for (const i of deleted) {
          const gone = all[i];
          if (gone === undefined) continue;
          live.delete(gone);
          index.delete(gone);
        }
        for (const message of messages) {
          const into: Wanted[] = [];
          index.collect(message, into);
          assert.equal(new Set(into).size, into.length, 'each once');
          assert.deepEqual(new Set(into), new Set([...live].filter((one) => naive(one, message))));
        }
      },
    ),
    { numRuns: 1500 },
  );
});

function naive({ match, values }: Wanted, headers: Headers): boolean {
  const counted = [...values].filter(([name]) => match.endsWith('-with-x') || !name.startsWith('x-'));
  const holds = ([name, asked]: readonly [string, Asked]): boolean => {
    const value = headers.get(name);
    if (value === undefined || asked === undefined) return value !== undefined;
    if (typeof asked === 'number') return (typeof value === 'number' || typeof value === 'bigint') && Number(value) === asked;
    if (typeof asked === 'string' && value instanceof Uint8Array) return Buffer.from(value).toString() === asked;
    return value === asked;
  };
  return match.startsWith('any') ? counted.some(holds) : counted.every(holds);
}

test('a message meets the bindings that ask for its own values, not all of them', () => {
  const index = new HeadersIndex<number>();
  let asked = 0;
  for (let i = 0; i < 10_000; i++)
    index.add(i, {
      match: 'all',
      values: new Map<string, Asked>([
        ['kind', 'order'],
        ['id', i],
      ]),
    });
  const headers = new Map<string, HeaderValue>([
    ['kind', 'order'],
    ['id', 77],
  ]);
  const counting = new Proxy(headers, {
    get(target, property) {
      if (property === 'get') asked++;
      const member: unknown = Reflect.get(target, property);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const into: number[] = [];
  index.collect(counting, into);
  assert.deepEqual(into, [77]);
  assert.ok(asked < 10, `${asked} conditions were looked at`);
});

test('a key tells text from numbers', () => {
  assert.notEqual(valueKey('n1'), valueKey(1));
  assert.notEqual(valueKey('true'), valueKey(true));
  assert.equal(valueKey(undefined), undefined);
});
