import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { position, SEGMENT_BYTES, segmentOf } from '../../../src/model/lines.ts';
import { FOREVER, fill, Live, nextOf, one, push, queueOf, run } from './queue-of.ts';

test('a long-delayed message stays while its chunk shrinks around it', () => {
  const live = new Live();
  const queue = queueOf({}, live);
  push(queue, { dueMs: 1e6 });
  for (let i = 0; i < 20; i++) {
    const first = fill(queue, 3000);
    queue.lease(run(first, 3000), i + 1, FOREVER);
    queue.settle(run(first, 2990), 'acked');
  }
  assert.deepEqual([queue.delayed, queue.inFlight, queue.oldest], [1, 200, 0]);
  assert.deepEqual([...queue.held()].slice(0, 4), [2991, 10, 5991, 10]);
  queue.settle(one(2993, 5991), 'acked');
  queue.back(run(0, 60_001), 0, 'failed');
  queue.due(1e6);
  assert.deepEqual(nextOf(queue, 0, 6), [0, 2991, 2992, 2994, 2995, 2996]);
  assert.equal(queue.settle(run(0, 100_000), 'purged'), 199);
  assert.equal(queue.oldest, queue.tail);
  assert.equal(live.counts.size, 0);
});

test('a chunk that is full to the last place and then settled is given back once', () => {
  for (const left of [0, 1]) {
    const queue = queueOf();
    const other = queueOf();
    fill(queue, 4096);
    queue.settle(run(left, 4096 - left), 'acked');
    // Were it given back twice, two chunks would share its rows from here on.
    for (let i = 0; i < 3; i++) {
      fill(queue, 4096, position(1, 0));
      fill(other, 4096, position(2, 0));
    }
    for (let n = 4096; n < 4 * 4096; n += 4095) assert.equal(segmentOf(queue.position(n)), 1);
    for (let n = 0; n < 3 * 4096; n += 4095) assert.equal(segmentOf(other.position(n)), 2);
    assert.equal(queue.ready, left + 3 * 4096);
    queue.settle(run(0, queue.tail), 'purged');
    other.settle(run(0, other.tail), 'purged');
  }
});

test('a long queue that drains from the front keeps its numbers, whatever was cut off before them', () => {
  const queue = queueOf();
  for (let i = 0; i < 150; i++) fill(queue, 4096, position(i, 0));
  for (const first of [0, 20, 70, 100, 139]) {
    queue.settle(run(0, first * 4096 + 5), 'acked');
    assert.equal(queue.oldest, first * 4096 + 5);
    assert.deepEqual(nextOf(queue, 0, 2), [first * 4096 + 5, first * 4096 + 6]);
    for (let i = first + 1; i < 150; i++) assert.equal(queue.position(i * 4096 + 3), position(i, 300));
  }
  assert.equal(fill(queue, 1, position(200, 0)), 150 * 4096);
  assert.equal(queue.position(150 * 4096), position(200, 0));
});

test('a run may cross into the next segment and the next chunk', () => {
  const live = new Live();
  const queue = queueOf({}, live);
  fill(queue, 5000, position(4, SEGMENT_BYTES - 300_000));
  assert.deepEqual(
    [...live.counts],
    [
      [4, 3000],
      [5, 2000],
    ],
  );
  assert.equal(live.calls, 2);
  assert.deepEqual([queue.position(2999), queue.position(3000)], [position(4, SEGMENT_BYTES - 100), position(5, 0)]);
  queue.settle(run(2990, 20), 'acked');
  assert.deepEqual([live.counts.get(4), live.counts.get(5)], [2990, 1990]);
});

test('carried forward: the bytes stand elsewhere, and the old segment is let go', () => {
  const live = new Live();
  const queue = queueOf({}, live);
  for (let s = 0; s < 5; s++) fill(queue, 1000, position(s, 0));
  queue.settle(run(10, 980), 'acked');
  const found: number[] = [];
  queue.inSegment(0, (number) => {
    found.push(number);
    assert.equal(queue.relocate(number, position(9, number)), position(0, number * 100));
  });
  assert.deepEqual(found, [...Array(10).keys(), ...Array.from({ length: 10 }, (_, i) => 990 + i)]);
  assert.equal(live.counts.has(0), false);
  assert.equal(live.counts.get(9), 20);
  assert.deepEqual([queue.position(990), queue.position(1000)], [position(9, 990), position(1, 0)]);
  queue.inSegment(0, () => assert.fail('nothing is left there'));
  for (const segment of [1, 3, 4, 1]) {
    const others: number[] = [];
    queue.inSegment(segment, (number) => others.push(number));
    assert.deepEqual([others.length, others[0]], [1000, segment * 1000]);
  }
});

