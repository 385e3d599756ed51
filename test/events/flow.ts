/** The whole way of an event, stepwise: adding, registering, claiming, settling and recovery as they are, around a pass of a few lines. */

import { BODY_OF, FINISHED, WAITING } from '../../src/events/life.ts';
import { inState, isSlot, SLOT_BEGUN, SLOT_GONE, slotState, slotWhat } from '../../src/events/list.ts';
import {
  CACHE_WORDS,
  CACHES,
  COUNTS,
  DONE_NODE,
  FIRST,
  FORM,
  GEN,
  type Layout,
  LIFE,
  type Memory,
  NEXT,
  NODE_BEGUN,
  NODE_GONE,
  NODE_NEXT,
  NODE_STATE,
  NODE_WHAT,
  ORDINAL,
  openMemory,
  type Shape,
  SLOTS,
  STARTED,
  STARTED_WHAT,
  STATE,
  THREAD_WORDS,
} from '../../src/events/memory.ts';
import { type Exploration, explore, forget, type Limits, type Program, runAlone, trace, type World } from './explore.ts';
import { loadStepwise, type Mutant } from './stepwise.ts';

const FILES = [
  'ring.ts',
  'park.ts',
  'slab.ts',
  'ids.ts',
  'list.ts',
  'thread.ts',
  'nodes.ts',
  'settle.ts',
  'adding.ts',
  'registering.ts',
  'claiming.ts',
  'post.ts',
  'undo.ts',
  'recovery.ts',
];

const SHAPE: Shape = {
  records: 8,
  recordWords: 32,
  nodes: 8,
  pages: 2,
  standing: 1,
  threads: 4,
  levels: 1,
  ringBits: 3,
  slots: SLOTS,
  rest: 1,
};

/** Parts that have nothing to do with other threads. */
const INSTEAD = {
  CHUNK: 2,
  Names: class {
    number(): number {
      return 1;
    }
  },
  Payloads: class {
    readonly #words: Int32Array;
    readonly #records: { base: number; stride: number };
    constructor(shared: Memory, _pages: unknown, records: { base: number; stride: number }) {
      this.#words = shared.words;
      this.#records = records;
    }
    write(record: number): boolean {
      this.#words[this.#records.base + record * this.#records.stride + FORM] = 0;
      return true;
    }
    release(): void {}
  },
};

/** The stepwise classes, as far as they are used here. */
interface StepThread {
  readonly words: Int32Array;
  readonly me: number;
  at(record: number): number;
  nodeAt(node: number): number;
  readonly lists: { next(record: number, after: number): Program; slotAt(record: number, item: number): number };
  isDrained(): Program;
  readonly keys: { set(id: number): void; readonly hash: number; readonly form: number; readonly low: number; readonly high: number };
  readonly ids: { find(hash: number, form: number, low: number, high: number, after: number): Program };
  readonly resumed: { push(record: number): Program };
  readonly records: StepSlab;
  readonly nodes: StepSlab;
}

interface StepSlab {
  readonly base: number;
  readonly stride: number;
  take(): Program;
  release(): Program;
}

interface Loaded {
  readonly Thread: new (memory: Memory, clock: object, me: number, schemas: object) => StepThread;
  readonly Settler: new (
    thread: StepThread,
    indexed: boolean,
    retain: object,
  ) => { settle(record: number, hasChanged: () => boolean): Program };
  readonly Adding: new (
    thread: StepThread,
    settler: object,
    options: object,
  ) => { add(event: object, level: number, contents: readonly object[]): Program; flush(): Program };
  readonly Registering: new (
    thread: StepThread,
    settler: object,
  ) => { register(id: number, content: object): Program; dispose(place: object): Program };
  readonly Claiming: new (thread: StepThread, ageMs: number, help: () => void) => { next(): Program };
  readonly Post: new (thread: StepThread) => object;
  readonly Slab: { stock(words: Int32Array, place: object): Program };
  joinThreads(memory: Memory, parent: number, role: number): Program;
  recoverBlock(member: object, dead: number): Program;
}

