/** What runs under stress have found, each as the one order of steps that shows it: two members of a queue take turns on one thread. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Callback, QueueOptions } from '../../../src/events/events.ts';
import { createMemory, type Member, openMember } from '../../../src/events/member.ts';
import { ROLE_TURNING } from '../../../src/events/post.ts';
import { settingsOf } from '../../../src/events/settings.ts';
import { joinThreads, OPENED, PROCESSED, SETTLED } from '../../../src/events/thread.ts';
import { threadClock } from '../../../src/host/thread-clock.ts';

function twoMembers(options: QueueOptions): [Member, Member] {
  const settings = settingsOf(options);
  const memory = createMemory(settings);
  const open = (): Member =>
    openMember(memory, settings, threadClock(), joinThreads(memory, 0, ROLE_TURNING), { report: () => {}, queue: () => undefined });
  return [open(), open()];
}

/** Registers a closure of `home`, for one event. */
function once(home: Member, id: number, call: Callback): { answer: string; dispose: () => boolean } {
  const what = home.locals.add(call, {});
  const place = home.registering.register(id, { home: home.thread.me, epoch: home.thread.epoch, what, priority: 0, entry: 0 });
  return { answer: place.answer, dispose: () => home.registering.dispose(place) };
}

function counts({ thread }: Member): { opened: number; settled: number; processed: number } {
  return { opened: thread.sum(OPENED), settled: thread.sum(SETTLED), processed: thread.sum(PROCESSED) };
}

describe('found under stress', () => {
  test('a thread asked to take part in an event that has ended since does not end it again', () => {
    const [first, second] = twoMembers({ order: 'parallel', capacity: 10 });
    const ran: string[] = [];
    once(first, 1, () => void ran.push('first'));
    const registration = once(second, 1, () => void ran.push('second'));
    first.adding.add({ id: 1, type: 't' }, 0, []);
    const record = first.claiming.next();
    first.pass.run(record, false, undefined);
    assert.equal(second.post.next(), record, 'the second is not asked');
    assert.equal(registration.dispose(), true);
    // Nothing is left to run, so the first ends the event before the second has come to it.
    first.pass.run(record, false, undefined);
    assert.deepEqual(counts(first), { opened: 1, settled: 1, processed: 1 });
    second.pass.run(record, true, undefined);
    assert.deepEqual(counts(first), { opened: 1, settled: 1, processed: 1 });
    assert.deepEqual(ran, ['first']);
  });

  for (const order of ['priority', 'parallel'] as const) {
    test(`a callback registered just when none is left to be run is not passed over (${order})`, () => {
      const [first, second] = twoMembers({ order, capacity: 10 });
      let ran = 0;
      let answer = '';
      const { registry } = first;
      const hasChanged = registry.hasChanged.bind(registry);
      // Asked after the last look for a callback to run, and before the list is closed.
      registry.hasChanged = () => {
        if (answer === '') answer = once(second, 1, () => void ran++).answer;
        return hasChanged();
      };
      first.adding.add({ id: 1, type: 't' }, 0, []);
      first.pass.run(first.claiming.next(), false, undefined);
      const handed = second.post.next();
      assert.notEqual(handed, 0, 'the event is not handed to where its callback is');
      second.pass.run(handed, true, undefined);
      assert.deepEqual({ answer, ran }, { answer: 'pending', ran: 1 });
      assert.deepEqual(counts(first), { opened: 1, settled: 1, processed: 1 });
    });
  }
});
