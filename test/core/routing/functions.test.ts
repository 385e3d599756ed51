import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyTransform, compileExpression } from '../../../src/core/routing/routing.ts';
import { isRefusal } from '../../../src/model/refusal.ts';

/** The result of an expression over data; `FAULT` when there is none. */
const FAULT: unique symbol = Symbol('fault');

function evaluate(text: string, data: unknown): unknown {
  const expression = compileExpression(`body | ${text}`);
  if (isRefusal(expression)) assert.fail(expression.message);
  const body = new TextEncoder().encode(JSON.stringify(data));
  const bytes = applyTransform(expression, { exchange: 'x', address: 'a', timestampMs: 0, headers: new Map(), body });
  return bytes instanceof Uint8Array ? (JSON.parse(new TextDecoder().decode(bytes)) as unknown) : FAULT;
}

const DATA = {
  words: ['b', 'a', 'c'],
  numbers: [10, 9, 2],
  people: [
    { name: 'Ada', age: 36, team: 'x' },
    { name: 'Bob', age: 25, team: 'y' },
    { name: 'Cyd', age: 25, team: 'x' },
  ],
  object: { k: 1, l: 'two' },
  text: '  Grüße 😀 ',
  nested: [
    [1, 2],
    [3, [4]],
  ],
  zero: 0,
  nothing: null,
};

test('every function does what its definition says', () => {
  for (const [text, expected] of [
    ['abs(`-3`)', 3],
    ['avg(numbers)', 7],
    ['avg(`[]`)', null],
    ['ceil(`1.2`)', 2],
    ['floor(`-1.2`)', -2],
    ["contains(words, 'a')", true],
    ["contains(words, 'z')", false],
    ['contains(nested, `[1, 2]`)', true],
    ["contains(text, 'ß')", true],
    ['contains(text, `1`)', false],
    ["ends_with('abc', 'bc')", true],
    ["ends_with('abc', 'b')", false],
    ["starts_with('abc', 'ab')", true],
    ["find_first('a😀ab', 'a')", 0],
    ["find_first('a😀ab', 'a', `1`)", 2],
    ["find_first('a😀ab', 'b', `0`, `3`)", null],
    ["find_last('a😀ab', 'a')", 2],
    ["find_first('abc', '')", null],
    ["from_items([['a', `1`], ['b', `2`]])", { a: 1, b: 2 }],
    [
      'items(object)',
      [
        ['k', 1],
        ['l', 'two'],
      ],
    ],
    [
      'group_by(people, &team) | [keys(@), x[].name]',
      [
        ['x', 'y'],
        ['Ada', 'Cyd'],
      ],
    ],
    ["join('-', words)", 'b-a-c'],
    ['keys(object)', ['k', 'l']],
    ['values(object)', [1, 'two']],
    ['length(text)', 10],
    ['length(words)', 3],
    ['length(object)', 2],
    ["lower('ÄB')", 'äb'],
    ["upper('äb')", 'ÄB'],
    ['map(&age, people)', [36, 25, 25]],
    ['map(&nope, people)', [null, null, null]],
    ['max(numbers)', 10],
    ['max(words)', 'c'],
    ['max(`[]`)', null],
    ['min(numbers)', 2],
    ['max_by(people, &name).name', 'Cyd'],
    ['min_by(people, &age).name', 'Bob'],
    ['max_by(`[0]`, &@)', 0],
    ['merge(object, {k: `5`})', { k: 5, l: 'two' }],
    ['not_null(nothing, zero, object)', 0],
    ['not_null(nothing)', null],
    ["pad_left('7', `3`, '0')", '007'],
    ["pad_right('😀', `3`)", '😀  '],
    ["pad_left('long', `2`)", 'long'],
    ["replace('aabaa', 'a', 'xa')", 'xaxabxaxa'],
    ["replace('aabaa', 'a', 'xa', `2`)", 'xaxabaa'],
    ["replace('aabaa', 'a', '', `0`)", 'aabaa'],
    ['reverse(words)', ['c', 'a', 'b']],
    ["reverse('a😀')", '😀a'],
    ['sort(numbers)', [2, 9, 10]],
    ['sort(words)', ['a', 'b', 'c']],
    ['sort(`["\\uffff", "\\ud83d\\ude00"]`)', ['\uffff', '😀']],
    ['sort(`[]`)', []],
    ['sort_by(people, &age)[].name', ['Bob', 'Cyd', 'Ada']],
    ["split('a-b-c', '-')", ['a', 'b', 'c']],
    ["split('a-b-c', '-', `1`)", ['a', 'b-c']],
    ["split('abc', '')", ['a', 'b', 'c']],
    ['sum(numbers)', 21],
    ['to_array(zero)', [0]],
    ['to_array(words)', ['b', 'a', 'c']],
    ["to_number('1.5e2')", 150],
    ["to_number(' 1')", null],
    ["to_number('')", null],
    ['to_number(words)', null],
    ['to_string(object)', '{"k":1,"l":"two"}'],
    ["to_string('as it is')", 'as it is'],
    ['trim(text)', 'Grüße 😀'],
    ['trim_left(text)', 'Grüße 😀 '],
    ['trim_right(text)', '  Grüße 😀'],
    ["trim('😀a😀', '😀')", 'a'],
    ["trim('   ')", ''],
    [
      '[type(zero), type(words), type(object), type(text), type(nothing), type(`true`)]',
      ['number', 'array', 'object', 'string', 'null', 'boolean'],
    ],
    ['zip(words, numbers, `[1]`)', [['b', 10, 1]]],
  ] as const) {
    assert.deepEqual(evaluate(text, DATA), expected, text);
  }
});

