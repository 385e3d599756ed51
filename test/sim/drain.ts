/** The end of a simulated run: everything left is taken out and looked at, and the books are compared. */

import type { Broker } from '../../src/broker/broker.ts';
import type { SimClock } from '../../src/host/simulated/sim-clock.ts';
import { offset } from '../../src/model/lines.ts';
import { readMessage } from '../../src/model/record.ts';
import type { Drained, Partition } from './check.ts';
import type { History } from './history.ts';
import { idOf } from './messages.ts';
import type { Plan } from './plan.ts';
import { isRefused, specText } from './topic-clients.ts';

const decoder = new TextDecoder();

export async function drain(broker: Broker, clock: SimClock, plan: Plan, history: History, groups: () => Promise<void>): Promise<Drained> {
  const queues = new Map<string, string[]>();
  const topics = new Map<string, Partition[]>();
  // Whatever the clock still has to do, it does before anybody looks.
  await new Promise<void>((resolve) => clock.after(5000, resolve));
  await groups();
  for (const name of [...plan.queues.keys(), ...plan.churned.filter(({ kind }) => kind === 'queue').map(({ name }) => name)])
    queues.set(name, await browse(broker, name));
  checkBooks(history, await books(broker, plan, history));
  for (const name of plan.topics.keys()) topics.set(name, await readTopic(broker, name, history));
  await checkCursors(broker, history);
  await checkRetained(broker, history);
  await takeAll(broker, clock, plan, queues, history);
  return { queues, topics, nowMs: broker.nowMs() };
}

/** Everything in the queue, whatever its state, without taking it. */
async function browse(broker: Broker, queue: string): Promise<string[]> {
  const ids: string[] = [];
  for (let from: number | undefined; ; ) {
    const peeked = await broker.peek({ queue, countMax: 50, ...(from !== undefined && { from }) });
    for (let i = 0; i < peeked.count; i++) ids.push(idOf(readMessage(peeked.bytes, peeked.at[i] ?? 0)));
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
        const id = idOf(readMessage(got.bytes, got.at[i] ?? 0));
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

async function readTopic(broker: Broker, topic: string, history: History): Promise<Partition[]> {
  const description = await broker.describe('topic', topic, { brief: true });
  if (description?.kind !== 'topic' || description.spec.kind !== 'topic') return [];
  history.checkRegister('D1 altered', `spec ${topic}`, specText(description.spec));
  const partitions: Partition[] = [];
  for (const { partition } of description.partitions) partitions.push(await readAll(broker, topic, partition, history));
  return partitions;
}

async function readAll(broker: Broker, topic: string, partition: number, history: History): Promise<Partition> {
  const ids = new Map<number, string>();
  for (;;) {
    // It may begin later by the time it is read.
    const description = await broker.describe('topic', topic, { brief: true });
    const { start, end } = (description?.kind === 'topic' ? description.partitions[partition] : undefined) ?? { start: 0, end: 0 };
    ids.clear();
    try {
      for (let next: number = start; ; ) {
        const fetched = await broker.fetch({ topic, partition, offset: offset(next) });
        for (let i = 0; i < fetched.records.count; i++) {
          const at = fetched.offsets[i] ?? -1;
          if (at < next || at >= fetched.next) history.fault('L5 order', `${topic}/${partition} gave offset ${at} when asked for ${next}`);
          ids.set(at, idOf(readMessage(fetched.records.bytes, i === 0 ? fetched.records.start : (fetched.records.ends[i - 1] ?? 0))));
        }
        if (fetched.next === next) break;
        next = fetched.next;
      }
      return { ids, start, end };
    } catch (error) {
      if (!isRefused(error, 'out-of-range')) throw error;
    }
  }
}

async function checkCursors(broker: Broker, history: History): Promise<void> {
  const group = await broker.describe('group', 'g');
  const cursor = group?.kind === 'group' ? group.cursors.find(({ topic, partition }) => topic === 't0' && partition === 0) : undefined;
  history.checkRegister('L8 cursor', 'cursor t0/0', cursor === undefined ? 'none' : `${cursor.offset} ${cursor.note ?? ''}`);
}

async function checkRetained(broker: Broker, history: History): Promise<void> {
  const [kept] = await broker.retained('kept.value');
  history.checkRegister('M4 retained', 'retained', kept === undefined ? '' : decoder.decode(readMessage(kept.record, 0).body));
}
