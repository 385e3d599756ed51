import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiFault } from '../../../../src/servers/amqp/management/ask.ts';
import { patternsOf, regexOf } from '../../../../src/servers/amqp/management/permissions.ts';

test('a regular expression becomes names with wildcards that say the same, and these come out again', () => {
  for (const [regex, patterns, told = regex] of [
    ['.*', ['*']],
    ['^$', []],
    ['', [], '^$'],
    ['^orders$', ['orders']],
    ['^a\\.b-.*$', ['a.b-*']],
    ['^(a|b.*)$', ['a', 'b*']],
    ['^(?:a|b)$', ['a', 'b'], '^(a|b)$'],
    ['^a|b$', ['a*', '*b'], '^(a.*|.*b)$'],
    ['orders', ['*orders*'], '^.*orders.*$'],
    ['^x.y.+', ['x?y?*'], '^x.y..*$'],
  ] as const) {
    assert.deepEqual(patternsOf(regex, 'x'), patterns, regex);
    assert.equal(regexOf(patterns), told, regex);
    assert.deepEqual(patternsOf(told, 'x'), patterns, told);
  }
  assert.equal(regexOf(undefined), '^$');
});

test('what cannot be said so is refused: nobody gets more or less than was meant', () => {
  for (const regex of ['[a-z]+', '^a{2}$', 'a?', '(a|b)c', '\\d+', '^(?!x).*$', 'a\\*', '^a$b', '\\', '((a))'])
    assert.throws(() => patternsOf(regex, 'x'), ApiFault, regex);
});