test('arguments of the wrong kind are faults', () => {
  for (const text of [
    'abs(words)',
    'avg(words)',
    "join('-', numbers)",
    'keys(words)',
    'max(`[1, "a"]`)',
    'max(`[true]`)',
    'sort(`[1, "a"]`)',
    'sort_by(people, &team == `x`)',
    'sort_by(people, age)',
    'map(words, words)',
    'length(&words)',
    "pad_left('a', `1.5`)",
    "pad_left('a', `2`, 'xy')",
    "split('a', 'b', `-1`)",
    "from_items([['a']])",
    'group_by(people, &age)',
    'zip(words, zero)',
    'items(nothing)',
    'max_by(people, &nope)',
  ]) {
    const expression = compileExpression(`body | ${text.replace('`x`', "'x'")}`);
    assert.equal(isRefusal(expression), false, text);
    assert.equal(evaluate(text.replace('`x`', "'x'"), DATA), FAULT, text);
  }
});

test('paths, projections, slices and let', () => {
  for (const [text, expected] of [
    ['people[0].name', 'Ada'],
    ['people[-1].name', 'Cyd'],
    ['people[7].name', null],
    ['people[*].name', ['Ada', 'Bob', 'Cyd']],
    ['people[?age == `25`].name', ['Bob', 'Cyd']],
    ['people[?age < `30` && team == `"x"`] | [0].name', 'Cyd'],
    ['nested[]', [1, 2, 3, [4]]],
    ['nested[][]', [1, 2, 3, 4]],
    ['object.*', [1, 'two']],
    ['words[::-1]', ['c', 'a', 'b']],
    ['words[1:]', ['a', 'c']],
    ['words[-2:-1]', ['a']],
    ['words[5:]', []],
    ['words[-9:2]', ['b', 'a']],
    ['words[9:-9:-2]', ['c', 'b']],
    ["'a😀b'[1:]", '😀b'],
    ['people[*].[name, age] | [0]', ['Ada', 36]],
    ['people[0].{n: name}', { n: 'Ada' }],
    ['let $t = people[0].team in people[?team == $t].name', ['Ada', 'Cyd']],
    ['let $a = `1` in let $a = `2`, $b = $a in [$a, $b]', [2, 1]],
    ['let $f = `2` in map(&(@ * $f), numbers)', [20, 18, 4]],
    ['zero || words[0]', 0],
    ['nothing || words[0]', 'b'],
    ['nothing && words[0]', null],
    ['!nothing', true],
    ["zero == `0` ? 'yes' : 'no'", 'yes'],
    ['numbers[0] - numbers[1] * `2`', -8],
    ['numbers[0] // `3`', 3],
    ['numbers[0] % `3`', 1],
    ['-zero', 0],
    ["object == {l: 'two', k: `1`}", true],
    ['object != {k: `1`}', true],
    ['words[0] < words[1]', null],
  ] as const) {
    assert.deepEqual(evaluate(text, DATA), expected, text);
  }
});

