/** Builds `dist` from nothing: JavaScript and declarations by the TypeScript compiler, file by file, and beside them what is no source. */

import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status === 0) {
  for (const path of globSync('**/*.*', { cwd: join(root, 'src'), exclude: ['**/*.ts'] }))
    cpSync(join(root, 'src', path), join(dist, path));
  checkUrls();
} else process.exitCode = 1;

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
