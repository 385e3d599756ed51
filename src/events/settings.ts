/** The options of a queue, and what follows from them for its memory. */

import { Refused } from '../model/refusal.ts';
import type { Duplicates } from './answer.ts';
import { BODY, CHUNK, INDEX_MASK, PAGE_BYTES, type Shape, SLOTS } from './memory.ts';
import type { Schema } from './schema.ts';

/** In which order the callbacks of one event run. */
export type Order =
  /** As they were registered, one at a time. */
  | 'registration'
  /** Highest priority first, those of one priority as they were registered, one at a time. */
  | 'priority'
  /** At once, on as many threads as take part. */
  | 'parallel';

export interface QueueOptions {
  /** Events that may be waiting in line. Default 16,384. Beyond it `add` answers `full`. With several adding threads it may be passed by one each. */
  readonly capacity?: number;
  /** Levels of priority, 1 to 32: `add` takes 0 (lowest, default) to one less. First in, first out within a level. Default 1. */
  readonly levels?: number;
  /** An event counts one level higher for each such time it has waited, so that none waits for ever. 0: never. Default 1000. */
  readonly ageMs?: number;
  /** What becomes of an event whose id is pending. Default `refuse`. */
  readonly duplicates?: Duplicates;
  /** Default `registration`. */
  readonly order?: Order;
  /** How long finished events are kept for those who register late. */
  readonly retain?: {
    /** The newest so many keep their data, and a callback registered for one of them runs at once. Default 1024. */
    readonly count?: number;
    /** … if they finished no longer ago. Default: however long ago. */
    readonly ms?: number;
    /** So many before those are known to be over: registering for one of them is answered `expired`. Default 4096. */
    readonly expired?: number;
  };
  /** Events are gathered on the thread that adds them and handed over together: when there are `size` (at most 64), or `lingerMs` after the first. */
  readonly batch?: { readonly size: number; readonly lingerMs: number };
  /** Layouts of the data of some types. */
  readonly schemas?: Readonly<Record<string, Schema>>;
  /** Bytes of data that an event holds without extra pages. Default 128. */
  readonly dataBytes?: number;
  /** Bytes for data beyond that, for all events. Taken from the system only as they are used. Default 64 MiB. */
  readonly spillBytes?: number;
  /** One-shot registrations at one time, those of retained events among them. Default four for each event. */
  readonly registrationsMax?: number;
  /** Standing registrations at one time. Default 4096. */
  readonly standingMax?: number;
  /** Threads at one time. Default 32, at most 250. */
  readonly threadsMax?: number;
  /**
   * What becomes of a callback whose thread died: `repeat` it on another (it counts as failed when it has taken three threads with it),
   * or `report` it as failed and go on with the next. Default `repeat`.
   */
  readonly afterDeath?: 'repeat' | 'report';
  /** A worker in whose callback nothing has happened for so long is ended, and recovered like any dead thread. Default: never. */
  readonly hangMs?: number;
  /** Longest sleep of an idle thread. For tests: a sleep that ends by itself while there is work is counted in the metrics. Default: no limit. */
  readonly sleepMs?: number;
}

/** Options with nothing left open; plain data that travels with the handle. */
export interface Settings {
  readonly shape: Shape;
  readonly capacity: number;
  readonly ageMs: number;
  readonly duplicates: Duplicates;
  readonly order: Order;
  readonly retainCount: number;
  readonly retainMs: number;
  readonly retainExpired: number;
  readonly batchSize: number;
  readonly lingerMs: number;
  readonly schemas: Readonly<Record<string, Schema>>;
  readonly deathsMax: number;
  readonly hangMs: number;
  readonly sleepMs: number;
}

const LEVELS_MAX = 32;
const THREADS_MAX = 250;
const BATCH_SIZE_MAX = 64;
const DEATHS_MAX = 3;
/** Fewer records would come round too soon: see `Ids`. */
const RECORDS_MIN = 4096;
/** Likewise for the slots of a ring: see `Ring`. */
const RING_BITS = 12;
/** Chains that lie still before they are used again, where ids are looked at: likewise. */
const REST = 32;
/** Records begin with a cache line. */
const LINE_WORDS = 16;