test('agrees with the library that parses, where that one has no known fault', () => {
  const { search } = createRequire(import.meta.url)('@jmespath-community/jmespath') as typeof import('@jmespath-community/jmespath');
  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'json' },
      fc.constantFrom<unknown>(null, true, false, 0, 1, -2.5, '', 'a', 'bc'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const { expression } = fc.letrec<{ expression: string }>((tie) => {
    const sub = tie('expression');
    const two = fc.tuple(sub, sub);
    return {
      expression: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'expression' },
        fc.constantFrom(
          'a',
          'b',
          'c',
          '@',
          '`1`',
          '`[1, 2]`',
          "'a'",
          '`null`',
          '*',
          'a.b',
          'a[0]',
          '[0]',
          '[-1]',
          'a[*]',
          'a[]',
          'b[1:]',
          'c[::-1]',
        ),
        two.map(([x, y]) => `(${x}) | (${y})`),
        two.map(([x, y]) => `(${x}) || (${y})`),
        two.map(([x, y]) => `(${x}) && (${y})`),
        fc.tuple(sub, fc.constantFrom('==', '!=', '<', '<=', '>', '>='), sub).map(([x, op, y]) => `(${x}) ${op} (${y})`),
        fc.tuple(sub, fc.constantFrom('+', '-', '*', '//'), sub).map(([x, op, y]) => `(${x}) ${op} (${y})`),
        two.map(([x, y]) => `[${x}, ${y}]`),
        two.map(([x, y]) => `{a: ${x}, b: ${y}}`),
        two.map(([x, y]) => `(${x})[?${y}]`),
        fc
          .tuple(sub, fc.constantFrom('.a', '.*', '[*]', '[]', '[0]', '[*].b', '[].a', '[1:]', '.[a, b]', '.{c: a}'))
          .map(([x, tail]) => `(${x})${tail}`),
        sub.map((x) => `!(${x})`),
        fc.tuple(sub, sub, sub).map(([x, y, z]) => `(${x}) ? (${y}) : (${z})`),
        two.map(([x, y]) => `let $v = ${x} in [$v, ${y}]`),
        fc
          .tuple(
            fc.constantFrom(
              'length',
              'keys',
              'values',
              'to_array',
              'type',
              'to_string',
              'not_null',
              'reverse',
              'sum',
              'abs',
              'avg',
              'items',
              'upper',
            ),
            sub,
          )
          .map(([f, x]) => `${f}(${x})`),
        fc.tuple(fc.constantFrom('map', 'map'), sub, sub).map(([f, x, y]) => `${f}(&(${x}), ${y})`),
        fc.tuple(fc.constantFrom('starts_with', 'ends_with', 'join'), sub, sub).map(([f, x, y]) => `${f}(${x}, ${y})`),
      ),
    };
  });
  let results = 0;
  let faults = 0;
  fc.assert(
    fc.property(expression, json, (text, data) => {
      let expected: unknown;
      try {
        expected = JSON.parse(JSON.stringify(search(data as Parameters<typeof search>[0], text)));
        results++;
      } catch {
        expected = FAULT;
        faults++;
      }
      assert.deepEqual(evaluate(`(${text})`, data), expected);
    }),
    { numRuns: 4000 },
  );
  assert.ok(results > 1000 && faults > 50, `${results} results, ${faults} faults`);
});
