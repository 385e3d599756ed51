/** `signalbox doctor`: what it says of sound and damaged directories, and what it saves. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { open } from '../../src/signalbox.ts';
import { run, start, temporaryDirectory } from './signalbox.ts';

const COUNT = 40;

/** A directory with a topic and a queue, each message in a write of its own, closed as it should be. */
async function filled(directory: string): Promise<void> {
  const box = await open(directory);
  const topic = await box.declareTopic('events', { partitions: 2 });
  const queue = await box.declareQueue('jobs');
  for (let n = 0; n < COUNT; n++) {
    await topic.publish(`event ${n}`, { partition: n % 2 });
    await queue.send(`job ${n}`);
  }
  await box.close();
}

function files(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const path of globSync('**/*', { cwd: directory, withFileTypes: true }).filter((entry) => entry.isFile())) {
    const name = join(path.parentPath, path.name);
    if (path.name !== 'lock') found[name] = createHash('sha256').update(readFileSync(name)).digest('hex');
  }
  return found;
}

/** Turns over one bit of the record that holds these words. */
function damage(path: string, words: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(words);
  assert.ok(at > 0, `${words} is not in ${path}`);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function jobsIn(directory: string): Promise<string[]> {
  const box = await open(directory);
  const messages = await box.queue('jobs').receive({ max: COUNT });
  await box.close();
  return messages.map(({ value }) => String(value));
}

async function eventsIn(directory: string, partition: number): Promise<number> {
  const box = await open(directory);
  const { records } = await box.topic('events').fetch(partition, 0);
  await box.close();
  return records.count;
}

suite('doctor', { concurrency: 2 }, () => {
  test('a sound directory: all of it is told, and none of it changed', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    await filled(data);
    const before = files(data);
    const { code, out } = await run(t, ['doctor', '--data', data]);
    assert.equal(code, 0);
    assert.match(out, /^journal: sound\. \d files?, .*\d+ entries\.\n {2}The journal is sound; it ends at byte \d+ of /m);
    for (const partition of [0, 1]) assert.match(out, new RegExp(`^topic events, partition ${partition}: sound\\. 20 records\\.$`, 'm'));
    assert.match(out, /^Nothing is damaged\.\n$/m);
    assert.deepEqual(files(data), before);
  });

  test('a directory that a broker has open, or that is not there, is not looked at', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    const { pid } = await start(t, data);
    const busy = await run(t, ['doctor', '--data', data]);
    assert.deepEqual([busy.code, busy.out], [7, '']);
    assert.match(busy.error, new RegExp(`is open in process ${pid}`));
    const absent = await run(t, ['doctor', '--data', join(data, 'absent')]);
    assert.deepEqual([absent.code, /There is no directory .*absent/.test(absent.error)], [2, true]);
  });

  test('records that a killed broker left in the journal are counted there', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    const broker = await start(t, data);
    assert.equal((await run(t, ['publish', '--topic', 'events', '--declare', '-m', 'x', '--data', data])).code, 0);
    broker.process.child.kill('SIGKILL');
    await broker.process.ended;
    const { code, out } = await run(t, ['doctor', '--data', data]);
    assert.equal(code, 0, out);
    assert.match(out, /^topic events, partition 0: sound\. 0 records, and 1 that only the journal has so far\.$/m);
  });

  test('a damaged topic: the place and what is lost; saved, the rest is there under its old offsets', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    await filled(data);
    const [log = ''] = globSync(join(data, 'topics/*-1/*.log'));
    damage(log, 'event 7');
    const { code, out } = await run(t, ['doctor', '--data', data]);
    assert.equal(code, 8);
    assert.match(
      out,
      /^topic events, partition 1: damaged\. \d+ records?\.\n {2}- .*-1\/.*\.log, byte \d+: no whole batch stands there; offsets \d+ to \d+ are lost\.$/m,
    );
    const told = JSON.parse((await run(t, ['doctor', '--data', data, '--json'])).out) as {
      damaged: boolean;
      partitions: { topic: string; partition: number; findings: { from: number; to: number }[] }[];
    };
    assert.equal(told.damaged, true);
    const [finding] = told.partitions.find(({ partition }) => partition === 1)?.findings ?? [];
    assert.ok(finding !== undefined && finding.from <= 3 && finding.to > 3);

    const before = files(data);
    const target = join(data, '../saved');
    const saved = await run(t, ['doctor', '--data', data, '--salvage', target]);
    assert.deepEqual([saved.code, saved.error], [0, '']);
    assert.match(saved.out, new RegExp(`offsets ${finding.from} to ${finding.to - 1} are lost\\.\nIt opens: signalbox start --data `));
    assert.deepEqual(files(data), before);
    assert.equal(await eventsIn(target, 0), 20);
    assert.equal(await eventsIn(target, 1), 20 - (finding.to - finding.from));
    const again = await run(t, ['doctor', '--data', data, '--salvage', target]);
    assert.deepEqual([again.code, /saved is not empty/.test(again.error)], [4, true]);
  });

  test('a damaged journal: the place; saved, all messages but those that stood there', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    await filled(data);
    damage(join(data, 'journal/0000000000.journal'), 'job 7');
    const { code, out } = await run(t, ['doctor', '--data', data]);
    assert.equal(code, 8);
    assert.match(
      out,
      /^journal: damaged\..*\n {2}The journal in .* is damaged in one place and .*\n {2}- .*0000000000\.journal, byte \d+: .*1 block is lost/m,
    );
    const target = join(data, '../saved');
    const saved = await run(t, ['doctor', '--data', data, '--salvage', target]);
    assert.deepEqual([saved.code, saved.error], [0, '']);
    assert.match(saved.out, /lost: the journal from position \d+ to \d+ \(1 block\)/);
    const there = (await run(t, ['doctor', '--data', target])).out;
    assert.match(there, /^topic events, partition 0: sound\. 20 records\.$/m);
    assert.match(saved.out, /queue jobs: 1 message cannot be read, and the copy does not have them\./);
    const all = Array.from({ length: COUNT }, (_, n) => `job ${n}`);
    assert.deepEqual(
      await jobsIn(target),
      all.filter((job) => job !== 'job 7'),
    );
  });

  test('a partition whose log is gone: the journal knows better', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    await filled(data);
    for (const path of globSync(join(data, 'topics/*-0'))) rmSync(path, { recursive: true });
    const { code, out } = await run(t, ['doctor', '--data', data]);
    assert.equal(code, 8);
    assert.match(out, /the log ends with offset 0, where the journal knows of 20; offsets 0 to 19 are lost\./);
    const target = join(data, '../saved');
    assert.equal((await run(t, ['doctor', '--data', data, '--salvage', target])).code, 0);
    assert.equal(await eventsIn(target, 1), 20);
    assert.equal(await eventsIn(target, 0), 0);
    const box = await open(target);
    assert.deepEqual(await box.topic('events').publish('next', { partition: 0 }), { partition: 0, offset: 20 });
    await box.close();
  });
});
