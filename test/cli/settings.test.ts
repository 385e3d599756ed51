/** What `start` is told: the order of flags, environment, file and defaults, and what a file may not hold. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readArguments } from '../../src/cli/arguments.ts';
import { DOORS } from '../../src/cli/doors.ts';
import { Failure } from '../../src/cli/exits.ts';
import { type Settings, settingsOf } from '../../src/cli/settings.ts';
import { command } from '../../src/cli/start.ts';
import { temporaryDirectory } from './signalbox.ts';

function settings(line: readonly string[], env: NodeJS.ProcessEnv = {}): Settings {
  return settingsOf(readArguments(command, line, env).options);
}

function file(t: TestContext, content: unknown): string {
  const path = join(temporaryDirectory(t), 'signalbox.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('nothing said: ./data, fsync, loopback, every door on its own port', () => {
  const { doors, ...rest } = settings([]);
  assert.deepEqual(rest, { data: resolve('data'), durability: 'fsync', host: '127.0.0.1', logLevel: 'warn' });
  assert.deepEqual(
    doors.map(({ door, port, byDefault }) => [door.name, port, byDefault]),
    DOORS.map(({ name, port }) => [name, port, true]),
  );
});

test('flags win over the environment, that over the file, that over defaults', (t) => {
  const config = file(t, { host: '10.0.0.1', durability: 'os', http: 1000, 'log-level': 'info' });
  const env = { SIGNALBOX_HOST: '10.0.0.2', SIGNALBOX_HTTP: '2000', SIGNALBOX_CONFIG: config };
  const { host, durability, logLevel, doors } = settings(['--http', '3000'], env);
  assert.deepEqual([host, durability, logLevel], ['10.0.0.2', 'os', 'info']);
  assert.deepEqual([doors[0]?.door.name, doors[0]?.port, doors[0]?.byDefault], ['http', 3000, false]);
  assert.equal(settings([], env).doors[0]?.port, 2000);
  assert.equal(settings(['--config', config]).doors[0]?.port, 1000);
  assert.equal(settings(['--config', config]).doors[0]?.byDefault, false);
});

test('a relative directory in a file is relative to the file; of a flag, to where the command runs', (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'etc'));
  const config = join(directory, 'etc/box.json');
  writeFileSync(config, '{"data":"../var"}');
  assert.equal(settings(['--config', config]).data, join(directory, 'var'));
  assert.equal(settings(['--config', config, '--data', 'here']).data, resolve('here'));
});

test('what is wrong in a file is said with its name', (t) => {
  const refuses = (content: unknown, pattern: RegExp): void => {
    const path = file(t, content);
    assert.throws(
      () => settings(['--config', path]),
      (error) => error instanceof Failure && error.exit === 'usage' && error.message.includes(path) && pattern.test(error.message),
    );
  };
  refuses({ datta: 'x' }, /has a member "datta", which means nothing here\. There are data, durability, host, log-level, http\b/);
  refuses({ __proto__: null, constructor: 'x' }, /has a member "constructor"/);
  refuses({ http: 70_000 }, /"http" in .* is "70000"; give a whole number from 0 to 65535, or off\./);
  refuses({ durability: 'sometimes' }, /"durability" in .* is "sometimes"; give one of fsync, os, memory\./);
  refuses({ host: { a: 1 } }, /"host" in .* is neither a text nor a number\./);
  refuses('[1]', /holds no JSON object/);
  refuses('{', /cannot be read: /);
  assert.throws(() => settings(['--config', '/no/such/file']), /\/no\/such\/file cannot be read: ENOENT/);
});

test('with every door off nobody could come in', () => {
  assert.throws(() => settings(DOORS.flatMap(({ name }) => [`--${name}`, 'off'])), /Every door is off/);
});
