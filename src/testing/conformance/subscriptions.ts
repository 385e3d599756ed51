/** Conformance of subscriptions to topics: alone and in groups, iterators and handlers, cursors, seeking, pausing. */

import assert from 'node:assert/strict';
import type { TopicSubscription } from '../../api/api.ts';
import { type Check, numbers, refused, type Trial } from './trial.ts';

const needs = ['topics'] as const;

/** The values of the next events. */
async function next(subscription: TopicSubscription, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push((await subscription.next())?.value);
  return values;
}

/** A topic of one partition with the numbers below `count` in it. */
async function filled(trial: Trial, count: number, partitions = 1) {
  const topic = await trial.box.declareTopic('t', { partitions });
  if (count > 0) await topic.publishMany(numbers(count), (i) => ({ partition: i % partitions }));
  return topic;
}

async function cursorsOf(trial: Trial, group: string): Promise<Record<number, number>> {
  const described = await trial.box.describe('group', group);
  return described?.kind === 'group' ? Object.fromEntries(described.cursors.map((cursor) => [cursor.partition, cursor.offset])) : {};
}

export const subscriptions: readonly Check[] = [
  {
    says: 'begins with the earliest, the latest, an offset or a time',
    needs: ['topics', 'seekByTime'],
    turns: true,
    run: async (trial) => {
      const topic = await filled(trial, 3);
      await trial.advance(1000);
      const time = new Date(trial.engine.nowMs());
      await topic.publish(3);
      const earliest = await topic.subscribe({ from: 'earliest' });
      const latest = await topic.subscribe();
      const at = await topic.subscribe({ from: { offset: 2 } });
      const since = await topic.subscribe({ from: { time } });
      await topic.publish(4);
      assert.deepEqual(await next(earliest, 5), numbers(5));
      assert.deepEqual(await next(latest, 1), [4]);
      assert.deepEqual(await next(at, 3), [2, 3, 4]);
      assert.deepEqual(await next(since, 2), [3, 4]);
      for (const subscription of [earliest, latest, at, since]) await subscription.stop();
    },
  },
  {
    says: 'hands over events with their place, time, key and value, each partition in order',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 3 });
      await topic.publishMany(numbers(30), (i) => ({ partition: i % 3, key: `k${i}`, headers: { i } }));
      const lines = new Map<number, unknown[]>();
      for await (const event of await topic.subscribe({ from: 'earliest' })) {
        const line = lines.get(event.partition) ?? [];
        lines.set(event.partition, line);
        assert.equal(event.offset, line.length);
        assert.equal(event.topic, 't');
        assert.ok(Math.abs(event.timestampMs - trial.engine.nowMs()) < 60_000);
        assert.equal(event.message.headers.get('i'), event.value);
        line.push(event.value);
        if ([...lines.values()].flat().length === 30) break;
      }
      for (const [partition, line] of lines)
        assert.deepEqual(
          line,
          numbers(10).map((n) => n * 3 + partition),
        );
    },
  },
  {
    says: 'reads only the partitions that are asked for',
    needs,
    run: async (trial) => {
      const topic = await filled(trial, 9, 3);
      const subscription = await topic.subscribe({ from: 'earliest', partitions: [1] });
      assert.deepEqual(await next(subscription, 3), [1, 4, 7]);
      assert.deepEqual(subscription.partitions, [1]);
      await subscription.stop();
      assert.equal(await subscription.next(), undefined);
    },
  },
  {
    says: 'ends by its signal',
    needs,
    run: async (trial) => {
      const topic = await filled(trial, 1);
      const stop = new AbortController();
      const subscription = await topic.subscribe({ signal: stop.signal });
      const waiting = subscription.next();
      stop.abort();
      await refused('aborted', '', () => waiting);
      await subscription.stop();
    },
  },
  {
    says: 'gives each event of a group to one member, and shares partitions out evenly',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 6 });
      const members = await Promise.all([1, 2, 3].map(() => topic.subscribe({ group: 'g', from: 'earliest' })));
      await trial.until('each has two', () => members.every((member) => member.partitions.length === 2));
      assert.deepEqual(members.flatMap((member) => member.partitions).toSorted(), numbers(6));
      await topic.publishMany(numbers(60), (i) => ({ partition: i % 6 }));
      const seen = await Promise.all(members.map((member) => next(member, 20)));
      assert.deepEqual(
        seen.flat().toSorted((a, b) => Number(a) - Number(b)),
        numbers(60),
      );
      for (const member of members) await member.stop();
    },
  },
  {
    says: 'gives every group all events',
    needs,
    run: async (trial) => {
      const topic = await filled(trial, 5);
      for (const group of ['a', 'b']) {
        const member = await topic.subscribe({ group, from: 'earliest' });
        assert.deepEqual(await next(member, 5), numbers(5));
        await member.stop();
      }
    },
  },
  {
    says: 'shares a group out anew when members come and go, without losing an event or its order',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 4 });
      const seen: { partition: number; value: unknown }[] = [];
      const join = () =>
        topic.subscribe(
          ({ partition, value }) => {
            seen.push({ partition, value });
          },
          { group: 'g', from: 'earliest' },
        );
      const first = await join();
      let sent = 0;
      const send = async (count: number) => {
        await topic.publishMany(numbers(count, sent), (i) => ({ partition: (sent + i) % 4 }));
        sent += count;
        await trial.until('all came', () => seen.length === sent);
      };
      await send(40);
      assert.equal(first.subscription.partitions.length, 4);
      const second = await join();
      await trial.until('both have two', () => [first, second].every((member) => member.subscription.partitions.length === 2));
      await send(40);
      const third = await join();
      await first.stop();
      await trial.until('the others have two', () => [third, second].every((member) => member.subscription.partitions.length === 2));
      await send(40);
      await second.stop();
      await trial.until('the last has all', () => third.subscription.partitions.length === 4);
      await send(40);
      await third.stop();
      for (const partition of numbers(4)) {
        const line = seen.filter((event) => event.partition === partition).map((event) => event.value);
        assert.deepEqual(
          line,
          numbers(40).map((n) => n * 4 + partition),
        );
      }
    },
  },
  {
    says: 'waits for a member to finish what it has before another takes over',
    needs,
    run: async (trial) => {
      const topic = await filled(trial, 10, 2);
      const slow = await topic.subscribe({ group: 'g', from: 'earliest' });
      const held = await slow.next();
      assert.ok(held);
      const quick = await topic.subscribe({ group: 'g', from: 'earliest' });
      await trial.settle();
      assert.deepEqual(
        quick.partitions.filter((partition) => partition === held.partition),
        [],
        'nobody else reads a partition while an event of it is being dealt with',
      );
      // Asking for the next one says that the held one is done; whatever is given away then begins behind it.
      void slow.next();
      await trial.until('the work is shared', () => slow.partitions.length === 1 && quick.partitions.length === 1);
      assert.deepEqual([...slow.partitions, ...quick.partitions].toSorted(), [0, 1]);
      if (quick.partitions[0] === held.partition) assert.equal((await quick.next())?.offset, held.offset + 1);
      await quick.stop();
      await slow.stop();
    },
  },
  {
    says: 'goes on where the group stands, also after it was opened again',
    needs: ['topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      const topic = await filled(trial, 10);
      const first = await topic.subscribe({ group: 'g', from: 'earliest' });
      assert.deepEqual(await next(first, 4), numbers(4));
      await first.stop();
      assert.deepEqual(await cursorsOf(trial, 'g'), { 0: 3 }, 'the last one was handed out, not dealt with');
      await trial.reopen('closed');
      const second = await trial.box.topic('t').subscribe({ group: 'g', from: 'earliest' });
      assert.deepEqual(await next(second, 3), [3, 4, 5]);
      await second.stop();
      await trial.reopen('crashed');
      const third = await trial.box.topic('t').subscribe({ group: 'g', from: 'latest' });
      assert.deepEqual(await next(third, 5), [5, 6, 7, 8, 9]);
      await third.stop();
    },
  },
  {
    says: 'begins a group where it is told to, and only where the group does not stand yet',
    needs: ['topics', 'seekByTime'],
    turns: true,
    run: async (trial) => {
      const topic = await filled(trial, 6);
      await trial.advance(1000);
      const time = new Date(trial.engine.nowMs());
      await topic.publish(6);
      for (const [group, from, expected] of [
        ['offset', { offset: 2 }, 2],
        ['time', { time }, 6],
        ['earliest', 'earliest', 0],
      ] as const) {
        const first = await topic.subscribe({ group, from });
        assert.deepEqual(await next(first, 1), [expected], group);
        await first.stop();
        const again = await topic.subscribe({ group, from: { offset: 5 } });
        assert.deepEqual(await next(again, 1), [expected], 'it stands where it stood');
        await again.stop();
      }
      const latest = await topic.subscribe({ group: 'latest' });
      await topic.publish(7);
      assert.deepEqual(await next(latest, 1), [7]);
      await latest.stop();
    },
  },
  {
    says: 'lets cursors be moved by hand while the group has no members',
    needs,
    run: async (trial) => {
      const topic = await filled(trial, 10);
      const { engine } = trial;
      const move = (at: number) => engine.moveCursors('g', [{ topic: 't', partition: 0, offset: at as never }]);
      await move(7);
      const member = await topic.subscribe({ group: 'g' });
      assert.deepEqual(await next(member, 1), [7]);
      await refused('exclusive', '"g"', () => move(2));
      await member.stop();
      await move(2);
      const again = await topic.subscribe({ group: 'g' });
      assert.deepEqual(await next(again, 1), [2]);
      await again.stop();
      await refused('out-of-range', '"t"', () => move(-2));
      await engine.moveCursors('g', [{ topic: 't', partition: 0, offset: 99 as never, note: 'far away' }]);
      const group = await trial.box.describe('group', 'g');
      assert.deepEqual(group?.kind === 'group' && group.cursors, [{ topic: 't', partition: 0, offset: 99, lag: 0, note: 'far away' }]);
      const beyond = await topic.subscribe({ group: 'g' });
      await topic.publish(10);
      assert.deepEqual(await next(beyond, 1), [10], 'it begins at what is there');
      await beyond.stop();
      await move(-1);
      const without = await trial.box.describe('group', 'g');
      assert.deepEqual(without?.kind === 'group' && without.cursors, []);
      await trial.box.remove('group', 'g');
      assert.equal(await trial.box.describe('group', 'g'), undefined);
    },
  },
];
