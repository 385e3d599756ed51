/** What is compared with what: each counterpart with the ways of the queue that do its work, and the ratio that is promised and aimed at. */

import type { BusSides } from './bus-sides.ts';
import type { Counterparts, SourceMode } from './cpp.ts';
import { piscinaSide, postingSide } from './node-sides.ts';
import { queueSide, type Side } from './ours.ts';
import type { Calls, Load } from './shape.ts';

export interface Way {
  /** What is done on our side, in a few words. */
  readonly says: string;
  readonly open: () => Promise<Side>;
  /** Times the counterpart that it must be at least; and that it is meant to be. 0: nothing is promised, it is for comparison. */
  readonly least: number;
  readonly aim: number;
}

export interface Contest {
  readonly against: string;
  /** Events of a round, for them and for us. */
  readonly theirEvents: number;
  readonly ourEvents: number;
  /** A text: why it cannot be compared here. */
  readonly open: () => Promise<Side | string>;
  readonly ways: readonly Way[];
}

export interface Wish {
  /** Events of an average round. */
  readonly events: number;
  readonly workers: number;
  readonly producers: readonly number[];
}

export function contests(wish: Wish, counterparts: () => Counterparts, bus: BusSides): Contest[] {
  return [
    ...wish.producers.flatMap((producers) => [
      ...sourceContests(wish, producers, counterparts),
      ...mutexContests(wish, producers, counterparts),
    ]),
    ...nodeContests(wish),
    {
      against: 'EventEmitter, 4,096 names with 3 handlers each',
      theirEvents: 4 * wish.events,
      ourEvents: 4 * wish.events,
      open: async () => bus.emitter(),
      ways: [
        { says: 'EventBus.publish', least: 1, aim: 1, open: async () => bus.publish() },
        { says: 'its emitter façade', least: 0, aim: 0, open: async () => bus.facade() },
      ],
    },
  ];
}

/** The classes of the source document, callbacks that count in one word of all threads. */
function sourceContests(wish: Wish, producers: number, counterparts: () => Counterparts): Contest[] {
  const { events, workers } = wish;
  const threads = `${producers} → ${workers}`;
  const theirs = (mode: SourceMode) => async (): Promise<Side | string> => {
    const built = counterparts();
    if ('missing' in built) return built.missing;
    return built.source === undefined ? 'no folder with its classes was given: --cpp DIR' : built.source(mode, producers, workers);
  };
  const way = (calls: Calls, least: number, aim: number, kept: { retained?: number } = {}): Way => ({
    says: calls,
    least,
    aim,
    open: () => queueSide({ calls, load: 'word', producers, workers, ids: true, ...kept }),
  });
  // A producer that is put aside between its calls shall find its event again.
  const long = { retained: 4096 };
  // As in the mended classes: what has been processed is forgotten.
  const none = { retained: 0 };
  return [
    {
      against: `C++ Part 3, add and register three, ${threads}`,
      theirEvents: events,
      ourEvents: events,
      open: theirs('p3live'),
      ways: [way('add, register', 1, 2, long), way('add with callbacks', 1, 2), way('addMany with callbacks', 1, 3)],
    },
    {
      against: `C++ Part 3 mended, ${threads}`,
      theirEvents: 2 * events,
      ourEvents: events,
      open: theirs('p3recycle'),
      ways: [way('register, add', 0.8, 1, none), way('add with callbacks', 0.8, 1, none), way('addMany with callbacks', 0.8, 1.5, none)],
    },
    {
      against: `C++ Part 3 hand-off without callbacks, ${threads}`,
      theirEvents: 2 * events,
      ourEvents: 2 * events,
      open: theirs('p3handoff'),
      ways: [way('add', 1, 1), way('addMany', 1, 2)],
    },
  ];
}

/** Ids are looked at by neither side; one handler looks at each payload. */
function mutexContests({ events, workers }: Wish, producers: number, counterparts: () => Counterparts): Contest[] {
  const threads = `${producers} → ${workers}`;
  const contest = (load: 'bytes' | 'text', together: 'one' | 'many'): Contest => {
    const way = (calls: Calls, least: number, aim: number): Way => ({
      says: calls,
      least,
      aim,
      open: () => queueSide({ calls, load, producers, workers, ids: false }),
    });
    const payload = load === 'bytes' ? '64 B' : 'string event';
    const many = together === 'many' ? ', 64 under one lock' : '';
    return {
      against: `C++ mutex + queue, ${payload}${many}, ${threads}`,
      theirEvents: (together === 'many' ? 8 : 2) * events,
      ourEvents: 3 * events,
      open: async () => {
        const built = counterparts();
        return 'missing' in built ? built.missing : built.mutexQueue(load, together, producers, workers);
      },
      ways: together === 'many' ? [way('addMany', 0, 0)] : [way('add', 0.9, 1), way('addMany', 0.9, 1.2)],
    };
  };
  return [contest('bytes', 'one'), contest('text', 'one'), contest('bytes', 'many'), contest('text', 'many')];
}

function nodeContests({ events, workers }: Wish): Contest[] {
  const way = (calls: Calls, load: Load, least: number, aim: number): Way => ({
    says: `${calls}${load === 'object' ? ', schema' : ''}`,
    least,
    aim,
    open: () => queueSide({ calls, load, producers: 1, workers, ids: false }),
  });
  return [
    {
      against: `postMessage one by one, 1 → ${workers}`,
      theirEvents: events / 2,
      ourEvents: 3 * events,
      open: () => postingSide(workers),
      ways: [way('add', 'object', 5, 10), way('addMany', 'object', 5, 25)],
    },
    {
      against: `piscina, tiny tasks, 1 → ${workers}`,
      theirEvents: events / 10,
      ourEvents: 3 * events,
      open: () => piscinaSide(workers),
      ways: [way('add', 'object', 20, 40)],
    },
  ];
}
