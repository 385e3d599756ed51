/** Defects that need two threads and bad luck: looked for in every order of their steps, in our code as it is and in ports of the faulty ways. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { Ring } from '../../../src/events/ring.ts';
import { type Exploration, explore, type Program, runAlone } from '../explore.ts';
import { type Actor, exploreFlow, type FlowScene, type Log } from '../flow.ts';
import { loadStepwise } from '../stepwise.ts';
import { absent } from './face.ts';
import {
  append,
  dequeue,
  emptyChain,
  enqueue,
  gather,
  handOver,
  insertAndGrow,
  look,
  raiseFlag,
  runList,
  smallTable,
  waitForFlag,
} from './racing.ts';

type Explore = () => Promise<Exploration>;

/** Every order of steps of ours comes to a good end, and some order of the faulty one does not. */
function absentInEveryOrder(title: string, ours: Explore, faulty: Explore): void {
  absent<Explore>(title, {
    ours: () => ours,
    faulty: () => faulty,
    check: async (exploration) => assert.equal((await exploration()).fault, undefined),
  });
}

/** Orders in which threads are stopped twice though they could go on: more than any of the faulty ones needs. */
const flow =
  (scene: FlowScene): Explore =>
  () =>
    exploreFlow(scene, { switches: 2 });

/** Each of the callbacks ran once. */
function each(ran: readonly number[], callbacks: readonly number[]): string | undefined {
  const wrong = callbacks.filter((what) => ran.filter((one) => one === what).length !== 1);
  return wrong.length === 0 && ran.length === callbacks.length ? undefined : `callbacks ${callbacks}: ${ran} ran`;
}

interface StepPark {
  enter(): Program;
  sleep(key: number, timeoutMs: number): Program;
  wakeAll(): Program;
}

const CLOSED = 8;

async function closeOurs(): Promise<Exploration> {
  const { Park } = (await loadStepwise(['park.ts'])) as { Park: new (words: Int32Array, signal: number, tokens: number) => StepPark };
  return explore(() => {
    const words = new Int32Array(16);
    /** As a thread that has nothing to do rests. */
    function* rest(): Program {
      const park = new Park(words, 0, 1);
      for (;;) {
        const key = (yield* park.enter()) as number;
        if ((yield { kind: 'load', words, at: CLOSED, values: [] }) !== 0) return undefined;
        yield* park.sleep(key, Number.POSITIVE_INFINITY);
      }
    }
    function* close(): Program {
      yield { kind: 'store', words, at: CLOSED, values: [1] };
      return yield* new Park(words, 0, 1).wakeAll();
    }
    return { words, threads: [rest(), rest(), close()], check: () => undefined };
  });
}

async function closeFaulty(): Promise<Exploration> {
  return explore(() => {
    const words = new Int32Array(16);
    return { words, threads: [waitForFlag(words), raiseFlag(words)], check: () => undefined };
  });
}

const ID = 5;

function* registerBoth(actor: Actor): Program {
  yield* actor.register(ID, 1);
  yield* actor.add(ID);
  yield* actor.hintAgain(ID);
  return undefined;
}

const REGISTER_TWO: FlowScene = {
  before: (actor) => actor.add(ID),
  threads: [(actor) => actor.register(ID, 1), (actor) => actor.register(ID, 2)],
  check: (_results, { ran }) => each(ran, [1, 2]),
};

const PROCESS_TWICE: FlowScene = {
  before: registerBoth,
  threads: [(actor) => actor.process(1), (actor) => actor.process(1)],
  check: (_results, { ran }) => each(ran, [1]),
};

const LOOK_AND_INSERT: FlowScene = {
  before: function* (actor) {
    yield* actor.register(ID, 1);
    yield* actor.add(ID);
    return undefined;
  },
  threads: [
    (actor) => actor.process(1),
    function* (actor) {
      yield* actor.register(ID + 1, 2);
      yield* actor.add(ID + 1);
      return undefined;
    },
  ],
  check: (_results, { ran }) => each(ran, [1, 2]),
};

const GATHER_AND_FLUSH: FlowScene = {
  batch: 2,
  threads: [
    function* (actor) {
      yield* actor.add(ID);
      yield* actor.add(ID + 1);
      return yield* actor.flush();
    },
    function* (actor) {
      yield* actor.add(ID + 2);
      return yield* actor.flush();
    },
  ],
  check: (_results, { events }: Log) => (events.length === 3 ? undefined : `${events.length} of 3 events were processed`),
};

interface StepRing {
  push(number: number): Program;
  pop(intent: number): Program;
}

const PLACE = { at: 0, bits: 2 };

