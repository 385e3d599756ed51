/**
 * long because it is one table of all that is shared: the shared memory of an event queue: what lies where. Every thread lays the same shape over the same bytes.
 *
 * ```
 *  globals │ names │ specs │ standing registrations │ threads │ rings │ buckets │ records │ nodes │ pages
 *  ────────┴───────┴───────┴────────────────────────┴─────────┴───────┴─────────┴─────────┴───────┴──────
 *  one word  texts   handlers                        one block  numbers  ids →    an event  a one-  1 KiB of
 *  per line  known   known by                        per        of       records  each      shot    payload,
 *            by      number                          thread     records                     each    chained
 *            number
 * ```
 *
 * Three rules hold everywhere:
 * - **The life word of a thing is the truth about it**, with its owner inside, so taking and owning are one compare-and-swap.
 * - **Rings carry hints**: numbers of things to look at. A hint twice does no harm, because the life word decides.
 * - **Who is about to do what** is written in the thread's own block first, so that after its death another can finish or undo it.
 *
 * All zero bytes are a valid beginning wherever possible, so pages that are never used are never touched.
 */

/** Index of a record, node or page: 1 to 2^20 - 1; 0 is none. */
export const INDEX_BITS = 20;
export const INDEX_MASK: number = (1 << INDEX_BITS) - 1;

/** Words that different threads write stand this far apart: two cache lines of 64 bytes, as neighbours are fetched together. */
export const LINE = 32;

/** What a queue is made for. Plain numbers, so that it travels with the handle. */
export interface Shape {
  /** Records: events pending, in flight and retained, ids that only have registrations, and some in the threads' hands. */
  readonly records: number;
  readonly recordWords: number;
  /** Nodes: one-shot registrations for an id. */
  readonly nodes: number;
  readonly pages: number;
  /** Standing registrations at one time. */
  readonly standing: number;
  readonly threads: number;
  readonly levels: number;
  /** log2 of the fewest slots of a ring. */
  readonly ringBits: number;
  /** Callbacks that a record has room for in itself: `SLOTS`, or none. */
  readonly slots: number;
  /** Chains of records, and of nodes, that are left alone for a while before they are used again. */
  readonly rest: number;
}

/** Words of one page: 2 of administration, 254 of payload. */
export const PAGE_WORDS = 256;
export const PAGE_HEAD_WORDS = 2;
export const PAGE_BYTES: number = (PAGE_WORDS - PAGE_HEAD_WORDS) * 4;
export const NODE_WORDS = 16;
export const STANDING_WORDS = 20;
export const SPEC_WORDS = 8;
export const SPECS = 1024;
export const NAMES = 4096;
export const NAME_BYTES: number = 256 * 1024;
export const THREAD_WORDS = 256;
/** Things are handed between a thread and the common stock this many at a time. */
export const CHUNK = 32;

/** Word 0 and 1 of everything that a slab keeps. */
export const LIFE = 0;
export const LINK = 1;

/**
 * A record: its administration, then the text of its id, if that is a text, and its payload. What is looked at of a record long after
 * its event has ended (when its id is looked for, and when it is retired) is on its first cache line, so that no more of it is fetched.
 */
export const NEXT = 2;
export const HASH = 3;
export const GEN = 4;
export const ID_FORM = 5;
/** A number: its 64 bits. A text: its length in bytes, and its page when it does not fit here. */
export const ID_LOW = 6;
export const ID_HIGH = 7;
/** Place in the line of finished events. */
export const ORDINAL = 8;
/** First page of a payload that does not fit here. */
export const PAGES = 9;
/** First page of the failures' texts. */
export const FAULTS = 10;
/** Start of the list of one-shot callbacks: as many as there are slots stand in the words from here on, then come nodes. */
export const FIRST = 11;
export const SLOTS = 4;
/** The last of the list whose callback is done with. */
export const DONE_NODE = 16;
/** How many standing registrations there had been when the record was taken, low half: what is in a slot came after those, and no others. */
export const SLOT_ORDER = 17;
export const TYPE = 18;
export const FORM = 19;
export const LENGTH = 20;
/** Order of the last standing callback that is done with, low and high half. */
export const DONE_LOW = 21;
export const DONE_HIGH = 22;
/** Which callback has begun: none, one of the list, a standing one's; and `STARTED_WHAT`, where it is in the list or the low half of its order. */
export const STARTED = 23;
export const STARTED_WHAT = 24;
/** What `STARTED` may say. */
export const STARTED_NOTHING = 0;
export const STARTED_NODE = 1;
export const STARTED_STANDING = 2;
/** How often a thread died in the callback that is next. */
export const DEATHS = 25;
export const RAN = 26;
/** Bits: somebody waits for the result; its callbacks are not to run. */
export const WATCHED = 27;
export const WATCHED_BY_SOMEBODY = 1;
export const WATCHED_ABANDONED = 2;
/** Twice the number of its passes that ended, more than one when it was begun again for a late callback; and 1 while such a pass is counted. */
export const PASSES = 28;
/** Milliseconds since the queue was made: when it was added; once finished, when that was. */
export const AT_MS = 29;
export const LEVEL = 30;
export const FAULT_BYTES = 31;
export const BODY = 32;

