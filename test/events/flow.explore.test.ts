/** The way of an event in every order: added once, claimed once, each callback run once, also when registered late, also with a death at any step. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Program, switchesOf } from './explore.ts';
import { type Actor, exploreFlow, type FlowScene, type Log } from './flow.ts';
import type { Mutant } from './stepwise.ts';

const ID = 5;
/** All orders in which threads are stopped no more often: `npm run test:explore` goes deeper. */
const LIMITS = { switches: switchesOf(2) };
/** A death is one more thing that may come in between anywhere. */
const DEATH_LIMITS = { switches: switchesOf(1) };

function times(what: number, { ran }: Log): number {
  return ran.filter((one) => one === what).length;
}

/** A callback ran once, but not if its event is still to come, or was over. */
function ranAsAnswered(answer: unknown, what: number, log: Log): string | undefined {
  const expected = answer === 'waiting' || answer === 'expired' ? [0, 1] : [1];
  return expected.includes(times(what, log)) ? undefined : `callback ${what}, ${answer}, ran ${times(what, log)} times`;
}

const add: (actor: Actor) => Program = (actor) => actor.add(ID);
const process: (actor: Actor) => Program = (actor) => actor.process(1);
const register =
  (what: number) =>
  (actor: Actor): Program =>
    actor.register(ID, what);

const addAndRegister = function* (actor: Actor): Program {
  yield* actor.add(ID);
  return yield* actor.register(ID, 1);
};

const SCENES: Record<string, FlowScene> = {
  'a callback is registered while its event is processed': {
    before: add,
    threads: [register(1), process],
    check: ([answer], log) => ranAsAnswered(answer, 1, log),
  },
  '… and nothing is retained': {
    before: add,
    retain: 0,
    threads: [register(1), process],
    check: ([answer], log) => ranAsAnswered(answer, 1, log),
  },
  'who has added an event registers a callback for it while it is processed': {
    threads: [addAndRegister, process],
    check: ([answer], log) => ranAsAnswered(answer, 1, log),
  },
  'who has added an event registers a callback for it, nothing is retained, and another adds the same id': {
    retain: 0,
    threads: [addAndRegister, process, add],
    check: ([answer], log) => ranAsAnswered(answer, 1, log),
  },
  'two threads process one event': {
    before: function* (actor) {
      yield* actor.register(ID, 1);
      yield* actor.add(ID);
      yield* actor.hintAgain(ID);
      return undefined;
    },
    threads: [process, process],
    check: (_answers, log) =>
      times(1, log) === 1 && log.events.length === 1 ? undefined : `${log.ran} ran in ${log.events.length} events`,
  },
  'two threads add one id': {
    threads: [add, add],
    check: ([first, second], log) =>
      [first, second].sort().join() === 'accepted,duplicate' && log.events.length === 1
        ? undefined
        : `${first}, ${second}: ${log.events.length} events`,
  },
  'an event is added while a callback is registered for it': {
    threads: [add, register(1)],
    check: (_answers, log) => (times(1, log) === 1 && log.events.length === 1 ? undefined : `callback 1 ran ${times(1, log)} times`),
  },
  'a callback is disposed of while its event is added': {
    threads: [add, (actor) => actor.registerAndDispose(ID, 1)],
    check: ([, disposed], log) =>
      times(1, log) === (disposed === true ? 0 : 1) ? undefined : `disposed ${disposed}, ran ${times(1, log)} times`,
  },
  'a callback is disposed of while its event is processed': {
    before: add,
    threads: [(actor) => actor.registerAndDispose(ID, 1), process],
    check: ([disposed], log) =>
      times(1, log) === (disposed === true ? 0 : 1) ? undefined : `disposed ${disposed}, ran ${times(1, log)} times`,
  },
  'a callback is registered for an id to come while another is disposed of': {
    threads: [register(1), (actor) => actor.registerAndDispose(ID, 2)],
    after: add,
    check: (_answers, log) => (times(1, log) === 1 && times(2, log) === 0 ? undefined : `${log.ran} ran`),
  },
  'a finished id is added again while a callback is registered for it': {
    before: function* (actor) {
      yield* actor.add(ID);
      yield* actor.process(1);
      return undefined;
    },
    threads: [add, register(1)],
    check: (_answers, log) => (times(1, log) === 1 ? undefined : `ran ${times(1, log)} times in ${log.events.length} events`),
  },
  'three threads: a callback is registered while two process': {
    before: function* (actor) {
      yield* actor.add(ID);
      yield* actor.hintAgain(ID);
      return undefined;
    },
    threads: [register(1), process, process],
    check: ([answer], log) => ranAsAnswered(answer, 1, log),
  },
  'three threads: an event is added, registered for and processed': {
    threads: [add, register(1), process],
    check: (_answers, log) => (times(1, log) === 1 && log.events.length >= 1 ? undefined : `callback 1 ran ${times(1, log)} times`),
  },
  'three threads: two register for an event that is processed': {
    before: add,
    threads: [register(1), register(2), process],
    check: ([first, second], log) => ranAsAnswered(first, 1, log) ?? ranAsAnswered(second, 2, log),
  },
  'three threads: one id is added by two and processed': {
    threads: [add, add, process],
    check: ([first, second], log) => {
      const accepted = [first, second].filter((answer) => answer === 'accepted').length;
      return accepted >= 1 && log.events.length === accepted ? undefined : `${first}, ${second}: ${log.events.length} events`;
    },
  },
};

