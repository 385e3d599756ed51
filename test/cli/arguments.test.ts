/** Reading a command line: options and words by the tables, the environment behind the flags, and sentences for what is wrong. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest, readArguments, wantsJson } from '../../src/cli/arguments.ts';
import { command } from '../../src/cli/command.ts';
import { Failure } from '../../src/cli/exits.ts';
import { choice, duration, flag, integer, port, text, texts } from '../../src/cli/options.ts';

const tool = command({
  name: 'tool',
  about: 'Made up',
  words: [
    { name: 'WHAT', about: 'What to do.', choices: ['make', 'mend'] },
    { name: 'NAME', about: 'Its name.', optional: true },
  ],
  options: {
    data: text('DIR', 'A directory.', { env: 'TOOL_DATA' }),
    count: integer('N', 'How many.', { min: 1, max: 10, short: 'n' }),
    wait: duration('TIME', 'How long.'),
    level: choice('LEVEL', 'Which.', ['low', 'high']),
    header: texts('NAME:VALUE', 'Any.'),
    door: port('A door.', { env: 'TOOL_DOOR' }),
    force: flag('Anyway.', { short: 'f' }),
  },
  examples: [{ about: 'One', line: 'tool make' }],
  exits: [],
  run: async () => 0,
});

function read(line: string, env: NodeJS.ProcessEnv = {}) {
  return readArguments(tool, line === '' ? [] : line.split(' '), env);
}

function refuses(line: string, pattern: RegExp, env: NodeJS.ProcessEnv = {}): void {
  assert.throws(
    () => read(line, env),
    (error) => error instanceof Failure && error.exit === 'usage' && pattern.test(error.message),
    `${line} should be refused with ${pattern}`,
  );
}

test('every kind of option, in every spelling', () => {
  const { words, options } = read('make --data a --data=b -n 3 --wait 1.5s it --level=high --header a:1 --header b:2 -f --door off');
  assert.deepEqual(words, ['make', 'it']);
  assert.deepEqual(
    { ...options },
    { data: 'b', count: 3, wait: 1500, level: 'high', header: ['a:1', 'b:2'], door: 'off', force: true, json: false, help: false },
  );
  const { options: absent } = read('mend');
  assert.deepEqual(
    { ...absent },
    {
      data: undefined,
      count: undefined,
      wait: undefined,
      level: undefined,
      header: [],
      door: undefined,
      force: false,
      json: false,
      help: false,
    },
  );
  assert.deepEqual(read('make -- --data').words, ['make', '--data']);
  assert.equal(read('make --force=false').options.force, false);
});

test('the environment stands in for a flag, and empty is not there', () => {
  assert.equal(read('make', { TOOL_DATA: 'x' }).options.data, 'x');
  assert.equal(read('make --data y', { TOOL_DATA: 'x' }).options.data, 'y');
  assert.equal(read('make', { TOOL_DATA: '' }).options.data, undefined);
  assert.equal(read('make', { TOOL_DOOR: '0' }).options.door, 0);
  refuses('make', /^TOOL_DOOR is "65536"; give a whole number from 0 to 65535, or off\.$/, { TOOL_DOOR: '65536' });
});

test('what is wrong is said with what there is instead', () => {
  refuses('make --dat x', /has no option --dat\. Did you mean --data\?/);
  refuses('make --colour', /has no option --colour\. It has --data, --count, /);
  refuses('make -x', /has no option -x\./);
  refuses('make --data', /^--data needs a value, as in --data=DIR\.$/);
  refuses('make --data=', /^--data is empty; give a DIR, or leave it out\.$/);
  refuses('make --data --json', /^--data needs a value/);
  refuses('make --count 11', /^--count is "11"; give a whole number from 1 to 10\.$/);
  refuses('make --count -1', /^--count needs a value/);
  refuses('make --count=-1', /^--count is "-1"; give a whole number/);
  refuses('make --wait 5', /^--wait is "5"; give a time with its unit/);
  refuses('make --level middle', /^--level is "middle"; give one of low, high\.$/);
  refuses('make --force=maybe', /^--force is "maybe"; it is true or false\.$/);
  refuses('', /^"signalbox tool" needs WHAT: what to do\. Try "signalbox help tool"\.$/);
  refuses('break', /^WHAT is "break"; give one of make, mend\.$/);
  refuses('make it so', /^"signalbox tool" has no use for "so"\. Try "signalbox help tool"\.$/);
  assert.equal(read('--help').options.help, true);
});

test('a minus alone is a word and a value: stdin', () => {
  assert.deepEqual(read('make -').words, ['make', '-']);
  assert.equal(read('make --data -').options.data, '-');
});

test('whether JSON is wanted is known even of a line that cannot be read', () => {
  assert.equal(wantsJson(['publish', '--jsn', '--json']), true);
  assert.equal(wantsJson(['send', 'q', '--', '--json']), false);
});

test('the nearest name is found when it is near', () => {
  const names = ['publish', 'subscribe', 'peek', 'ls'];
  assert.deepEqual(
    ['publsh', 'pulbish', 'peak', 'l', 'quite-something-else', ''].map((given) => nearest(given, names)),
    ['publish', 'publish', 'peek', 'ls', undefined, undefined],
  );
});
