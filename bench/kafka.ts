/** The Kafka door beside a real Apache Kafka: the same prebuilt requests drive both in turns, and what counts is the server's CPU and what gets through. */

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Admin } from '@platformatic/kafka';
import { answersKafka, apacheKafka, kafkaMissing } from './apache-kafka.ts';
import { type Against, figuresOf, type KafkaRow, ROWS } from './kafka-rows.ts';
import { pause } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';
import { memoryMiB, type Served, signalbox } from './servers.ts';

export { kafkaTable } from './kafka-rows.ts';

const ROUNDS = 3;
const run = promisify(execFile);
const TOPICS = 1000;

/** What the generator prints. */
export type Printed = Readonly<Record<string, number>>;

type Sides = Readonly<Record<'fsync' | 'os' | 'theirs', Served | undefined>>;

/** `--rows TEXT`: only those with this in their names. */
export async function kafka({ seconds, args }: BenchOptions): Promise<Figures> {
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const quick = args.includes('--quick');
  const wanted = args[args.indexOf('--rows') + 1] ?? '';
  const is = (name: string) => !args.includes('--rows') || name.includes(wanted);
  try {
    const generator = compile(directory);
    if (generator === undefined) return { 'load generator': 'gcc not found' };
    const missing = kafkaMissing();
    const figures: Record<string, number | string> = missing === undefined ? {} : { 'Apache Kafka': missing };
    const rows = ROWS.filter(({ name }) => is(name));
    if (rows.length > 0)
      Object.assign(figures, await loads(rows, generator, directory, quick ? 1 : ROUNDS, seconds, missing === undefined));
    if (is('ready, memory, groups')) Object.assign(figures, await resources(generator, directory, missing === undefined));
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function loads(
  rows: readonly KafkaRow[],
  generator: string,
  directory: string,
  rounds: number,
  seconds: number,
  paired: boolean,
): Promise<Figures> {
  const sides: Record<keyof Sides, Served | undefined> = { fsync: undefined, os: undefined, theirs: undefined };
  try {
    sides.fsync = await signalbox(directory, 'kafka', ['--durability', 'fsync']);
    sides.os = await signalbox(directory, 'kafka', ['--durability', 'os']);
    if (paired) sides.theirs = await apacheKafka(directory);
    const figures: Record<string, number | string> = {};
    const drive = (side: Served, row: KafkaRow, topic: string, secs: number) =>
      driven(generator, side, [...row.args, '--topic', topic], secs);
    await warmed(sides, drive);
    for (const row of rows) {
      const our = sides[row.ours];
      if (our === undefined) continue;
      const pairs: Against[] = [];
      const [ourTopic, theirTopic] = [await topicFor(our, row), sides.theirs && (await topicFor(sides.theirs, row))];
      for (const [side, topic] of [
        [our, ourTopic],
        [sides.theirs, theirTopic],
      ] as const)
        if (row.before !== undefined && side !== undefined && topic !== undefined)
          await driven(generator, side, [...row.before, '--topic', topic], seconds);
      for (let round = 0; round < rounds; round++)
        pairs.push({
          ours: await drive(our, row, ourTopic, seconds),
          theirs: sides.theirs && theirTopic ? await drive(sides.theirs, row, theirTopic, seconds) : undefined,
        });
      Object.assign(figures, figuresOf(row, pairs));
      // What is read no more would only fill the memory of the next.
      await removed(our, ourTopic);
      if (sides.theirs && theirTopic) await removed(sides.theirs, theirTopic);
    }
    return figures;
  } finally {
    for (const side of Object.values(sides)) await side?.stop();
  }
}

/** Both have compiled what they run again and again. */
async function warmed(sides: Sides, drive: (side: Served, row: KafkaRow, topic: string, secs: number) => Promise<Printed>): Promise<void> {
  const row: KafkaRow = { name: 'warm-up', args: ['--wl', 'tail', '--window', '16'], ours: 'os', judge: 'cpu', atLeast: 0, aim: 0 };
  for (const side of Object.values(sides)) {
    if (side === undefined) continue;
    const topic = await topicFor(side, row);
    await drive(side, row, topic, 2);
    await removed(side, topic);
  }
}

let topics = 0;

async function topicFor(side: Served, row: KafkaRow): Promise<string> {
  const topic = `bench-${++topics}`;
  await administered(side, (admin) =>
    admin.createTopics({
      topics: [topic],
      partitions: 1,
      replicas: 1,
      // Ours waits for the disk by its own setting, and keeps this one as it keeps any.
      configs: row.ours === 'fsync' ? [{ name: 'flush.messages', value: '1' }] : [],
    }),
  );
  await pause(200);
  return topic;
}

async function removed(side: Served, topic: string): Promise<void> {
  await administered(side, (admin) => admin.deleteTopics({ topics: [topic] }));
}

async function administered<T>({ port }: Served, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [`127.0.0.1:${port}`], retries: 5, timeout: 60_000 });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

/** From start to serving, memory, and groups: each server fresh. */
async function resources(generator: string, directory: string, paired: boolean): Promise<Figures> {
  const found: Record<string, Record<string, number>> = {};
  const starts: Record<string, (() => Promise<Served>) | undefined> = {
    signalbox: () => signalbox(directory, 'kafka', [], answersKafka),
    'Apache Kafka': paired ? () => apacheKafka(directory) : undefined,
  };
  for (const [name, start] of Object.entries(starts)) {
    const side = await start?.();
    if (side === undefined) continue;
    try {
      const figures: Record<string, number> = { 'ready after start, ms': side.readyMs };
      await pause(3000);
      figures['memory idle, MiB'] = memoryMiB(side.pid);
      // The first group has the topic of offsets made.
      const group = async (id: string, members: number) =>
        (await driven(generator, side, ['--wl', 'group', '--group', id, '--members', String(members)], 1)).ms ?? 0;
      await group('first', 1);
      figures['group of 10 joins, ms'] = await group('ten', 10);
      const names = Array.from({ length: TOPICS }, (_, i) => `topic-${i}`);
      const before = performance.now();
      for (let i = 0; i < TOPICS; i += 100)
        await administered(side, (admin) => admin.createTopics({ topics: names.slice(i, i + 100), partitions: 3, replicas: 1 }));
      figures['1,000 topics x 3 made, ms'] = performance.now() - before;
      await pause(3000);
      figures['memory with 1,000 topics x 3, MiB'] = memoryMiB(side.pid);
      found[name] = figures;
    } finally {
      await side.stop();
    }
  }
  if (paired) {
    // As a development set-up has it: no waiting for members that might come.
    const side = await apacheKafka(directory, { properties: { 'group.initial.rebalance.delay.ms': 0 } });
    try {
      const ms = async (id: string) => (await driven(generator, side, ['--wl', 'group', '--group', id], 1)).ms ?? 0;
      await ms('first');
      const times = [await ms('a'), await ms('b'), await ms('c')].sort((a, b) => a - b);
      found['Apache Kafka'] = { ...found['Apache Kafka'], 'group of 10 joins, no initial delay, ms': times[1] ?? 0 };
      found.signalbox = { ...found.signalbox, 'group of 10 joins, no initial delay, ms': found.signalbox?.['group of 10 joins, ms'] ?? 0 };
    } finally {
      await side.stop();
    }
  }
  return compared(found.signalbox ?? {}, found['Apache Kafka'] ?? {});
}

const GOALS: Readonly<Record<string, readonly [number, number]>> = {
  'ready after start, ms': [20, 50],
  'memory idle, MiB': [4, 10],
  'memory with 1,000 topics x 3, MiB': [4, 10],
  'group of 10 joins, ms': [5, 20],
  'group of 10 joins, no initial delay, ms': [5, 20],
};

function compared(ours: Readonly<Record<string, number>>, theirs: Readonly<Record<string, number>>): Figures {
  const figures: Record<string, number> = {};
  for (const [what, our] of Object.entries(ours)) {
    figures[`${what} | ours`] = our;
    const their = theirs[what];
    if (their === undefined) continue;
    figures[`${what} | theirs`] = their;
    figures[`${what} | times`] = their / our;
    const [atLeast, aim] = GOALS[what] ?? [];
    if (atLeast !== undefined) figures[`${what} | at least`] = atLeast;
    if (aim !== undefined) figures[`${what} | aim`] = aim;
  }
  return figures;
}

async function driven(generator: string, side: Served, args: readonly string[], seconds: number): Promise<Printed> {
  const { stdout } = await run(generator, ['--port', String(side.port), '--pid', String(side.pid), '--secs', String(seconds), ...args]);
  return JSON.parse(stdout) as Printed;
}

/** Undefined where the compiler is missing. */
function compile(directory: string): string | undefined {
  try {
    const source = fileURLToPath(new URL('./loadgen/kafka.c', import.meta.url));
    execFileSync('gcc', ['-O2', '-w', '-o', `${directory}/kafka-load`, source], { stdio: 'ignore' });
    return `${directory}/kafka-load`;
  } catch {
    return undefined;
  }
}
