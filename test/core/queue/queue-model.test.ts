import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Queue } from '../../../src/core/queue/queue.ts';
import type { QueueSpec } from '../../../src/model/declaration.ts';
import type { Death } from '../../../src/model/engine.ts';
import { type Position, SEGMENT_BYTES } from '../../../src/model/lines.ts';
import { NaiveQueue } from './naive-queue.ts';

/** MODEL_RUNS=1000 looks longer. */
const RUNS = Number(process.env.MODEL_RUNS ?? 30);
const FOREVER = Number.POSITIVE_INFINITY;
const DEATHS: readonly Death[] = [
  { reason: 'expired', queue: 'före', exchange: '', address: 'a.b', to: { exchange: '', address: 'd' }, atMs: 12.5, count: 2 },
];

const SPECS: readonly Partial<QueueSpec>[] = [
  {},
  { ttlMs: 40 },
  { delayMs: 15, dedupWindowMs: 60 },
  { priorityMax: 3 },
  { priorityMax: 3, priorityAgeMs: 20, ttlMs: 100 },
  { grouped: true },
  { grouped: true, ttlMs: 50, priorityMax: 2 },
];

class Live {
  readonly counts = new Map<number, number>();
  add(segment: number, count: number): void {
    const now = (this.counts.get(segment) ?? 0) + count;
    if (now === 0) this.counts.delete(segment);
    else this.counts.set(segment, now);
  }
}

/** Steps are drawn blindly; what they touch is chosen from the state they find. */
const step = fc.record({
  kind: fc.constantFrom(
    'push', 'push', 'push', 'run', 'run', 'long', 'lease', 'lease', 'lease', 'settle', 'settle', 'sweep', 'back', 'back', 'extend',
    'due', 'tick', 'tick', 'expire', 'carry', 'leap', 'remember', 'side', 'ends', 'look',
  ),
  a: fc.nat(1_000_000),
  b: fc.nat(1_000_000),
  c: fc.nat(1_000_000),
}); // biome-ignore format: the weights read better side by side
type Step = { kind: string; a: number; b: number; c: number };

/** The queue, a twin that is told every change and asked nothing, and the naive one. */
class Trial {
  readonly live = new Live();
  readonly queue: Queue;
  readonly twin: Queue;
  readonly naive: NaiveQueue;
  nowMs = 1000;
  at = 0;
  leases = 0;

  constructor(spec: Partial<QueueSpec>) {
    const full: QueueSpec = { kind: 'queue', name: 'q', ...spec };
    this.queue = new Queue(1, '/', full, this.live);
    this.twin = new Queue(1, '/', full);
    this.naive = new NaiveQueue(full);
  }

  change(name: string, expected: number, change: (queue: Queue) => number): void {
    assert.equal(change(this.queue), expected, name);
    change(this.twin);
  }

  /** Where the next bytes go; a segment has room for them or a new one begins. */
  place(bytes: number): Position {
    if ((this.at % SEGMENT_BYTES) + bytes > SEGMENT_BYTES) this.at = Math.ceil(this.at / SEGMENT_BYTES) * SEGMENT_BYTES;
    this.at += bytes;
    return (this.at - bytes) as Position;
  }