/** A node: one one-shot registration for one id that is not in a slot; where order is by priority or parallel, each callback of an event. */
export const NODE_NEXT = 2;
/** How many standing registrations there had been, low half. */
export const NODE_ORDER = 3;
/** 0: portable. Otherwise the thread whose closure it is. */
export const NODE_HOME = 4;
/** Portable: number of the spec. Local: number of the closure on its thread. */
export const NODE_WHAT = 5;
export const NODE_EPOCH = 6;
export const NODE_PRIORITY = 7;
/** The stamp of its event while it waits; then one of the states below. Parallel: while it runs, a life word that says on which thread. */
export const NODE_STATE = 8;
/** What kind of node it is: 0 a callback of its own, `WATCH` somebody who waits for the result, else made from that standing registration. */
export const NODE_ENTRY = 9;
export const NODE_DEATHS = 10;
/** The stamp of its event. */
export const NODE_STAMP = 11;
/** Where callbacks run in parallel each has its own failures: first page of their texts, and their bytes. */
export const NODE_FAULTS = 12;
export const NODE_FAULT_BYTES = 13;

export const WATCH = -1;
/** States of a node that is not waiting: disposed of, begun, done. */
export const NODE_GONE = 0;
export const NODE_BEGUN = 1;
export const NODE_DONE = 2;

/** A standing registration. */
export const ENTRY_GEN = 1;
export const ENTRY_SCOPE = 2;
export const ENTRY_TYPE = 3;
export const ENTRY_ORDER_LOW = 4;
export const ENTRY_ORDER_HIGH = 5;
export const ENTRY_HOME = 6;
export const ENTRY_WHAT = 7;
export const ENTRY_EPOCH = 8;
export const ENTRY_PRIORITY = 9;
export const ENTRY_ONCE = 10;
/** For `once`: the event that has it, 0 for none yet. */
export const ENTRY_TAKEN = 11;
export const ENTRY_ID_FORM = 13;
export const ENTRY_ID_LOW = 14;
export const ENTRY_ID_HIGH = 15;

/** A spec: a portable handler with its options. Written once, never changed. */
export const SPEC_STATE = 0;
export const SPEC_MODULE = 1;
export const SPEC_EXPORT = 2;
export const SPEC_TIMEOUT = 3;
export const SPEC_ATTEMPTS = 4;
export const SPEC_BACKOFF = 5;

/** A thread's block. */
export const STATE = 0;
export const THREAD_ID = 1;
/** The thread that started it and will hear of its end. */
export const PARENT = 2;
export const ROLE = 3;
export const MAIL = 4;
/** Changes with every callback begun and ended, so that a watchdog sees a thread that hangs. */
export const BEAT = 6;
/** The record whose callback runs now. */
export const BUSY = 7;
/** The dead thread whose recovery it is at. */
export const RECOVERING = 8;
/** What it is about to do. */
export const OP = 16;
export const OP_A = 17;
export const OP_B = 18;
export const OP_COUNT = 19;
/** The hint it is taking from a ring. */
export const POPPING = 20;
/** Six words for each slab: records, nodes, pages. */
export const CACHES = 24;
export const CACHE_WORDS = 6;
/** Counts: pairs of low and high word. */
export const COUNTS = 48;
/** Events added and not yet in a ring (batches): their number, then the records. */
export const BATCH = 80;
export const BATCH_MAX = 64;
/** Hints taken from a ring and not yet begun: how many, how many of them are past, then the records. */
export const HELD = 146;
export const HELD_MAX = 64;
/** Finished events that are not in their line yet: how many, then the records. */
export const ENDED = 212;
export const ENDED_MAX = 8;

/** Words that all threads share, each on a line of its own. */
export const GLOBALS = [
  'closed',
  'crew',
  'crewOwner',
  'crewSize',
  'crewSignal',
  'changes',
  'standingTop',
  'work',
  'workTokens',
  'workWatch',
  'room',
  'roomTokens',
  'roomWatch',
  'idle',
  'idleWaiters',
  'idleWatch',
  'names',
  'nameBytes',
  'specs',
  'parked',
] as const;
export type Global = (typeof GLOBALS)[number];

