/** Debian's kcat (librdkafka): left out where it is not installed. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { type Subject, subject, topicOf, unique } from './subject.ts';

const MISSING = spawnSync('kcat', ['-V']).error !== undefined && 'kcat is not installed (apt install kcat)';

/** Runs it to its end; rejects when it fails. */
function kcat(door: Subject, args: readonly string[], input = ''): Promise<string> {
  const child = spawn('kcat', ['-b', door.broker, '-X', 'broker.address.family=v4', ...args]);
  const out: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(Buffer.concat(out).toString()) : reject(new Error(`kcat ended with ${code}: ${Buffer.concat(said)}`)),
    );
  });
}

test('lists what there is', { skip: MISSING }, async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 'l', 3);
  const told = JSON.parse(await kcat(door, ['-L', '-J', '-t', topic]));
  assert.deepEqual(
    told.topics.map((one: { topic: string; partitions: { partition: number; leader: number }[] }) => [
      one.topic,
      one.partitions.map(({ partition, leader }) => [partition, leader]).sort(),
    ]),
    [
      [
        topic,
        [
          [0, 1],
          [1, 1],
          [2, 1],
        ],
      ],
    ],
  );
});

test('produces with every compression, keys and headers, and reads all of it again', { skip: MISSING }, async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 'c');
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
  for (const codec of codecs)
    await kcat(
      door,
      ['-P', '-t', topic, '-z', codec, '-K', ':', '-H', `codec=${codec}`],
      `k:${codec} ${'x'.repeat(2000)}\nk:second ${codec}\n`,
    );
  const text = await kcat(door, ['-C', '-t', topic, '-e', '-q', '-o', 'beginning', '-f', '%o %k %h %S %s\n']);
  assert.deepEqual(
    text.trim().split('\n'),
    codecs.flatMap((codec, i) => [
      `${2 * i} k codec=${codec} ${2001 + codec.length} ${codec} ${'x'.repeat(2000)}`,
      `${2 * i + 1} k codec=${codec} ${7 + codec.length} second ${codec}`,
    ]),
  );
});

test('idempotent and in transactions; reads only what was committed', { skip: MISSING }, async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 't');
  await kcat(door, ['-P', '-t', topic, '-X', 'enable.idempotence=true'], 'a\nb\n');
  await kcat(door, ['-P', '-t', topic, '-X', `transactional.id=${unique('tx')}`], 'c\nd\n');
  const text = await kcat(door, ['-C', '-t', topic, '-e', '-q', '-o', 'beginning', '-X', 'isolation.level=read_committed']);
  assert.deepEqual(text.trim().split('\n'), ['a', 'b', 'c', 'd']);
});

test('a group by either assignor goes on where it was; offsets by time', { skip: MISSING }, async (t) => {
  const door = await subject(t);
  for (const assignor of ['range', 'cooperative-sticky']) {
    const topic = await topicOf(door, 'g', 2);
    const group = unique('g');
    const read = (count: number) =>
      kcat(door, [
        ...['-G', group, '-q', '-c', String(count), '-f', '%s\n', '-X', 'auto.offset.reset=earliest'],
        ...['-X', `partition.assignment.strategy=${assignor}`, topic],
      ]);
    for (const partition of [0, 1]) await kcat(door, ['-P', '-t', topic, '-p', String(partition)], `first ${partition}\n`);
    assert.deepEqual((await read(2)).trim().split('\n').sort(), ['first 0', 'first 1']);
    await kcat(door, ['-P', '-t', topic, '-p', '1'], 'second\n');
    assert.equal((await read(1)).trim(), 'second');
    assert.match(await kcat(door, ['-Q', '-t', `${topic}:1:-1`]), /\[1\] offset 2/);
    assert.match(await kcat(door, ['-Q', '-t', `${topic}:1:1`]), /\[1\] offset 0/);
  }
});