  run({ kind, a, b, c }: Step): void {
    switch (kind) {
      case 'push':
        return this.push(a, b, c);
      case 'run':
        return this.pushRun(1 + (a % 20));
      case 'long':
        return this.pushRun(a % 3 === 0 ? 1 + (b % 5000) : 1 + (b % 300));
      case 'lease': {
        const untilMs = b % 3 === 0 ? FOREVER : this.nowMs + (b % 50);
        const lease = b % 5 === 0 ? Math.max(1, this.leases) : ++this.leases;
        const runs = c % 3 === 0 ? this.runs(a, b) : this.nextRuns(1 + (a % 40));
        return this.change('lease', this.naive.lease(runs, lease, untilMs), (q) => q.lease(runs, lease, untilMs));
      }
      case 'settle': {
        const as = (['acked', 'deadLettered', 'expired', 'dropped', 'purged'] as const)[c % 5] ?? 'acked';
        const runs = this.runs(a, b);
        return this.change('settle', this.naive.settle(runs, as), (q) => q.settle(runs, as));
      }
      case 'sweep': {
        // All but a few: the road to sparse chunks.
        const first = this.queue.oldest + (b % 70);
        const runs = Float64Array.of(first, Math.max(0, this.queue.tail - first - (c % 70)));
        return this.change('sweep', this.naive.settle(runs, 'acked'), (q) => q.settle(runs, 'acked'));
      }
      case 'back': {
        const dueMs = c % 2 === 0 ? 0 : this.nowMs + (c % 30);
        const runs = this.runs(a, b);
        return this.change('back', this.naive.back(runs, dueMs, c % 3 > 0), (q) => q.back(runs, dueMs, c % 3 > 0 ? 'failed' : 'requeued'));
      }
      case 'extend': {
        const lease = 1 + (b % Math.max(1, this.leases));
        const runs = c % 2 === 0 ? this.queue.heldBy(lease) : this.runs(a, b);
        const untilMs = c % 5 === 0 ? FOREVER : this.nowMs + (c % 60);
        return this.change('extend', this.naive.extend(runs, lease, untilMs), (q) => q.extend(runs, lease, untilMs));
      }
      case 'due': {
        const max = a % 2 === 0 ? FOREVER : a % 10;
        return this.change('due', this.naive.due(this.nowMs, max), (q) => q.due(this.nowMs, max));
      }
      case 'tick':
        // Wall clocks jump back; a window of time is told by one that does not here.
        this.nowMs += c % 7 === 0 && this.naive.spec.dedupWindowMs === undefined ? -(a % 30) : a % 20;
        return;
      default:
        return this.rare(kind, a, b);
    }
  }

  rare(kind: string, a: number, b: number): void {
    const { queue, naive } = this;
    switch (kind) {
      case 'expire': {
        const into = new Float64Array(1 + (a % 30));
        const count = queue.expired(this.nowMs, into.length, into);
        const runs = new Float64Array(count * 2).fill(1);
        for (let i = 0; i < count; i++) runs[2 * i] = into[i] ?? 0;
        return this.change('expire', naive.settle(runs, 'expired'), (q) => q.settle(runs, 'expired'));
      }
      case 'carry': {
        const segment = Math.min(...this.live.counts.keys());
        const numbers: number[] = [];
        queue.inSegment(segment, (number) => numbers.push(number));
        for (const number of numbers) {
          const message = naive.all[number];
          if (message === undefined) continue;
          const to = this.place(message.size);
          assert.equal(queue.relocate(number, to), message.at);
          this.twin.relocate(number, to);
          message.at = to;
        }
        return;
      }
      case 'leap': {
        // Segments go on, as far as those that live allow.
        const from = Math.floor(this.at / SEGMENT_BYTES);
        const oldest = Math.min(from, ...this.live.counts.keys());
        const far = Math.min(from + (a % 4 === 0 ? b : b % 3), oldest + 65_535);
        if (far > from) this.at = far * SEGMENT_BYTES + (a % 5) * 1000;
        return;
      }
      case 'remember': {
        const id = `id-${a % 6}`;
        const windowMs = naive.spec.dedupWindowMs ?? 0;
        if (windowMs === 0) for (const q of [queue, this.twin]) q.remember(id, queue.tail, this.nowMs);
        const known = naive.ids.get(id);
        const expected = known !== undefined && known.atMs + windowMs > this.nowMs ? known.number : undefined;
        assert.equal(queue.seen(id, this.nowMs), expected, 'seen');
        if (expected !== undefined || windowMs === 0) return;
        naive.ids.set(id, { number: queue.tail, atMs: this.nowMs });
        for (const q of [queue, this.twin]) q.remember(id, queue.tail, this.nowMs);
        return;
      }
      case 'side': {
        const unsettled = naive.unsettled;
        const message = unsettled[a % Math.max(1, unsettled.length)];
        if (message === undefined) return;
        message.attempts = b % 5;
        message.deaths = b % 2 === 0 ? DEATHS : undefined;
        for (const q of [queue, this.twin]) {
          q.setAttempts(message.number, message.attempts);
          q.setDeaths(message.number, message.deaths ?? []);
        }
        return;
      }
      case 'ends':
        return this.checkLeases();
      default:
        return this.checkAll();
    }
  }