/** What has been seen of the callbacks: which ran, how often, and in which order. */
export interface Log {
  readonly ran: number[];
  readonly events: number[];
}

/** One thread of the queue. */
export class Actor {
  readonly thread: StepThread;
  readonly log: Log;
  readonly #loaded: Loaded;
  readonly #settler: { settle(record: number, hasChanged: () => boolean): Program };
  readonly #parts: {
    adding: InstanceType<Loaded['Adding']>;
    registering: InstanceType<Loaded['Registering']>;
    claiming: InstanceType<Loaded['Claiming']>;
  };

  constructor(loaded: Loaded, memory: Memory, me: number, log: Log, options: FlowOptions) {
    this.#loaded = loaded;
    this.log = log;
    this.thread = new loaded.Thread(memory, { monotonicMs: () => 0 }, me, {});
    const retain = { count: options.retain ?? 1, ms: Number.POSITIVE_INFINITY, expired: 0 };
    this.#settler = new loaded.Settler(this.thread, true, retain);
    this.#parts = {
      adding: new loaded.Adding(this.thread, this.#settler, {
        duplicates: options.duplicates ?? 'refuse',
        capacity: 5,
        batch: options.batch ?? 1,
        stampTime: false,
      }),
      registering: new loaded.Registering(this.thread, this.#settler),
      claiming: new loaded.Claiming(this.thread, 0, () => {}),
    };
  }

  *add(id: number): Program {
    return yield* this.#parts.adding.add({ id, type: 't' }, 0, []);
  }

  /** Hands over what has been gathered. */
  *flush(): Program {
    return yield* this.#parts.adding.flush();
  }

  /** Registers callback number `what`. Answers what became of it. */
  *register(id: number, what: number): Program {
    const place = (yield* this.#parts.registering.register(id, { home: 0, epoch: 0, what, priority: 0, entry: 0 })) as { answer: string };
    return place.answer;
  }

  *registerAndDispose(id: number, what: number): Program {
    const place = (yield* this.#parts.registering.register(id, { home: 0, epoch: 0, what, priority: 0, entry: 0 })) as object;
    return (yield* this.#parts.registering.dispose(place)) as boolean;
  }

  /** Puts a hint in once more, as after a death. */
  *hintAgain(id: number): Program {
    const { keys, ids, resumed } = this.thread;
    keys.set(id);
    yield* resumed.push((yield* ids.find(keys.hash, keys.form, keys.low, keys.high, 0)) as number);
    return undefined;
  }

  /** Processes until it has found nothing `patience` times. */
  *process(patience: number): Program {
    for (let empty = 0; empty < patience; ) {
      yield forget(empty, this.log.ran.length);
      const record = (yield* this.#parts.claiming.next()) as number;
      if (record === 0) empty++;
      else yield* this.#pass(record);
    }
    return undefined;
  }

  *recover(dead: number): Program {
    const { thread } = this;
    const member = { thread, settler: this.#settler, registry: { removeOf: () => 0 }, post: new this.#loaded.Post(thread) };
    yield* this.#loaded.recoverBlock(member, dead);
    return undefined;
  }

  *#pass(record: number): Program {
    const { thread, log } = this;
    const { words } = thread;
    const at = thread.at(record);
    for (;;) {
      const node = (yield* thread.lists.next(record, words[at + DONE_NODE] as number)) as number;
      if (node === 0) {
        if ((yield* this.#settler.settle(record, () => false)) === true) {
          log.events.push(record);
          return undefined;
        }
        continue;
      }
      const what = (yield* isSlot(node) ? this.#beginSlot(record, node) : this.#beginNode(node)) as number;
      if (what !== 0) {
        words[at + STARTED_WHAT] = node;
        words[at + STARTED] = 1;
        log.ran.push(what);
      }
      yield { kind: 'set', words, at: at + DONE_NODE, values: [node] };
      words[at + STARTED] = 0;
    }
  }

  /** Answers the callback, 0 when it was disposed of. */
  *#beginNode(node: number): Program {
    const { words } = this.thread;
    const at = this.thread.nodeAt(node);
    const state = words[at + NODE_STATE] as number;
    const begun = (yield { kind: 'compareExchange', words, at: at + NODE_STATE, values: [state, NODE_BEGUN] }) as number;
    return begun === NODE_GONE ? 0 : (words[at + NODE_WHAT] as number);
  }

  *#beginSlot(record: number, slot: number): Program {
    const { words } = this.thread;
    const at = this.thread.lists.slotAt(record, slot);
    const word = words[at] as number;
    const begun = (yield { kind: 'compareExchange', words, at, values: [word, inState(word, SLOT_BEGUN)] }) as number;
    return begun !== word || slotState(word) === SLOT_GONE ? 0 : slotWhat(word);
  }
}

export interface FlowOptions {
  /** True: callbacks are nodes, as where order is not that of registration. */
  readonly nodesOnly?: boolean;
  readonly duplicates?: 'refuse' | 'replace' | 'queue';
  readonly retain?: number;
  /** Events gathered by each thread before they are handed over. */
  readonly batch?: number;
}

export interface FlowScene extends FlowOptions {
  /** Runs before all others, alone. */
  readonly before?: (actor: Actor) => Program;
  readonly threads: readonly ((actor: Actor) => Program)[];
  /** Runs after all others, alone. */
  readonly after?: (actor: Actor) => Program;
  readonly mortals?: readonly number[];
  readonly mutants?: readonly Mutant[];
  /** What is wrong, after everything that is left has been processed too. */
  readonly check: (results: readonly unknown[], log: Log, dead: number) => string | undefined;
}

export async function exploreFlow(scene: FlowScene, limits: Limits = {}): Promise<Exploration> {
  const loaded = (await loadStepwise(FILES, scene.mutants ?? [], INSTEAD)) as unknown as Loaded;
  const layout = await smallLayout();
  const shape = { ...SHAPE, slots: scene.nodesOnly === true ? 0 : SLOTS };
  const memory: Memory = { ...openMemory(new SharedArrayBuffer(layout.words * 4), shape), layout };
  prepare(loaded, memory);
  const actorOf = (log: Log) => (me: number) => new Actor(loaded, memory, me, log, scene);
  if (scene.before !== undefined) runAlone(scene.before(actorOf({ ran: [], events: [] })(4)));
  const beginning = memory.words.slice();
  const make = (): World => {
    memory.words.set(beginning);
    const log: Log = { ran: [], events: [] };
    const actor = actorOf(log);
    return {
      words: memory.words,
      mortals: scene.mortals ?? [],
      isPrivate: isPrivate(layout),
      threads: scene.threads.map((thread, index) => thread(actor(index + 1))),
      recover: (dead) => actor(4).recover(dead + 1),
      check: (results, dead) => {
        if (scene.after !== undefined) runAlone(scene.after(actor(4)));
        runAlone(actor(4).process(1));
        return scene.check(results, log, dead) ?? lookAtStock(memory, actor, dead);
      },
    };
  };
  const explored = explore(make, limits);
  if (explored.fault !== undefined && process.env.TRACE !== undefined) {
    for (const line of trace(make(), explored.path))
      console.log(line.replace(/ (\d+) \(/, (_whole, at: string) => ` ${nameOf(layout, Number(at))} (`));
  }
  return explored;
}

/** What a word is, for people. */
function nameOf(layout: Layout, at: number): string {
  const { threads, records, nodes } = layout;
  if (at >= nodes.base) return `node ${Math.floor((at - nodes.base) / nodes.stride)} + ${(at - nodes.base) % nodes.stride}`;
  if (at >= records.base) return `record ${Math.floor((at - records.base) / records.stride)} + ${(at - records.base) % records.stride}`;
  if (at >= threads && at < threads + (SHAPE.threads + 1) * THREAD_WORDS)
    return `thread ${Math.floor((at - threads) / THREAD_WORDS)} + ${(at - threads) % THREAD_WORDS}`;
  return `word ${at}`;
}

function prepare(loaded: Loaded, memory: Memory): void {
  const { layout, words } = memory;
  for (const place of [layout.records, layout.nodes, layout.pages]) runAlone(loaded.Slab.stock(words, place));
  for (let me = 1; me <= SHAPE.threads; me++) {
    runAlone(loaded.joinThreads(memory, 0, 0));
    // Each thread has things in hand, so that the stock, which is explored by itself, is not gone into.
    const thread = new loaded.Thread(memory, {}, me, {});
    const cache = layout.threads + me * THREAD_WORDS + CACHES;
    for (const [index, slab] of [thread.records, thread.nodes].entries()) {
      const first = runAlone(slab.take()) as number;
      words[cache + index * CACHE_WORDS] = first;
      words[slab.base + first * slab.stride + LIFE] = 0;
    }
  }
}

/** Without the room for names and handlers, which are not used here: a smaller memory is sooner what it was. */
async function smallLayout(): Promise<Layout> {
  const small = [
    { file: 'memory.ts', from: 'NAMES = 4096', to: 'NAMES = 1' },
    { file: 'memory.ts', from: 'NAME_BYTES: number = 256 * 1024', to: 'NAME_BYTES: number = 4' },
    { file: 'memory.ts', from: 'SPECS = 1024', to: 'SPECS = 1' },
  ];
  const { layoutOf } = (await loadStepwise(['memory.ts'], small)) as { layoutOf: (shape: Shape) => Layout };
  return layoutOf(SHAPE);
}

/** All counts are even, and every record and node is in the stock or still in use. */
function lookAtStock(memory: Memory, actor: (me: number) => Actor, dead: number): string | undefined {
  const last = actor(4).thread;
  const kinds: number[] = [];
  for (let record = 1; record <= SHAPE.records; record++) kinds.push((memory.words[last.at(record) + LIFE] as number) >>> 28);
  if (runAlone(last.isDrained()) !== true) {
    const counts = [1, 2, 3, 4].map((me) =>
      [0, 2].map((counter) => memory.words[memory.layout.threads + me * THREAD_WORDS + COUNTS + 2 * counter]).join('/'),
    );
    return `something is opened and not settled: ${counts} by thread, records ${kinds}`;
  }
  const used = kinds.filter((kind) => IN_USE.includes(kind)).length;
  for (let me = 1; me <= SHAPE.threads; me++) {
    if (me - 1 === dead) continue;
    runAlone(actor(me).thread.records.release());
    runAlone(actor(me).thread.nodes.release());
  }
  let free = 0;
  while (free <= SHAPE.records && runAlone(last.records.take()) !== 0) free++;
  return free + used === SHAPE.records ? undefined : `of ${SHAPE.records} records ${free} are free and ${used} in use (${kinds})`;
}

/** Kinds of records that are neither in the stock nor in somebody's hands: with callbacks only, finished and kept, payload of another. */
const IN_USE = [WAITING, FINISHED, BODY_OF];

const SHARED_IN_RECORD = [LIFE, NEXT, GEN, ORDINAL, ...Array.from({ length: SLOTS + 1 }, (_, slot) => FIRST + slot)];
const SHARED_IN_NODE = [LIFE, NODE_NEXT, NODE_STATE];

/** Words that only one thread looks at as long as it lives. */
function isPrivate(layout: Layout): (at: number) => boolean {
  const { threads, records, nodes } = layout;
  return (at) => {
    // Nobody sleeps here, nobody makes standing registrations, and the queue stays open: what is read of that is always the same.
    if (at < layout.order + 2) return true;
    if (at >= threads && at < threads + (SHAPE.threads + 1) * THREAD_WORDS) return (at - threads) % THREAD_WORDS !== STATE;
    if (at >= records.base && at < records.base + (records.count + 1) * records.stride)
      return !SHARED_IN_RECORD.includes((at - records.base) % records.stride);
    if (at >= nodes.base && at < nodes.base + (nodes.count + 1) * nodes.stride)
      return !SHARED_IN_NODE.includes((at - nodes.base) % nodes.stride);
    return false;
  };
}
