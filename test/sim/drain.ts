/** The end of a simulated run: everything left is taken out and looked at, and the books are compared. */

import type { Broker } from '../../src/broker/broker.ts';
import type { SimClock } from '../../src/host/simulated/sim-clock.ts';
import { offset } from '../../src/model/lines.ts';
import { readMessage } from '../../src/model/record.ts';
import type { Drained } from './check.ts';
import type { History } from './history.ts';
import type { Plan } from './plan.ts';

const decoder = new TextDecoder();

export async function drain(broker: Broker, clock: SimClock, plan: Plan, history: History): Promise<Drained> {
  const queues = new Map<string, string[]>();
  const topics = new Map<string, string[][]>();
  // Whatever the clock still has to do, it does before anybody looks.
  await new Promise<void>((resolve) => clock.after(5000, resolve));
  for (const name of plan.queues.keys()) queues.set(name, await browse(broker, name));
  checkBooks(history, await books(broker, plan, history));
  for (const [name, spec] of plan.topics) {
    const partitions: string[][] = [];
    for (let p = 0; p < (spec.partitions ?? 1); p++) partitions.push(await readAll(broker, name, p, history));
    topics.set(name, partitions);
  }
  await checkCursors(broker, history);
  await checkRetained(broker, history);
  await takeAll(broker, clock, plan, queues, history);
  return { queues, topics };
}

/** Everything in the queue, whatever its state, without taking it. */
async function browse(broker: Broker, queue: string): Promise<string[]> {
  const ids: string[] = [];
  for (let from: number | undefined; ; ) {
    const peeked = await broker.peek({ queue, countMax: 50, ...(from !== undefined && { from }) });
    for (let i = 0; i < peeked.count; i++) ids.push(idOf(peeked.bytes, peeked.at[i] ?? 0));
    if (peeked.count < 50) return ids;
    from = (peeked.numbers[peeked.count - 1] ?? 0) + 1;
  }
}

async function takeAll(
  broker: Broker,
  clock: SimClock,
  plan: Plan,
  queues: ReadonlyMap<string, readonly string[]>,
  history: History,
): Promise<void> {
  for (const name of plan.queues.keys()) {
    const expected = new Map<string, number>();
    for (const id of queues.get(name) ?? []) expected.set(id, (expected.get(id) ?? 0) + 1);
    for (let empty = 0; empty < 3; ) {
      const got = await broker.receive({ queue: name, countMax: 16, leaseMs: 60_000 });
      if (got === undefined) {
        empty++;
        await new Promise<void>((resolve) => clock.after(1000, resolve));
        continue;
      }
      for (let i = 0; i < got.count; i++) {
        const id = idOf(got.bytes, got.at[i] ?? 0);
        const left = expected.get(id) ?? 0;
        // A message may have come here meanwhile: dead letters of a queue drained before.
        if (left === 0 && !name.startsWith('dead-')) history.fault('drain', `${name} delivered ${id}, which was not in it`);
        expected.set(id, left - 1);
        const acked = await broker.settle({ queue: name, runs: Float64Array.of(got.numbers[i] ?? 0, 1), lease: got.lease, outcome: 'ack' });
        if (acked !== 1) history.fault('drain', `${name} did not take the ack of ${id}`);
      }
    }
    const mortal = plan.queues.get(name)?.ttlMs !== undefined;
    for (const [id, left] of expected) {
      if (left > 0 && !mortal && history.sent.get(id)?.mortal === false && plan.queues.get(name)?.retry === undefined)
        history.fault('drain', `${name} held ${id} and never delivered it`);
    }
  }
}

interface Book {
  readonly name: string;
  readonly published: number;
  readonly sum: number;
}

async function books(broker: Broker, plan: Plan, history: History): Promise<Book[]> {
  const out: Book[] = [];
  for (const name of plan.queues.keys()) {
    const d = await broker.describe('queue', name);
    if (d?.kind !== 'queue') continue;
    const { countMax = Number.POSITIVE_INFINITY, overflow } = plan.queues.get(name) ?? {};
    if (overflow === 'drop-head' && d.ready > countMax)
      history.fault('overflow', `${name} holds ${d.ready} ready messages, more than ${countMax}`);
    const { published, acked, deadLettered, expired, dropped, purged } = d.totals;
    out.push({ name, published, sum: d.ready + d.delayed + d.inFlight + acked + deadLettered + expired + dropped + purged });
  }
  return out;
}

function checkBooks(history: History, found: readonly Book[]): void {
  for (const { name, published, sum } of found) {
    if (published !== sum) history.fault('Q9 books', `${name}: ${published} were published, ${sum} are accounted for`);
  }
}

async function readAll(broker: Broker, topic: string, partition: number, history: History): Promise<string[]> {
  const ids: string[] = [];
  for (let next = 0; ; ) {
    const fetched = await broker.fetch({ topic, partition, offset: offset(next) });
    for (let i = 0; i < fetched.records.count; i++) {
      if (fetched.offsets[i] !== ids.length)
        history.fault('L5 gap', `${topic}/${partition} has offset ${fetched.offsets[i]} where ${ids.length} should be`);
      ids.push(idOf(fetched.records.bytes, i === 0 ? fetched.records.start : (fetched.records.ends[i - 1] ?? 0)));
    }
    if (fetched.records.count === 0) return ids;
    next = fetched.next;
  }
}

async function checkCursors(broker: Broker, history: History): Promise<void> {
  const group = await broker.describe('group', 'g');
  for (const [key, at] of history.cursors) {
    const [, topic, partition] = key.split('/');
    const cursor = group?.kind === 'group' ? group.cursors.find((c) => c.topic === topic && c.partition === Number(partition)) : undefined;
    if ((cursor?.offset ?? 0) < at) history.fault('L8 cursor', `the cursor of ${key} is at ${cursor?.offset ?? 0}, was confirmed at ${at}`);
  }
}

async function checkRetained(broker: Broker, history: History): Promise<void> {
  for (const [address, { confirmed, maybe }] of history.retained) {
    const [kept] = await broker.retained(address);
    const value = kept === undefined ? '' : decoder.decode(readMessage(kept.record, 0).body);
    if (value !== confirmed && !maybe.includes(value))
      history.fault('M4 retained', `${address} keeps "${value}", confirmed was "${confirmed}"`);
  }
}

function idOf(bytes: Uint8Array, at: number): string {
  const body = decoder.decode(readMessage(bytes, at).body);
  return body.slice(0, body.indexOf(' '));
}