export interface RingPlace {
  /** Word of the position to take from; the position to put at is one line further, the slots two lines further. */
  readonly at: number;
  /** log2 of the number of slots. */
  readonly bits: number;
}

export interface SlabPlace {
  /** Where number 0 would be. */
  readonly base: number;
  readonly stride: number;
  readonly count: number;
  readonly free: RingPlace;
  /** Word of the first thing that was never used; 0 before any was. */
  readonly fresh: number;
  /** Chains that have come back and are kept for a while before they are used again; as long as there are fewer, unused things are taken. */
  readonly rest: number;
}

/** Where everything is, in words from the start. */
export interface Layout {
  readonly globals: Readonly<Record<Global, number>>;
  /** The 64-bit count of standing registrations, on an even word. */
  readonly order: number;
  readonly names: number;
  readonly nameText: number;
  readonly specs: number;
  readonly standing: number;
  readonly threads: number;
  readonly levels: readonly RingPlace[];
  readonly resumed: RingPlace;
  readonly finished: RingPlace;
  readonly mail: readonly RingPlace[];
  readonly buckets: number;
  readonly bucketBits: number;
  readonly records: SlabPlace;
  readonly nodes: SlabPlace;
  readonly pages: SlabPlace;
  readonly words: number;
}

export function layoutOf(shape: Shape): Layout {
  let at = 0;
  const place = (words: number): number => {
    const from = at;
    at += Math.ceil(words / LINE) * LINE;
    return from;
  };
  const ring = (count: number): RingPlace => {
    // Twice as many slots as things, as a few may be in it twice after a death. Never so few that a slot's lap number could come round
    // while a thread stands still between two instructions.
    const bits = Math.max(shape.ringBits, Math.ceil(Math.log2(2 * count)));
    return { at: place(2 * LINE + 2 ** bits), bits };
  };
  const slab = (count: number, stride: number, rest: number): SlabPlace => {
    const free = ring(Math.ceil(count / CHUNK));
    const fresh = place(1);
    return { base: place((count + 1) * stride), stride, count, free, fresh, rest };
  };
  const globals = Object.fromEntries(GLOBALS.map((name) => [name, place(1)])) as Record<Global, number>;
  const order = place(2);
  const names = place(NAMES);
  const nameText = place(NAME_BYTES / 4);
  const specs = place(SPECS * SPEC_WORDS);
  const standing = place((shape.standing + 1) * STANDING_WORDS);
  const threads = place((shape.threads + 1) * THREAD_WORDS);
  const levels = Array.from({ length: shape.levels }, () => ring(shape.records));
  const resumed = ring(shape.records);
  const finished = ring(shape.records);
  const mail = Array.from({ length: shape.threads + 1 }, () => ring(shape.records));
  const bucketBits = Math.ceil(Math.log2(shape.records));
  const buckets = place(2 ** bucketBits);
  const records = slab(shape.records, shape.recordWords, shape.rest);
  const nodes = slab(shape.nodes, NODE_WORDS, shape.rest);
  const pages = slab(shape.pages, PAGE_WORDS, 1);
  return {
    globals,
    order,
    names,
    nameText,
    specs,
    standing,
    threads,
    levels,
    resumed,
    finished,
    mail,
    buckets,
    bucketBits,
    records,
    nodes,
    pages,
    words: at,
  };
}

/** A Buffer's own ways to write and read UTF-8, which `write` and `toString` come to after looking at their arguments. */
export interface TextBytes extends Buffer {
  utf8Write(text: string, at: number, length: number): number;
  utf8Slice(from: number, to: number): string;
}

/** The words of a queue, seen in every way that is needed. */
export interface Memory {
  readonly shared: SharedArrayBuffer;
  readonly shape: Shape;
  readonly layout: Layout;
  readonly words: Int32Array;
  readonly longs: BigInt64Array;
  readonly bytes: Uint8Array;
  readonly text: TextBytes;
  readonly view: DataView;
}

export function openMemory(shared: SharedArrayBuffer, shape: Shape): Memory {
  return {
    shared,
    shape,
    layout: layoutOf(shape),
    words: new Int32Array(shared),
    longs: new BigInt64Array(shared),
    bytes: new Uint8Array(shared),
    text: textBytes(shared),
    view: new DataView(shared),
  };
}

/** The bytes as a Buffer over the same memory. */
export function textBytes(bytes: ArrayBuffer | SharedArrayBuffer): TextBytes {
  return Buffer.from(bytes as ArrayBuffer) as unknown as TextBytes;
}