  push(a: number, b: number, c: number): void {
    const size = 8 + (a % 100);
    const at = this.place(size);
    const dueMs = b % 4 === 0 ? this.nowMs + (b % 40) - 5 : 0;
    const expiresMs = c % 3 === 0 ? this.nowMs + (c % 60) : FOREVER;
    const group = a % 5 === 0 ? undefined : `group ${a % 7}`;
    this.naive.push(at, size, this.nowMs, c % 6, dueMs, expiresMs, group);
    this.change('push', this.naive.all.length - 1, (q) => q.push(at, size, this.nowMs, c % 6, dueMs, expiresMs, group));
  }

  pushRun(count: number): void {
    const start = 100;
    const ends = new Uint32Array(count);
    for (let i = 0, end = start; i < count; i++) ends[i] = end += 8 + (i % 50);
    const at = this.place((ends[count - 1] ?? 0) - start);
    const first = this.naive.all.length;
    for (let i = 0, from = start; i < count; i++) {
      this.naive.push(at + from - start, (ends[i] ?? 0) - from, this.nowMs, 0, 0, FOREVER, undefined);
      from = ends[i] ?? 0;
    }
    this.change('pushRun', first, (q) => q.pushRun(at, start, ends, count, this.nowMs));
  }

  /** One or two runs somewhere among what is there, and a bit beyond. */
  runs(a: number, b: number): Float64Array {
    const { oldest, tail } = this.queue;
    const span = tail - oldest + 2;
    const first = Math.max(0, oldest - 1 + (a % span));
    const count = b % 10 === 0 ? span : 1 + (b % 8);
    return a % 3 === 0 ? Float64Array.of(first, count, Math.max(0, oldest - 1 + (b % span)), 1 + (a % 3)) : Float64Array.of(first, count);
  }

  nextRuns(countMax: number): Float64Array {
    const take = new Float64Array(countMax);
    const count = this.queue.next(this.nowMs, countMax, take);
    assert.deepEqual([...take.subarray(0, count)], this.naive.next(this.nowMs).slice(0, countMax), 'next');
    const runs = new Float64Array(count * 2).fill(1);
    for (let i = 0; i < count; i++) runs[2 * i] = take[i] ?? 0;
    return runs;
  }

  checkCounts(): void {
    const { queue, naive } = this;
    const { published, acked, deadLettered, expired, dropped, purged } = queue.totals;
    assert.deepEqual(queue.totals, naive.totals);
    const over = acked + deadLettered + expired + dropped + purged;
    assert.equal(published, queue.ready + queue.delayed + queue.inFlight + over, 'published = ready + delayed + in flight + settled');
    assert.equal(published, queue.tail);
    const counts = { ready: 0, delayed: 0, 'in-flight': 0 };
    let sizeBytes = 0;
    for (const { state, size } of naive.all) {
      if (state === undefined) continue;
      counts[state]++;
      sizeBytes += size;
    }
    assert.deepEqual({ ready: queue.ready, delayed: queue.delayed, 'in-flight': queue.inFlight }, counts);
    assert.equal(queue.sizeBytes, sizeBytes);
  }

  checkLeases(): void {
    const { queue, naive } = this;
    const into = new Float64Array(100);
    const held = naive.in('in-flight');
    const over = held.filter((m) => m.untilMs <= this.nowMs);
    const ids = [...new Set(over.sort((x, y) => x.untilMs - y.untilMs || x.lease - y.lease).map((m) => m.lease))];
    assert.deepEqual([...into.subarray(0, queue.leaseEnds(this.nowMs, into))], ids.slice(0, 100), 'leaseEnds');
    for (const id of new Set([...ids, this.leases])) {
      const mine = held.filter((m) => m.lease === id).sort((x, y) => x.number - y.number);
      assert.deepEqual(
        numbersOf(queue.heldBy(id)),
        mine.map((m) => m.number),
        'heldBy',
      );
      const ended = mine.filter((m) => m.untilMs <= this.nowMs).map((m) => m.number);
      assert.deepEqual(numbersOf(queue.heldBy(id, this.nowMs)), ended, 'heldBy what has ended');
    }
    assert.deepEqual(
      numbersOf(queue.held()),
      held.map((m) => m.number).sort((x, y) => x - y),
    );
    assert.deepEqual(
      numbersOf(queue.waiting()),
      naive.in('ready').map((m) => m.number),
    );
  }