/** What a dead thread leaves behind: a callback begun may be repeated, one not yet registered may be missing. */
const DEATHS: Record<string, FlowScene> = {
  'who registers': {
    before: add,
    threads: [register(1), process],
    mortals: [0],
    check: ([answer], log) =>
      times(1, log) <= 1 && (answer === undefined || ranAsAnswered(answer, 1, log) === undefined) ? undefined : `${answer}: ${log.ran}`,
  },
  'who processes': {
    before: function* (actor) {
      yield* actor.register(ID, 1);
      yield* actor.add(ID);
      return undefined;
    },
    threads: [process],
    mortals: [0],
    check: (_answers, log) => ([1, 2].includes(times(1, log)) ? undefined : `callback 1 ran ${times(1, log)} times`),
  },
  'who adds': {
    threads: [add, add],
    mortals: [0],
    check: ([dead, living], log) =>
      log.events.length === 1 && (living === 'accepted' || living === 'duplicate')
        ? undefined
        : `${dead}, ${living}: ${log.events.length} events`,
  },
  'who adds to a registration': {
    before: register(1),
    threads: [add],
    mortals: [0],
    check: (_answers, log) =>
      times(1, log) <= 1 && times(1, log) === log.events.length ? undefined : `${log.ran} ran in ${log.events.length} events`,
  },
  'who registers late': {
    before: function* (actor) {
      yield* actor.add(ID);
      yield* actor.process(1);
      return undefined;
    },
    threads: [register(1)],
    mortals: [0],
    check: (_answers, log) => (times(1, log) <= 1 ? undefined : `callback 1 ran ${times(1, log)} times`),
  },
};

describe('the way of an event in every order', () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    for (const nodesOnly of [false, true]) {
      test(nodesOnly ? `${name}, callbacks being nodes` : name, async () => {
        const { fault, states } = await exploreFlow({ ...scene, nodesOnly }, LIMITS);
        assert.equal(fault, undefined);
        assert.ok(states > 100, `${states} states`);
      });
    }
  }
});

describe('a thread dies at any step and is recovered', () => {
  for (const [name, scene] of Object.entries(DEATHS)) {
    for (const nodesOnly of [false, true]) {
      test(nodesOnly ? `${name}, callbacks being nodes` : name, async () => {
        assert.equal((await exploreFlow({ ...scene, nodesOnly }, DEATH_LIMITS)).fault, undefined);
      });
    }
  }
});

const PROCESSED_TWICE = 'two threads process one event';
const WHILE_PROCESSED = 'a callback is registered while its event is processed';