test('segments are told apart over the whole line, as long as those that live span fewer than 65,536', () => {
  const queue = queueOf();
  const segments = [0, 65_535, 65_536 + 65_534, 1_000_000, 1_000_000 + 65_535, 2 ** 27 - 1];
  for (const segment of segments) {
    const number = push(queue);
    const to = position(segment, 5 + number);
    // What lived before lives no longer: the journal holds on to fewer segments than that.
    queue.settle(run(0, number - 1), 'acked');
    if (number > 0 && segment - segmentOf(queue.position(number - 1)) >= 65_536) queue.settle(one(number - 1), 'acked');
    queue.relocate(number, to);
    for (const n of [number - 1, number]) {
      if (queue.state(n) === undefined) continue;
      assert.equal(segmentOf(queue.position(n)), segments[n], `message ${n}`);
    }
  }
});

test('an old message carried along for ever keeps its chunk right', () => {
  const queue = queueOf();
  push(queue, { dueMs: 1e9 });
  for (let segment = 0; segment < 400_000; segment += 30_000) {
    const n = fill(queue, 1, position(segment, 7));
    queue.settle(one(n), 'acked');
    queue.relocate(0, position(segment + 1, 3));
    assert.equal(queue.position(0), position(segment + 1, 3));
  }
});

test('memory: under 16 bytes a waiting message, and little for what is scattered or gone', () => {
  const code = `
    const { Queue } = await import(${JSON.stringify(new URL('../../../src/core/queue/queue.ts', import.meta.url).href)});
    const used = () => { gc(); gc(); const { rss, heapUsed, arrayBuffers } = process.memoryUsage(); return { rss, held: heapUsed + arrayBuffers }; };
    const N = 2_000_000;
    const ends = Uint32Array.from({ length: 100 }, (_, i) => (i + 1) * 256);
    const queue = new Queue(1, '/', { kind: 'queue', name: 'q' });
    const before = used();
    for (let i = 0; i < N; i += 100) queue.pushRun(i * 256, 0, ends, 100, 0);
    const full = used();
    for (let n = 0; n < N; n += 4096) queue.settle(Float64Array.of(n + 1, 4095), 'acked');
    const sparse = used();
    const left = queue.ready;
    queue.settle(Float64Array.of(0, N), 'acked');
    const small = [];
    const empty = used();
    for (let i = 0; i < 2000; i++) small.push(new Queue(i, '/', { kind: 'queue', name: 'q' }));
    for (const q of small) for (let i = 0; i < 20; i++) q.pushRun(0, 0, ends, 1, 0);
    const many = used();
    const busy = [];
    for (let i = 0; i < 300; i++) busy.push(new Queue(i, '/', { kind: 'queue', name: 'q' }));
    for (const q of busy) for (let n = 0; n < 300; n++) { q.pushRun(0, 0, ends, 1, 0); q.settle(Float64Array.of(n, 1), 'acked'); }
    const idle = used();
    console.log(JSON.stringify({
      resident: (full.rss - before.rss) / N, held: (full.held - before.held) / N, left,
      sparse: (sparse.held - before.held) / left, gone: empty.held - before.held, small: (many.held - empty.held) / small.length, idle: (idle.held - many.held) / busy.length,
    }));`;
  const answer = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', code], { encoding: 'utf8' });
  const { resident, held, left, sparse, gone, small, idle } = JSON.parse(answer) as Record<string, number>;
  assert.ok((held ?? 99) < 12, `${held} bytes held a message`);
  assert.ok((resident ?? 99) < 16, `${resident} bytes resident a message`);
  assert.equal(left, 489);
  // 64 spare chunks wait to be used again.
  assert.ok((sparse ?? 1e9) < 12_000, `${sparse} bytes for each chunk with one message left, spare chunks included`);
  assert.ok((gone ?? 1e9) < 6_000_000, `${gone} bytes after all are gone`);
  assert.ok((small ?? 1e9) < 6000, `${small} bytes for a queue of 20 messages`);
  assert.ok((idle ?? 1e9) < 6000, `${idle} bytes for a queue that ran empty again and again`);
});
