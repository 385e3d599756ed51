/** The launcher: which code it starts, under which Node, and that arguments, signals and exit codes pass through. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../bin/signalbox.mjs', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'signalbox-bin-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** Says what it was started with, then, if asked, waits for a signal and exits with 3. */
const command = (name: string): string => `
export async function main(argv) {
  const signalled = new Promise((resolve) => ['SIGTERM', 'SIGINT'].forEach((s) => process.on(s, () => resolve(s))));
  console.log(JSON.stringify({ name: '${name}', argv, node: process.argv0, asked: process.env.SIGNALBOX_RUN ?? null }));
  if (argv[0] === 'wait') {
    const tooLong = setTimeout(() => process.exit(99), 10_000);
    console.log(await signalled);
    clearTimeout(tooLong);
    return 3;
  }
  if (argv[0] === 'die') process.kill(process.pid, 'SIGKILL');
  return Number(argv[0] ?? 0);
}
`;

/** Makes the first process of a launch believe it is Node 20; one started from the package knows better. */
const OLD_NODE = `if (!process.argv0.startsWith(import.meta.dirname)) Object.defineProperty(process.versions, 'node', { value: '20.20.2' });`;

let made = 0;

/** A package folder with the launcher and the given files. */
function packageWith(files: Readonly<Record<string, string>>): string {
  const root = join(temporary, `p${++made}`);
  mkdirSync(join(root, 'bin'), { recursive: true });
  cpSync(launcher, join(root, 'bin/signalbox.mjs'));
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', 'old.mjs': OLD_NODE, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function withNode(root: string, version = '24.21.0'): string {
  const home = join(root, 'node_modules', nodePackage);
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: nodePackage, version, bin: { node: 'bin/node' } }));
  symlinkSync(process.execPath, join(home, 'bin/node'));
  return root;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function start(root: string, argv: readonly string[], options: { old?: boolean; env?: Record<string, string> } = {}): ChildProcess {
  const old = options.old === true ? ['--import', join(root, 'old.mjs')] : [];
  const env = { ...process.env, ...options.env };
  return spawn(process.execPath, [...old, join(root, 'bin/signalbox.mjs'), ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function ended(child: ChildProcess, onOut: (out: string) => void = () => undefined): Promise<Ended> {
  let out = '';
  let error = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    onOut(out);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, error })));
}

const built = command('built').replace('export async function', 'exports.main = async function');
const bothWays = { 'src/cli/main.ts': command('source'), 'dist/cli/main.cjs': built };
const builtOnly = { 'dist/cli/main.cjs': built };

test('a checkout runs its source, with its arguments and its exit code', async () => {
  const { code, out } = await ended(start(packageWith(bothWays), ['7', '--http', '0']));
  assert.deepEqual(JSON.parse(out), { name: 'source', argv: ['7', '--http', '0'], node: process.execPath, asked: null });
  assert.equal(code, 7);
});

test('an installed package runs the build', async () => {
  const { code, out } = await ended(start(packageWith(builtOnly), []));
  assert.equal(JSON.parse(out).name, 'built');
  assert.equal(code, 0);
});

test('a checkout runs the build when asked to, and the command does not hear of it', async () => {
  const { out } = await ended(start(packageWith(bothWays), [], { env: { SIGNALBOX_RUN: 'dist' } }));
  assert.deepEqual(JSON.parse(out), { name: 'built', argv: [], node: process.execPath, asked: null });
});

test('a build that is not there is said to be missing', async () => {
  const { code, error } = await ended(start(packageWith({}), []));
  assert.match(error, /^signalbox: .*main\.cjs is not there\. Run "npm run build" to make it\.\n$/);
  assert.equal(code, 1);
});

test('under an old Node it goes on in the one from the package', async () => {
  const root = withNode(packageWith(builtOnly));
  const { code, out } = await ended(start(root, ['7', 'a b'], { old: true }));
  const node = join(root, 'node_modules', nodePackage, 'bin/node');
  assert.deepEqual(JSON.parse(out), { name: 'built', argv: ['7', 'a b'], node, asked: null });
  assert.equal(code, 7);
});

test('under an old Node with no package it says so and does nothing', async () => {
  const { code, out, error } = await ended(start(packageWith(builtOnly), [], { old: true }));
  assert.match(
    error,
    new RegExp(`^signalbox: This needs Node 22\\.15\\.0 or newer; here is 20\\.20\\.2, and none of ${nodePackage}, .*\\n$`),
  );
  assert.deepEqual([code, out], [1, '']);
});

test('a package with a Node too old for the source is not taken', async () => {
  const { code, out, error } = await ended(start(withNode(packageWith(bothWays), '22.20.0'), [], { old: true }));
  assert.match(error, /^signalbox: This needs Node 24\.0\.0 or newer; here is 20\.20\.2/);
  assert.deepEqual([code, out], [1, '']);
});

for (const old of [false, true]) {
  const where = old ? 'through to the Node from the package' : 'in this process';
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} goes ${where}, and the command chooses the exit code`, async () => {
      const child = start(withNode(packageWith(builtOnly)), ['wait'], { old });
      const { code, out } = await ended(child, (text) => {
        if (text.endsWith('}\n')) child.kill(signal);
      });
      assert.equal(out.trim().split('\n')[1], signal);
      assert.equal(code, 3);
    });
  }
}

test('a Node from the package that is killed is not taken for a success', async () => {
  const { code } = await ended(start(withNode(packageWith(builtOnly)), ['die'], { old: true }));
  assert.equal(code, 137);
});

test('npm start passes on arguments, SIGTERM and the exit code: no shell stays between', {
  skip: process.platform === 'win32',
}, async () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { scripts: { start: string } };
  const root = packageWith({
    ...builtOnly,
    'package.json': JSON.stringify({ type: 'module', scripts: { start: scripts.start.replace(/ start$/, ' wait') } }),
  });
  const child = spawn('npm', ['start', '--silent', '--', '--http', '0'], {
    cwd: root,
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { code, out } = await ended(child, (text) => {
    if (text.endsWith('}\n')) child.kill('SIGTERM');
  });
  const [first = '', second] = out.trim().split('\n');
  assert.deepEqual((JSON.parse(first) as { argv: string[] }).argv, ['wait', '--http', '0']);
  assert.deepEqual([second, code], ['SIGTERM', 3]);
});
