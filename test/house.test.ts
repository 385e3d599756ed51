/** The house rules hold over `src`; each is shown to fail on a violation planted for it. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { INNOCENT, PLANTED } from './house/planted.ts';
import { isDoor, OPEN_ROOMS, ROOMS } from './house/rooms.ts';
import { check, RULES } from './house/rules.ts';
import { scan } from './house/scan.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the house', () => {
  const paths = globSync('src/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'));
  const files = paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

  test('there is something to look at', () => {
    assert.ok(files.length > 10, `only ${files.length} files were found under src`);
  });

  test('src keeps every rule', () => {
    const found = check(files).map((v) => `${v.path}:${v.line} [${v.rule}] ${v.says}`);
    assert.equal(found.length, 0, `\n${found.join('\n')}\n`);
  });
});

describe('ARCHITECTURE.md', () => {
  test('tells the table of rooms as it is checked', () => {
    const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` \|[^|]*\| ([\w, ]+) \|$/gm)];
    assert.ok(rows.length >= 10, `only ${rows.length} rooms are in the table`);
    for (const [, name = '', knows = ''] of rows) {
      const told = knows === 'nothing' ? [] : knows === 'all' ? ['*'] : knows.split(', ');
      assert.deepEqual(told, ROOMS[name]?.imports, name);
    }
  });
});

describe('each house rule fails on what breaks it', () => {
  for (const rule of RULES) {
    test(`${rule.name}: ${rule.says}`, async (t) => {
      const planted = PLANTED.filter((one) => one.rule === rule.name);
      if (rule.name !== 'floors') assert.ok(planted.length > 0, 'nothing is planted for this rule');
      for (const { what, files, at } of planted) {
        await t.test(what, () => {
          const found = check(files).filter((v) => v.rule !== 'floors');
          assert.deepEqual([...new Set(found.map((v) => v.rule))], [rule.name]);
          assert.deepEqual(
            found.map((v) => `${v.path}:${v.line}`),
            at,
          );
        });
      }
    });
  }

  test('floors: a room below that knows one above', () => {
    const files = [
      { path: 'src/core/core.ts', text: "/** Made up. */\nimport { a } from '../broker/broker.ts';\nexport const b = a;\n" },
      { path: 'src/broker/broker.ts', text: '/** Made up. */\nexport const a = 1;\n' },
    ];
    assert.deepEqual(
      check(files).map((v) => `${v.rule} ${v.path}:${v.line}`),
      ['table src/core/core.ts:2', 'floors src/core/core.ts:2'],
    );
  });

  test('floors: the table itself points down, and never round', () => {
    for (const [name, room] of Object.entries(ROOMS)) {
      for (const other of room.imports) {
        if (other === '*') continue;
        const below = ROOMS[other];
        assert.ok(below !== undefined, `${name} may import ${other}, which is no room`);
        assert.ok(below.floor <= room.floor, `${name} may import ${other}, which stands above it`);
        assert.ok(!below.imports.includes(name), `${name} and ${other} may import each other`);
      }
    }
    assert.ok(OPEN_ROOMS.every((name) => ROOMS[name]?.floor === 0));
  });
});

describe('no house rule fails on what only looks like it', () => {
  for (const { what, files } of INNOCENT) {
    test(what, () => {
      assert.deepEqual(check(files), []);
    });
  }
});

describe('the reader of sources', () => {
  test('tells code, strings and comments apart, and keeps every place', () => {
    const text = "const a = 'x'; // b\nconst c = `d${e + `f${g}`}h`; /* i */ const j = k / l / m; n(/o'/);\n";
    const seen = scan({ path: 'src/a.ts', text });
    assert.equal(seen.code, "const a = ' ';     \nconst c = ` ${e + ` ${g}`} `;         const j = k / l / m; n(/  /);\n");
    assert.equal(seen.words.replace(/ +/g, ' '), text.replace('// b', '').replace('/* i */', '').replace(/ +/g, ' '));
    assert.equal(seen.comments.replace(/ +/g, ' '), ' // b\n /* i */ \n');
  });

  test('finds every kind of import', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { b } from './b.ts';",
      "import './c.ts';",
      "export { d } from './d.ts';",
      "const e = await import('./e.ts');",
      "type F = import('./f.ts').F;",
      "new Worker(new URL('./g.ts', import.meta.url));",
      "const h = Array.from('./h.ts');",
    ].join('\n');
    assert.deepEqual(
      scan({ path: 'src/a.ts', text }).imports.map((seen) => `${seen.line} ${seen.kind} ${seen.specifier}`),
      ['1 import ./a.ts', '2 import ./b.ts', '3 import ./c.ts', '4 export ./d.ts', '5 dynamic ./e.ts', '6 dynamic ./f.ts', '7 url ./g.ts'],
    );
  });

  test('stops at what it cannot read instead of guessing', () => {
    for (const text of ["const a = 'b\n';", 'const a = `b', '/* a', 'const a = `${b`', 'const a = /b\n/;']) {
      assert.throws(() => scan({ path: 'src/a.ts', text }), /src\/a\.ts:1: .* does not end\./);
    }
  });

  test('knows a door', () => {
    assert.deepEqual(
      ['src/log/log.ts', 'src/wire/amqp/amqp.ts', 'src/signalbox.ts', 'src/log/index.ts', 'src/log/segment.ts'].map(isDoor),
      [true, true, true, false, false],
    );
  });
});