describe('planted mutants of the way are found', () => {
  const mutants: Record<string, { scene: string; mutant: Mutant }> = {
    'an event is claimed without comparing': {
      scene: PROCESSED_TWICE,
      mutant: {
        file: 'claiming.ts',
        from: 'const seen = Atomics.compareExchange(words, at, word, this.#run | restOf(word));',
        to: 'Atomics.store(words, at, this.#run | restOf(word)); const seen = word;',
      },
    },
    'a list is closed without comparing': {
      scene: WHILE_PROCESSED,
      mutant: {
        file: 'list.ts',
        from: 'const seen = Atomics.compareExchange(this.#words, this.#endOf(record, last), empty, closedEnd(stamp));',
        to: 'Atomics.store(this.#words, this.#endOf(record, last), closedEnd(stamp)); const seen = empty;',
      },
    },
    'a callback is put into a slot without comparing': {
      scene: 'three threads: two register for an event that is processed',
      mutant: {
        file: 'list.ts',
        from: 'const found = Atomics.compareExchange(words, first + slot, seen, word);',
        to: 'Atomics.store(words, first + slot, word); const found = seen;',
      },
    },
    'a callback in a slot is disposed of without comparing': {
      scene: 'a callback is disposed of while its event is processed',
      mutant: {
        file: 'registering.ts',
        from: 'if (Atomics.compareExchange(words, at, word, inState(word, SLOT_GONE)) !== word) return false;',
        to: 'Atomics.store(words, at, inState(word, SLOT_GONE));',
      },
    },
    'a list is closed before the event is said to be finishing': {
      scene: WHILE_PROCESSED,
      mutant: { file: 'settle.ts', from: '    words[at + LIFE] = finishing;\n    const closed', to: '    const closed' },
    },
    'an event whose list was opened does not go on': {
      scene: WHILE_PROCESSED,
      mutant: { file: 'registering.ts', from: 'if (!this.#settler.beginAgain(record, word)) continue;', to: '' },
    },
    'a record without event is taken for one with a payload elsewhere': {
      scene: 'a callback is disposed of while its event is added',
      mutant: { file: 'settle.ts', from: 'kindOf(word) === WAITING ? record : restOf(word)', to: 'restOf(word)' },
    },
    'the list is not closed before an empty record is retired': {
      scene: 'a callback is registered for an id to come while another is disposed of',
      mutant: { file: 'registering.ts', from: 'if (lists.close(record, stamp, last)) this', to: 'if (last >= 0) this' },
    },
    'an intention is overwritten word by word': {
      scene: 'who processes',
      mutant: {
        file: 'thread.ts',
        from: '    words[block + OP] = OP_NONE;\n    words[block + OP + 1] = a;',
        to: '    words[block + OP + 1] = a;',
      },
    },
    'a hint that was being taken is not sent again': {
      scene: 'who processes',
      mutant: { file: 'recovery.ts', from: 'if (kind === PENDING) resumed.push(popping);', to: 'if (kind === PENDING) {}' },
    },
    'an event that was being processed is not sent again': {
      scene: 'who processes',
      mutant: { file: 'recovery.ts', from: 'if (taken) resumed.push(record);', to: '' },
    },
    'an event that was being added is not looked after': {
      scene: 'who adds',
      mutant: { file: 'undo.ts', from: 'if (b === 0) finishAdd(member, dead, block, a, count);', to: 'if (b === 0) {}' },
    },
    'who opened a list and died is not looked after': {
      scene: 'who registers late',
      mutant: { file: 'undo.ts', from: 'finishRegister(member, dead, a, b, count);', to: '' },
    },
  };
  for (const [name, { scene, mutant }] of Object.entries(mutants)) {
    test(name, async () => {
      const found = SCENES[scene] ?? DEATHS[scene];
      assert.ok(found !== undefined, `there is no scene "${scene}"`);
      assert.notEqual((await exploreFlow({ ...found, mutants: [mutant] }, LIMITS)).fault, undefined);
    });
  }
});
