/** The project's outside: formatting and lint, types, the lock file, and that CI runs what the README says. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** Runs a tool that came as a package, at the root; fails with all it said when it was not content. */
function content(packageName: string, bin: string, args: readonly string[]): Promise<void> {
  const path = fileURLToPath(new URL(bin, import.meta.resolve(`${packageName}/package.json`)));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [path, ...args], { cwd: root, maxBuffer: 1 << 26 }, (error, out, err) => {
      if (error === null) resolve();
      else reject(new Error(`${bin} ${args.join(' ')} found something:\n${out}${err}`));
    });
  });
}

describe('tools', { concurrency: false }, () => {
  test('biome finds nothing to format or to say', () =>
    content('@biomejs/biome', 'bin/biome', ['check', '--error-on-warnings', '--colors=off']));
  test('the type check finds nothing', () => content('typescript', 'bin/tsc', ['--noEmit', '--pretty', 'false', '-p', 'tsconfig.json']));
});

describe('packages', () => {
  test('none runs a script at its installation, and none is tied to a registry', () => {
    const lock = read('package-lock.json');
    assert.equal(lock.includes('hasInstallScript'), false);
    assert.equal(lock.includes('"resolved"'), false);
  });

  test('every version is pinned', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
      ([, v]) => !/^\d+\.\d+\.\d+$/.test(v),
    );
    assert.deepEqual(loose, []);
  });
});

describe('the way in', () => {
  test('every link between the documents leads somewhere', () => {
    const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root });
    const dead = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
        .map(([, link = '']) => ({ path, link }))
        .filter(({ link }) => !existsSync(join(root, dirname(path), link))),
    );
    assert.deepEqual(dead, []);
  });

  test('CI runs the test command of the README, and nothing else', () => {
    assert.match(read('README.md'), /^npm ci && npm test$/m);
    const commands = read('.ci/run')
      .split('\n')
      .filter((line) => /\bnpm (ci|install|test|run|start)\b/.test(line) && !line.startsWith('#'));
    assert.deepEqual(commands, ['npm ci && npm test']);
  });

  test('the first program of the README has five lines at most, and does what it says', async (t) => {
    const [, program = ''] = /^```ts\n(.*?)^```$/ms.exec(read('README.md')) ?? [];
    const lines = program.trimEnd().split('\n');
    assert.ok(lines.length <= 5, `${lines.length} lines`);
    const directory = mkdtempSync(join(tmpdir(), 'signalbox-readme-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, 'first.ts');
    writeFileSync(file, program.replace("'signalbox'", JSON.stringify(new URL('../src/signalbox.ts', import.meta.url).href)));
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: directory });
    assert.equal(stdout, "{ to: 'ada' }\n");
  });
});