  checkAll(queue: Queue = this.queue): void {
    const { naive, nowMs } = this;
    const into = new Float64Array(naive.all.length + 1);
    const list = (count: number) => [...into.subarray(0, count)];
    const unsettled = naive.unsettled;
    assert.deepEqual(list(queue.heads(into.length, into)), naive.heads(), 'heads');
    assert.equal(queue.oldest, unsettled[0]?.number ?? queue.tail, 'oldest');
    assert.deepEqual(
      list(queue.browse(0, into.length, into)),
      unsettled.map((m) => m.number),
      'browse',
    );
    assert.deepEqual(list(queue.next(nowMs, into.length, into)), naive.next(nowMs), 'next');
    assert.deepEqual(list(queue.next(nowMs, 3, into)), naive.next(nowMs).slice(0, 3), 'next three');
    assert.deepEqual(
      list(queue.expired(nowMs, into.length, into)).sort((a, b) => a - b),
      naive.expired(nowMs),
      'expired',
    );
    assert.equal(queue.expired(nowMs, 2, into), Math.min(2, naive.expired(nowMs).length));
    assert.ok(queue.nextTimeMs() <= naive.nextTimeMs(), 'never late');
    for (let i = 0; i < 10; i++) queue.nextTimeMs();
    assert.equal(queue.nextTimeMs(), naive.nextTimeMs(), 'exact once all that is stale was cleared away');
    for (const m of naive.all) {
      if (queue.state(m.number) !== m.state) assert.equal(queue.state(m.number), m.state, `state of ${m.number}`);
      if (m.state === undefined) continue;
      const seen = [
        queue.position(m.number),
        queue.sizeOf(m.number),
        queue.attempts(m.number),
        queue.expiresMs(m.number),
        queue.leaseOf(m.number),
      ];
      assert.deepEqual(seen, [m.at, m.size, m.attempts, m.expiresMs, m.state === 'in-flight' ? m.lease : 0], `row ${m.number}`);
      assert.deepEqual(queue.deaths(m.number), m.deaths);
    }
  }

  checkSegments(live: Live = this.live): void {
    const counts = new Map<number, number>();
    for (const { at } of this.naive.unsettled) {
      const segment = Math.floor(at / SEGMENT_BYTES);
      counts.set(segment, (counts.get(segment) ?? 0) + 1);
    }
    const sorted = (map: Map<number, number>) => [...map].sort(([a], [b]) => a - b);
    assert.deepEqual(sorted(live.counts), sorted(counts), 'live counts per segment');
  }

  /** A copy by restating; it must be the same in every respect. */
  restored(): Queue {
    const live = new Live();
    const copy = new Queue(1, '/', this.queue.spec, live);
    for (const piece of this.queue.restate()) copy.restore(piece);
    assert.equal(copy.digest(), this.queue.digest(), 'digest after restoring');
    this.checkSegments(live);
    return copy;
  }
}

function numbersOf(runs: Float64Array): number[] {
  const numbers: number[] = [];
  for (let r = 0; r < runs.length; r += 2) for (let k = 0; k < (runs[r + 1] ?? 0); k++) numbers.push((runs[r] ?? 0) + k);
  return numbers;
}

for (const spec of SPECS) {
  test(`agrees with the naive queue: ${JSON.stringify(spec)}`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }), (steps) => {
        const trial = new Trial(spec);
        for (const one of steps) {
          trial.run(one);
          trial.checkCounts();
        }
        trial.checkAll();
        trial.checkLeases();
        trial.checkSegments();
        assert.equal(trial.twin.digest(), trial.queue.digest(), 'asking changed nothing');
        trial.checkAll(trial.twin);
        const copy = trial.restored();
        trial.checkAll(copy);
        // A copy goes on like the original.
        const after: Step[] = steps.slice(0, 20);
        const second = new Trial(spec);
        Object.assign(second, {
          queue: copy,
          naive: trial.naive,
          twin: trial.twin,
          nowMs: trial.nowMs,
          at: trial.at,
          leases: trial.leases,
        });
        for (const { at } of trial.naive.unsettled) second.live.add(Math.floor(at / SEGMENT_BYTES), 1);
        for (const one of after) if (one.kind !== 'leap' && one.kind !== 'carry') second.run(one);
        second.checkAll();
        assert.equal(trial.twin.digest(), copy.digest(), 'the same changes give the same state');
      }),
      // What fails is made smaller for half a minute at most.
      { numRuns: RUNS, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: true },
    );
  });
}