/** Threads over one ring that holds `before`. `taken`: what they have taken, in all. */
async function withRing(
  before: readonly number[],
  threads: (ring: StepRing, taken: number[]) => Program[],
  check: (taken: readonly number[], results: readonly unknown[]) => string | undefined,
  mortals: readonly number[] = [],
): Promise<Exploration> {
  const { Ring: Stepwise } = (await loadStepwise(['ring.ts'])) as { Ring: new (words: Int32Array, place: object) => StepRing };
  return explore(() => {
    const words = new Int32Array(128);
    const real = new Ring(words, PLACE);
    for (const number of before) real.push(number);
    const taken: number[] = [];
    return {
      words,
      mortals,
      threads: threads(new Stepwise(words, PLACE), taken),
      check: (results) => {
        for (let left = real.pop(127); left !== 0 && taken.length < 9; left = real.pop(127)) taken.push(left);
        return check(taken, results);
      },
    };
  });
}

async function withChain(
  before: readonly number[],
  threads: (words: Int32Array, taken: number[]) => Program[],
  check: (taken: readonly number[], results: readonly unknown[]) => string | undefined,
  mortals: readonly number[] = [],
): Promise<Exploration> {
  return explore(() => {
    const words = new Int32Array(16);
    emptyChain(words);
    for (const number of before) runAlone(enqueue(words, number));
    const taken: number[] = [];
    return {
      words,
      mortals,
      threads: threads(words, taken),
      check: (results) => {
        for (let left = runAlone(dequeue(words)) as number; left !== 0 && taken.length < 9; left = runAlone(dequeue(words)) as number)
          taken.push(left);
        return check(taken, results);
      },
    };
  });
}

const TWO = [1, 2];
const everyOne = (taken: readonly number[]): string | undefined => each(taken, TWO);
/** What a living thread has put in can be taken, wherever the other died. */
const livingComes = (taken: readonly number[], results: readonly unknown[]): string | undefined =>
  results[1] === undefined || taken.includes(2) ? undefined : `2 was put in, and only ${taken} came out`;

describe('defects of threads that meet', () => {
  absentInEveryOrder('12: a thread that is just falling asleep misses the end, and sleeps for ever', closeOurs, closeFaulty);

  absentInEveryOrder('13: of two callbacks registered at once one is lost', flow(REGISTER_TWO), async () =>
    explore(() => {
      const words = new Int32Array(16);
      const ran: number[] = [];
      const check = (): string | undefined => {
        runAlone(runList(words, ran));
        return each(ran, [1, 2]);
      };
      return { words, threads: [append(words, 1), append(words, 2)], check };
    }),
  );

  absentInEveryOrder('13: two threads run the callbacks of one event', flow(PROCESS_TWICE), async () =>
    explore(() => {
      const words = new Int32Array(16);
      const ran: number[] = [];
      runAlone(append(words, 1));
      return { words, threads: [runList(words, ran), runList(words, ran)], check: () => each(ran, [1]) };
    }),
  );

  absentInEveryOrder(
    '14: an event is looked for while the map of events grows, and its callbacks are missed',
    flow(LOOK_AND_INSERT),
    async () =>
      explore(() => {
        const words = new Int32Array(16);
        smallTable(words, ID);
        function* process(): Program {
          return yield* look(words, ID);
        }
        return {
          words,
          threads: [process(), insertAndGrow(words, ID + 1)],
          check: ([found]) => (found === true ? undefined : 'the event was not found, and its callback did not run'),
        };
      }),
  );

  absentInEveryOrder(
    '15: two threads take one event from the line',
    () => {
      const take = function* (ring: StepRing, taken: number[], intent: number): Program {
        const number = (yield* ring.pop(intent)) as number;
        if (number !== 0) taken.push(number);
        return number;
      };
      return withRing(TWO, (ring, taken) => [take(ring, taken, 100), take(ring, taken, 101)], everyOne);
    },
    () => {
      const take = function* (words: Int32Array, taken: number[]): Program {
        const number = yield* dequeue(words);
        if (number !== 0) taken.push(number);
        return number;
      };
      return withChain(TWO, (words, taken) => [take(words, taken), take(words, taken)], everyOne);
    },
  );

  absentInEveryOrder(
    '16: a thread that stops while it adds hides all that others add after it',
    () => {
      const put = function* (ring: StepRing, number: number): Program {
        yield* ring.push(number);
        return number;
      };
      return withRing([], (ring) => [put(ring, 1), put(ring, 2)], livingComes, [0]);
    },
    () => withChain([], (words) => [enqueue(words, 1), enqueue(words, 2)], livingComes, [0]),
  );

  absentInEveryOrder('17: a batch is handed over by two threads at once, twice or never', flow(GATHER_AND_FLUSH), async () =>
    explore(() => {
      const words = new Int32Array(16);
      const handedOver: number[] = [];
      function* first(): Program {
        yield* gather(words, 1, handedOver);
        return yield* gather(words, 2, handedOver);
      }
      const check = (): string | undefined => {
        runAlone(handOver(words, handedOver));
        return each(handedOver, TWO);
      };
      return { words, threads: [first(), handOver(words, handedOver)], check };
    }),
  );
});
