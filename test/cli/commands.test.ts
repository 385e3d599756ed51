/** The tables of commands: each has what help, completion and docs/cli.md need, and those say what the tables say. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { optionsOf } from '../../src/cli/command.ts';
import { CATALOGUE } from '../../src/cli/commands.ts';
import { EXIT, EXIT_ABOUT, type ExitName, exitOfCode, Failure, failureOf } from '../../src/cli/exits.ts';
import { commandHelp } from '../../src/cli/help-text.ts';
import { Refused } from '../../src/model/refusal.ts';
import { run, temporaryDirectory, values } from './signalbox.ts';

const plain = { style: (_style: string, text: string): string => text };
const all = await CATALOGUE.loadAll();

suite('commands', { concurrency: 2 }, () => {
  test('every command is called as it is listed, and has examples of itself', () => {
    assert.deepEqual(
      all.map(({ name }) => name),
      CATALOGUE.names,
    );
    for (const { name, about, examples, words } of all) {
      assert.match(about, /^[A-Z].*[^.]$/, name);
      for (const { line } of examples) assert.match(line, new RegExp(`signalbox ${name}\\b`));
      const optional = words.map((word) => word.optional === true);
      assert.deepEqual(optional, [...optional].sort(), `${name}: a word that must be there follows one that need not`);
    }
  });

  test('docs/cli.md has the help of every command, word by word, and the table of exit codes', () => {
    const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    for (const command of all) {
      assert.ok(
        docs.includes(`\`\`\`\n${commandHelp(command, plain)}\`\`\``),
        `docs/cli.md tells something else about "${command.name}": run node scripts/cli-docs.ts`,
      );
    }
    for (const name of Object.keys(EXIT) as ExitName[]) {
      assert.ok(docs.includes(`| ${EXIT[name]} | ${EXIT_ABOUT[name]} |`), `docs/cli.md does not tell of exit code ${EXIT[name]}`);
    }
  });

  test('help tells of all commands, of one, and as data', async (t) => {
    const [overview, one, flag, data, wrong] = await Promise.all([
      run(t, []),
      run(t, ['help', 'publish']),
      run(t, ['publish', '--help']),
      run(t, ['help', '--json']),
      run(t, ['help', 'pubish']),
    ]);
    for (const { name } of all) assert.match(overview?.out ?? '', new RegExp(`^ {2}${name} +[A-Z]`, 'm'));
    assert.equal(one?.out, flag?.out);
    assert.equal(one?.out, commandHelp(all.find(({ name }) => name === 'publish') ?? assert.fail(), plain));
    assert.deepEqual(
      (values(data?.out ?? '') as { name: string }[]).map(({ name }) => name),
      CATALOGUE.names,
    );
    assert.deepEqual([wrong?.code, wrong?.error], [2, 'signalbox: There is no command "pubish". Did you mean publish?\n']);
  });

  test('an unknown command, and one of an object’s own names, is no command', async (t) => {
    const [typo, strange] = await Promise.all([run(t, ['recieve', 'x', '--json']), run(t, ['constructor'])]);
    assert.equal(typo?.code, 2);
    assert.deepEqual(JSON.parse(typo?.error ?? ''), {
      error: { code: 'usage', message: 'There is no command "recieve". Did you mean "signalbox receive"?' },
    });
    assert.equal(strange?.error, 'signalbox: There is no command "constructor". "signalbox help" lists all there are.\n');
  });

  test('completion: scripts that their shells can read, with every command and option', async (t) => {
    for (const [shell, check] of [
      ['bash', ['-n']],
      ['zsh', ['-n']],
      ['fish', ['--no-execute']],
    ] as const) {
      const { code, out } = await run(t, ['completion', shell]);
      assert.equal(code, 0);
      for (const command of all) {
        assert.ok(out.includes(command.name));
        for (const [name] of optionsOf(command))
          assert.ok(out.includes(shell === 'fish' ? `-l ${name}` : `--${name}`), `${shell}: --${name}`);
      }
      const checked = spawnSync(shell, [...check], { input: out, encoding: 'utf8' });
      if (checked.error === undefined) assert.deepEqual([checked.status, checked.stderr], [0, ''], shell);
    }
    const words = `${(await run(t, ['completion', 'bash'])).out}
      complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _signalbox 2>/dev/null; echo "\${COMPREPLY[*]}"; }
      complete_line signalbox su
      complete_line signalbox publish --form
      complete_line signalbox publish --format te
      complete_line signalbox ls q`;
    const { stdout } = spawnSync('bash', ['-c', words], { encoding: 'utf8' });
    assert.equal(stdout, 'subscribe\n--format\ntext\nqueues\n');
  });

  test('bench measures beside the data directory, and leaves nothing there', async (t) => {
    const directory = temporaryDirectory(t);
    const { code, out, error } = await run(t, [
      'bench',
      '--data',
      join(directory, 'data'),
      '--time',
      '100ms',
      '--in-flight',
      '50',
      '--json',
    ]);
    assert.deepEqual([code, error], [0, '']);
    const results = values(out) as { what: string; messagesPerSecond: number; p50: number; p99: number }[];
    assert.deepEqual(
      results.map(({ what }) => what.split(':')[0]),
      ['queue', 'topic'],
    );
    for (const { messagesPerSecond, p50, p99 } of results) assert.ok(messagesPerSecond > 0 && p50 > 0 && p99 >= p50);
    assert.deepEqual(readdirSync(directory), []);
  });

  test('exit codes: every refusal has one, and what nobody foresaw is 1', () => {
    assert.equal(new Set(Object.values(EXIT)).size, Object.keys(EXIT).length);
    assert.deepEqual(['unknown', 'forbidden', 'unauthorized', 'closed', 'locked', 'damaged', 'toString', 'something'].map(exitOfCode), [
      'refused',
      'forbidden',
      'forbidden',
      'unreachable',
      'taken',
      'damaged',
      'failed',
      'failed',
    ]);
    assert.equal(failureOf(new Refused('full', 'It is full.')).exit, 'refused');
    assert.equal(failureOf(new Error('Oh.')).exit, 'failed');
    const failure = new Failure('usage', 'So not.');
    assert.equal(failureOf(failure), failure);
  });

  test('NO_COLOR and what is no terminal get no colours; a terminal does', () => {
    const script = (env: string): string => {
      const line = `${env} "${process.execPath}" bin/signalbox.mjs help version`;
      const cwd = new URL('../..', import.meta.url);
      return spawnSync('script', ['-qec', line, '/dev/null'], { cwd, encoding: 'utf8' }).stdout ?? '';
    };
    const coloured = script('TERM=xterm NO_COLOR=');
    if (coloured === '') return; // no such program here
    assert.ok(coloured.includes('\x1b[1m'));
    assert.ok(!script('TERM=xterm NO_COLOR=1').includes('\x1b'));
    assert.ok(!script('TERM=dumb NO_COLOR=').includes('\x1b'));
  });
});
