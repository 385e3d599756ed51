/** What is published: packs the package, installs the tarball into an empty folder, and uses it there. Takes seconds, so it has a script of its own. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'signalbox-package-'));
const installed = join(home, 'node_modules/signalbox');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown>; version: string };
const entrances = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => `signalbox${path.slice(1)}`);

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], shell: process.platform === 'win32' });
}

describe('the packed package', () => {
  let packed: { filename: string; files: { path: string }[] };

  before(() => {
    packed = JSON.parse(/^\[[\s\S]*/m.exec(run('npm', ['pack', '--json', '--pack-destination', home], root))?.[0] ?? '[]')[0];
    writeFileSync(join(home, 'package.json'), '{ "private": true, "type": "module" }\n');
    run('npm', ['install', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error', join(home, packed.filename)], home);
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  test('holds dist, bin, README and LICENSE, and nothing else', () => {
    const others = packed.files.map(({ path }) => path).filter((path) => !/^(dist|bin)\//.test(path));
    assert.deepEqual(others.sort(), ['LICENSE', 'README.md', 'package.json']);
  });

  test('holds nothing of another format than its own', () => {
    assert.deepEqual(
      packed.files.filter(({ path }) => /(?<!\.d)\.ts$|\.test\./.test(path)),
      [],
    );
  });

  test('runs no script of any package at its installation', () => {
    const lock = readFileSync(join(home, 'package-lock.json'), 'utf8');
    assert.equal(lock.includes('hasInstallScript'), false);
    const own = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    assert.deepEqual(
      Object.keys(own.scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name)),
      [],
    );
  });

  for (const entrance of entrances) {
    test(`import '${entrance}' brings something`, () => {
      const names = run(
        process.execPath,
        ['--input-type=module', '-e', `console.log(Object.keys(await import('${entrance}')).join())`],
        home,
      );
      assert.notEqual(names.trim(), '');
    });
  }

  test('its declarations stand by themselves under a strict compiler', () => {
    writeFileSync(join(home, 'use.ts'), entrances.map((entrance, n) => `export * as e${n} from '${entrance}';`).join('\n'));
    const options = [
      '--noEmit',
      '--strict',
      '--target',
      'es2024',
      '--module',
      'nodenext',
      '--lib',
      'es2024,esnext.disposable',
      '--types',
      'node',
    ];
    const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
    run(process.execPath, [compiler, ...options, '--typeRoots', join(root, 'node_modules/@types'), 'use.ts'], home);
  });

  test('its command says its version', () => {
    const [link = ''] = globSync(join(home, 'node_modules/.bin/signalbox*'));
    assert.equal(run(link, ['--version'], home).trim(), manifest.version);
  });
});
