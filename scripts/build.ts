/**
 * Builds `dist` from nothing: JavaScript and declarations by the TypeScript compiler, file by file, and beside them what is no source. The
 * command alone is bundled, with all it needs of the house: read from two hundred files it would take half as long again to start.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status === 0) {
  for (const path of globSync('**/*.*', { cwd: join(root, 'src'), exclude: ['**/*.ts'] }))
    cpSync(join(root, 'src', path), join(dist, path));
  checkUrls();
  await bundleCommand();
} else process.exitCode = 1;

/**
 * `dist/cli/main.cjs` with a chunk for each command; packages stay outside. CommonJS: for each module of Node that a module imports, all that
 * one has is looked at, and much of it loaded. Nobody imports the command, so its declarations go.
 */
async function bundleCommand(): Promise<void> {
  const made = join(dist, 'cli.bundled');
  const bundle = await rolldown({
    input: join(dist, 'cli/main.js'),
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    platform: 'node',
    logLevel: 'warn',
  });
  // What `start` needs whatever doors it opens is in one file; each protocol's language and door are another. What a door furnishes for HTTP
  // is loaded at the first request: it stays out of that file.
  const groups = [
    {
      name: 'start',
      test: /dist[\\/](?:(?:model|bytes|host|core|journal|log|broker)[\\/]|servers[\\/][\w-]+\.js$|cli[\\/](?:arguments|command|commands|doors|exits|options|package-version|running|screen|settings|start|terminal)\.js$)/,
    },
    ...['http', 'amqp', 'kafka'].map((name) => ({
      name,
      test: new RegExp(`dist[\\\\/](?:wire|servers)[\\\\/]${name}[\\\\/](?!registry|management)`),
    })),
  ];
  await bundle.write({
    dir: made,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    codeSplitting: { groups },
    // Comments take time to read; names stay, for whoever reads a trace.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  await bundle.close();
  rmSync(join(dist, 'cli'), { recursive: true });
  renameSync(made, join(dist, 'cli'));
}

/** The compiler turns `./x.ts` into `./x.js` in imports, but not in URLs: a worker named that way would not start from the build. */
function checkUrls(): void {
  for (const path of globSync('**/*.js', { cwd: dist })) {
    const found = /new URL\(\s*['"`]\.[^'"`]*\.ts['"`]/.exec(readFileSync(join(dist, path), 'utf8'));
    if (found === null) continue;
    process.stderr.write(
      `dist/${path}: ${found[0]} names a source file, which a build has not. Choose the ending by that of import.meta.url.\n`,
    );
    process.exitCode = 1;
  }
}
