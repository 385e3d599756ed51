import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Uncommitted } from '../../src/core/uncommitted.ts';

/** Producer 0 publishes plainly; a step of another publishes so many, or ends. */
const steps = fc.array(
  fc.record({
    producer: fc.nat({ max: 4 }),
    does: fc.constantFrom('publish', 'publish', 'publish', 'commit', 'abort', 'trim'),
    count: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 60 },
);

/** The same, each offset by itself: who put it there, and what became of it. */
class Model {
  readonly offsets: { producer: number; is: 'plain' | 'open' | 'committed' | 'aborted' | 'mark' }[] = [];
  start = 0;

  publish(producer: number, count: number): void {
    for (let i = 0; i < count; i++) this.offsets.push({ producer, is: producer === 0 ? 'plain' : 'open' });
  }

  end(producer: number, how: 'committed' | 'aborted'): void {
    for (const one of this.offsets) if (one.producer === producer && one.is === 'open') one.is = how;
    this.offsets.push({ producer, is: 'mark' });
  }

  stable(): number {
    const first = this.offsets.findIndex(({ is }) => is === 'open');
    return first < 0 ? this.offsets.length : first;
  }
}

test('it knows of each offset what each offset knows of itself', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const uncommitted = new Uncommitted();
      const model = new Model();
      const open = new Set<number>();
      for (const { producer, does, count } of given) {
        const first = model.offsets.length;
        if (does === 'publish') {
          model.publish(producer, count);
          if (producer === 0) continue;
          uncommitted.add(producer, first, first + count);
          open.add(producer);
        } else if (does === 'trim') {
          model.start = Math.max(model.start, Math.min(model.stable(), model.start + count * 3));
          uncommitted.trim(model.start);
        } else if (open.delete(producer)) {
          model.end(producer, does === 'commit' ? 'committed' : 'aborted');
          uncommitted.end(producer, first, does);
        }
        assert.equal(uncommitted.stable(model.offsets.length), model.stable());
      }
      for (let at = model.start; at < model.offsets.length; at++)
        assert.equal(uncommitted.isAborted(at), model.offsets[at]?.is === 'aborted', `offset ${at}`);
      checkLists(uncommitted, model);
    }),
  );
});

/** By the list for any range a reader tells what was aborted in it, as those do who get the marks. */
function checkLists(uncommitted: Uncommitted, { offsets, start }: Model): void {
  const end = uncommitted.stable(offsets.length);
  for (let from = start; from < end; from += 3) {
    for (const before of [from + 1, from + 4, end]) {
      const waiting = uncommitted.abortedIn(from, before);
      const under = new Set<number>();
      for (let at = from; at < Math.min(before, end); at++) {
        for (const part of waiting) if (part.first <= at && part.mark > at) under.add(part.producer);
        const one = offsets[at];
        if (one?.is === 'mark') under.delete(one.producer);
        else assert.equal(one !== undefined && under.has(one.producer), one?.is === 'aborted', `offset ${at} of ${from} to ${before}`);
      }
    }
  }
}

test('restated in pieces it is the same', () => {
  const one = new Uncommitted();
  for (let at = 0; at < 40; at += 4) {
    one.add(1, at, at + 1);
    one.add(2, at + 1, at + 2);
    one.add(3, at + 2, at + 3);
    if (at % 8 === 0) one.end(2, at + 3, 'abort');
  }
  const other = new Uncommitted();
  other.restore(one.aborted.slice(0, 2), one.abortedRuns.slice(0, 4));
  other.restore(one.aborted.slice(2), one.abortedRuns.slice(4));
  for (const [producer, runs] of one.open) for (let i = 0; i < runs.length; i += 2) other.add(producer, runs[i] ?? 0, runs[i + 1] ?? 0);
  assert.deepEqual([other.aborted, other.abortedRuns, [...other.open]], [one.aborted, one.abortedRuns, [...one.open]]);
  assert.deepEqual([one.firstOf(1), one.firstOf(9), one.stable(40)], [0, undefined, 0]);
});
