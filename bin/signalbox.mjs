#!/usr/bin/env node
/** The command `signalbox`: runs it in this process if this Node is new enough, else under the Node that was installed beside it as a package. */

import module from 'node:module';

// Required, not imported: a module that imports node:fs has all its exports looked at, and some load streams and more, which takes milliseconds.
const require = module.createRequire(import.meta.url);
const { existsSync, readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { fileURLToPath } = require('node:url');

const beside = (path) => new URL(`../${path}`, import.meta.url);

/** A checkout runs its source, so that a stale build is never started by mistake; `SIGNALBOX_RUN=dist` asks for the build. */
const built = process.env.SIGNALBOX_RUN === 'dist' || !existsSync(beside('src/cli/main.ts'));
const main = beside(built ? 'dist/cli/main.cjs' : 'src/cli/main.ts');
/** Node 24 runs TypeScript as it stands; the build needs what came with 22.15. */
const needed = built ? '22.15.0' : '24.0.0';

if (isAtLeast(process.versions.node, needed)) await run();
else await handOver();

async function run() {
  delete process.env.SIGNALBOX_RUN;
  if (!existsSync(main)) fail(`${fileURLToPath(main)} is not there. Run "npm run build" to make it.`);
  module.enableCompileCache();
  const command = built ? require(fileURLToPath(main)) : await import(main);
  process.exitCode = await command.main(process.argv.slice(2));
}

/** Starts this same file again under the newer Node and lives as long as that one does. */
async function handOver() {
  const node = nodeBeside();
  if (node === undefined) {
    fail(
      `This needs Node ${needed} or newer; here is ${process.versions.node}, and none of ${packageNames().join(', ')} is installed. ` +
        'Run "npm ci" without leaving out optional packages, or install a newer Node.',
    );
  }
  // Imported only here: the usual start does without them.
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  child.on('error', (error) => fail(`${node} could not be started (${error.message}). Install Node ${needed} or newer.`));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.on(signal, () => forward(child, signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

/** Ctrl-C in a terminal reaches the whole process group by itself; a second one from here would say "at once". */
function forward(child, signal) {
  if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
}

/** The `node` of the platform's package, if one is installed that is new enough. */
function nodeBeside() {
  for (const name of packageNames()) {
    try {
      const path = require.resolve(`${name}/package.json`);
      const { version, bin } = JSON.parse(readFileSync(path, 'utf8'));
      const node = join(dirname(path), bin.node);
      if (isAtLeast(version, needed) && existsSync(node)) return node;
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return undefined;
}

/** The registry has one Node package per platform, under two naming habits. */
function packageNames() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  return [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`];
}

function isAtLeast(version, least) {
  const [major, minor] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = least.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function fail(sentence) {
  process.stderr.write(`signalbox: ${sentence}\n`);
  process.exit(1);
}
