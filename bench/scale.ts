/** What a publish costs as the broker fills: by queues declared, bindings made, messages waiting; and the syncs of many queues. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Engine } from '../src/model/engine.ts';
import { MAIN_LINE, NO_HEADERS } from '../src/model/message.ts';
import { neutralHead, RecordWriter } from '../src/model/record.ts';
import { open } from '../src/signalbox.ts';
import { median } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';

const BATCH = 50;
const ROUNDS = 5;
const PER_ROUND = 400;

export async function scale({ args }: BenchOptions): Promise<Figures> {
  const waiting = args.includes('--quick') ? 1_000_000 : 10_000_000;
  const figures: Record<string, number> = {};
  const one = await withQueues(1);
  const many = await withQueues(10_000);
  figures['us/message, 1 queue declared'] = one;
  figures['us/message, 10,000 queues declared'] = many;
  figures['times, 10,000 queues'] = many / one;
  const bound = await withBindings(1);
  const boundMany = await withBindings(100_000);
  figures['us/message, 1 binding'] = bound;
  figures['us/message, 100,000 bindings, 1 matches'] = boundMany;
  figures['times, 100,000 bindings'] = boundMany / bound;
  const empty = await withWaiting(0);
  const full = await withWaiting(waiting);
  figures['us/message, empty queue'] = empty;
  figures[`us/message, ${waiting.toLocaleString('en')} waiting`] = full;
  figures['times, waiting'] = full / empty;
  Object.assign(figures, await syncs());
  return figures;
}

async function withQueues(count: number): Promise<number> {
  const box = await open();
  for (let i = 0; i < count; i++) await box.declareQueue(`q${i}`);
  const cost = await publishCost(box.engine, '', 'q0');
  await box.close();
  return cost;
}

async function withBindings(count: number): Promise<number> {
  const box = await open();
  await box.declareQueue('hit');
  await box.declareQueue('miss');
  await box.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'hit' }, pattern: 'orders.*' });
  for (let i = 1; i < count; i++) await box.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'miss' }, pattern: `device.${i}.*` });
  const cost = await publishCost(box.engine, MAIN_LINE, 'orders.created');
  await box.close();
  return cost;
}

async function withWaiting(count: number): Promise<number> {
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const box = await open(directory, { durability: 'os' });
  try {
    await box.declareQueue('q');
    await fill(box.engine, 'q', count, 100);
    return await publishCost(box.engine, '', 'q');
  } finally {
    await box.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function fill(engine: Engine, queue: string, count: number, sizeBytes: number): Promise<void> {
  const writer = new RecordWriter(1 << 18);
  const body = new Uint8Array(sizeBytes).fill(66);
  const head = neutralHead({ exchange: '', address: queue, timestampMs: 0, headers: NO_HEADERS, body });
  for (let sent = 0; sent < count; sent += 1000) {
    for (let i = 0; i < 1000; i++) writer.writeRaw(0, head, body);
    const records = writer.take();
    if (engine.pressed) await engine.relief();
    const published = engine.publish({ exchange: '', address: queue, records });
    if (sent % 10_000 === 0) await published;
    void published.then(() => writer.reuse(records));
  }
}

/** Main-thread CPU of a publish, microseconds per message: median of some rounds after a warm-up. */
async function publishCost(engine: Engine, exchange: string, address: string): Promise<number> {
  const writer = new RecordWriter(1 << 16);
  const body = new Uint8Array(100).fill(65);
  const head = neutralHead({ exchange, address, timestampMs: 0, headers: NO_HEADERS, body });
  const costs: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const before = process.threadCpuUsage();
    for (let k = 0; k < PER_ROUND; k++) {
      for (let i = 0; i < BATCH; i++) writer.writeRaw(0, head, body);
      const records = writer.take();
      await engine.publish({ exchange, address, records });
      writer.reuse(records);
    }
    const cpu = process.threadCpuUsage(before);
    if (round >= 0) costs.push((cpu.user + cpu.system) / (PER_ROUND * BATCH));
  }
  return median(costs);
}

/** Messages to 1,000 queues in turn, and as many to one: how much of the journal each took, which is padded per sync. */
async function syncs(): Promise<Figures> {
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const box = await open(directory);
  try {
    for (let i = 0; i < 1000; i++) await box.declareQueue(`q${i}`);
    const journal = () => box.engine.metrics().get('journal_syncs') ?? 0;
    const begin = journal();
    await Promise.all(Array.from({ length: 1000 }, () => box.queue('q0').send('x')));
    const toOne = journal() - begin;
    const middle = journal();
    await Promise.all(Array.from({ length: 1000 }, (_, i) => box.queue(`q${i}`).send('x')));
    return { 'syncs, 1,000 messages to one queue': toOne, 'syncs, 1,000 messages to 1,000 queues': journal() - middle };
  } finally {
    await box.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