/** Throws `Refused('invalid')` naming the option. */
export function settingsOf(options: QueueOptions): Settings {
  const capacity = whole('capacity', options.capacity ?? 16_384, 1, INDEX_MASK);
  const threads = whole('threadsMax', options.threadsMax ?? 32, 1, THREADS_MAX);
  const duplicates = oneOf('duplicates', options.duplicates ?? 'refuse', ['refuse', 'replace', 'queue', 'unchecked']);
  const indexed = duplicates !== 'unchecked';
  const retainCount = indexed ? whole('retain.count', options.retain?.count ?? 1024, 0, INDEX_MASK) : 0;
  const retainExpired = indexed ? whole('retain.expired', options.retain?.expired ?? 4096, 0, INDEX_MASK) : 0;
  // Each thread may have a chain of free ones to take from and one to give back, and a few in hand.
  const inHand = threads * (2 * CHUNK + 2);
  const records = Math.max(RECORDS_MIN, capacity + retainCount + retainExpired + inHand);
  if (records > INDEX_MASK) throw invalid(`capacity and retain together are more than ${INDEX_MASK - inHand} events`);
  const order = oneOf('order', options.order ?? 'registration', ['registration', 'priority', 'parallel']);
  const bodyWords = Math.ceil(whole('dataBytes', options.dataBytes ?? 128, 0, 65_536) / 8) * 2;
  const shape: Shape = {
    records,
    recordWords: Math.ceil((BODY + bodyWords) / LINE_WORDS) * LINE_WORDS,
    nodes: Math.max(
      RECORDS_MIN,
      whole('registrationsMax', options.registrationsMax ?? Math.min(4 * records, INDEX_MASK - inHand), 0, INDEX_MASK - inHand) + inHand,
    ),
    pages: Math.ceil(whole('spillBytes', options.spillBytes ?? 64 * 2 ** 20, 0, (INDEX_MASK - inHand) * PAGE_BYTES) / PAGE_BYTES) + inHand,
    standing: whole('standingMax', options.standingMax ?? 4096, 1, 65_536),
    threads,
    levels: whole('levels', options.levels ?? 1, 1, LEVELS_MAX),
    ringBits: RING_BITS,
    slots: indexed && order === 'registration' ? SLOTS : 0,
    rest: indexed ? REST : 1,
  };
  return {
    shape,
    capacity,
    ageMs: atLeast('ageMs', options.ageMs ?? 1000, 0),
    duplicates,
    order,
    retainCount,
    retainMs: atLeast('retain.ms', options.retain?.ms ?? Number.POSITIVE_INFINITY, 0),
    retainExpired,
    batchSize: whole('batch.size', options.batch?.size ?? 1, 1, BATCH_SIZE_MAX),
    lingerMs: atLeast('batch.lingerMs', options.batch?.lingerMs ?? 0, 0),
    schemas: options.schemas ?? {},
    deathsMax: oneOf('afterDeath', options.afterDeath ?? 'repeat', ['repeat', 'report']) === 'repeat' ? DEATHS_MAX : 1,
    hangMs: atLeast('hangMs', options.hangMs ?? 0, 0),
    sleepMs: atLeast('sleepMs', options.sleepMs ?? Number.POSITIVE_INFINITY, 1),
  };
}

function whole(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw invalid(`${name} must be a whole number from ${least} to ${most} and is ${value}`);
  return value;
}

function atLeast(name: string, value: number, least: number): number {
  if (typeof value !== 'number' || !(value >= least)) throw invalid(`${name} must be a number of at least ${least} and is ${value}`);
  return value;
}

function oneOf<T extends string>(name: string, value: T, values: readonly T[]): T {
  if (!values.includes(value)) throw invalid(`${name} must be one of ${values.join(', ')} and is ${String(value)}`);
  return value;
}

function invalid(what: string): Refused {
  return new Refused('invalid', `The options of the event queue are not acceptable: ${what}.`);
}
