import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DOORS } from '../../src/cli/doors.ts';

test('README says of each door that it is there, and of no other', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const table = readme.slice(readme.indexOf('| door | for | today |'), readme.indexOf('All doors lead to one address space'));
  const rows = [...table.matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)]
    .slice(1)
    .map(([, name = '', , today = '']) => ({ name, today }));
  for (const { name } of DOORS) {
    const row = rows.find((one) => one.name.toLowerCase().startsWith(name));
    assert.ok(row !== undefined && row.today !== 'not yet', `${name} is opened by start; its row says "${row?.today}"`);
  }
  const ofStart = rows.filter(({ name, today }) => today !== 'not yet' && name !== 'TypeScript API' && name !== 'test kit');
  const words = ofStart.map(({ name }) => name.toLowerCase().split(/[ ,]/)[0]);
  assert.deepEqual(words.toSorted(), DOORS.map(({ name }) => name).toSorted());
});
