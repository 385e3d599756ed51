/**
 * Runs a few threads of stepwise code in every order there is, and in every order with a thread dying at any step, and looks at each end.
 * States that were met before are not gone into again: memory, and what each thread has seen so far, say all about a state.
 */

import type { Step } from './stepwise.ts';

export type Program = Generator<Step, unknown, unknown>;

export interface World {
  readonly words: Int32Array;
  readonly threads: readonly Program[];
  /** What is wrong at the end, if anything. `dead`: which thread died. */
  check(results: readonly unknown[], dead: number): string | undefined;
  /** What runs after the death of a thread, beside those that live. */
  recover?(dead: number): Program;
  /** True when a thread may sleep at the end: `check` says whether there was work for it. */
  readonly maySleep?: boolean;
  /** Threads that may die. */
  readonly mortals?: readonly number[];
  /** Words that only this thread uses, and after its death who recovers it: nobody can come in between. */
  isPrivate?(at: number, thread: number): boolean;
}

export interface Exploration {
  readonly states: number;
  readonly ends: number;
  /** The first thing that went wrong. */
  readonly fault: string | undefined;
  /** The order of steps that leads there. */
  readonly path: readonly number[];
}

interface Running {
  readonly program: Program;
  next: IteratorResult<Step, unknown>;
  /** Hash of all that it has been given. */
  readonly seen: Hash;
  waiting: boolean;
  dead: boolean;
}

const STATES_MAX = 3_000_000;
/** A run that takes more steps does not end. */
const STEPS_MAX = 1500;

/** Two words, so that two states are never taken for one. */
interface Hash {
  a: number;
  b: number;
}

/** For a program: what follows depends on nothing but `values`. */
export function forget(...values: number[]): Step {
  return { kind: 'forget', words: NO_WORDS, at: 0, values };
}

const NO_WORDS = new Int32Array(0);

/** Runs a program to its end, alone. */
export function runAlone(program: Program): unknown {
  const run = new Run({ words: NO_WORDS, threads: [program], check: () => undefined });
  let steps = 0;
  while (run.choices(0).length > 0) {
    if (++steps > 100_000) throw new Error('It does not end.');
    run.take(0);
  }
  return run.result(0);
}

/** What each step of a path does, for people. */
export function trace(world: World, path: readonly number[]): string[] {
  const run = new Run(world);
  return path.map((choice) => run.describeAndTake(choice));
}

export interface Limits {
  /**
   * How often a thread may be stopped though it could go on; without it, every order there is. Most faults need two or three such switches,
   * and what has that many can be looked at whole.
   */
  readonly switches?: number;
  readonly states?: number;
}

/** How many switches are explored: `usual` in a quick run, more where `EXPLORE_DEEPER` says how many more. */
export function switchesOf(usual: number): number {
  return usual + Number(process.env.EXPLORE_DEEPER ?? 0);
}

/** `make` builds the same world each time. */
export function explore(
  make: () => World,
  { switches = Number.POSITIVE_INFINITY, states: statesMax = STATES_MAX }: Limits = {},
): Exploration {
  /** With how many switches each state was met. */
  const visited = new Map<number, number>();
  let states = 0;
  let ends = 0;
  /** Choices still to be made, newest last: each is the way there. */
  const open: number[][] = [[]];
  for (let way = open.pop(); way !== undefined; way = open.pop()) {
    const run = new Run(make());
    for (const choice of way) run.take(choice);
    const path = [...way];
    for (;;) {
      const choices = run.choices(switches);
      if (choices.length === 0) {
        ends++;
        const fault = run.fault();
        if (fault !== undefined) return { states, ends, fault, path };
        break;
      }
      const key = run.key();
      const met = visited.get(key);
      if (met !== undefined && met <= run.switches) break;
      visited.set(key, Number.isFinite(switches) ? run.switches : 0);
      if (met === undefined && ++states > statesMax) throw new Error(`more than ${statesMax} states`);
      if (path.length > STEPS_MAX) return { states, ends, fault: 'it does not end', path };
      for (const other of choices.slice(1)) open.push([...path, other]);
      run.take(choices[0] as number);
      path.push(choices[0] as number);
    }
  }
  return { states, ends, fault: undefined, path: [] };
}

/** Choices are the number of the thread that makes a step; the death of a thread is its number plus this. */
const DEATH = 100;

class Run {
  readonly #world: World;
  readonly #threads: Running[];
  readonly #waiters: { thread: number; at: number }[] = [];
  readonly #memory: Hash = { a: 0, b: 0 };
  #dead = -1;
  #last = -1;

  constructor(world: World) {
    this.#world = world;
    this.#threads = world.threads.map((program) => this.#begin(program));
  }

  /** How often a thread was stopped that could have gone on. */
  switches = 0;

  choices(switchesMax: number): number[] {
    const ready: number[] = [];
    let alone = -1;
    for (const [index, thread] of this.#threads.entries()) {
      if (thread.dead || thread.next.done === true || thread.waiting) continue;
      ready.push(index);
      if (alone < 0 && this.#world.isPrivate?.((thread.next.value as Step).at, index) === true) alone = index;
    }
    const goesOn = ready.includes(this.#last);
    // What nobody else sees may as well be done at once; and so must what would be one switch too many to put off.
    const choices =
      goesOn && this.switches >= switchesMax
        ? [this.#last]
        : alone < 0
          ? ready
          : [goesOn && this.#isAlone(this.#last) ? this.#last : alone];
    // The one that goes on first: so that the first way is the one with the fewest switches.
    if (goesOn && choices.length > 1) choices.sort((a, b) => Number(b === this.#last) - Number(a === this.#last));
    // A death is felt when the recovery begins, which may be any time later: so it is enough to try it after each step of its own.
    if (this.#dead < 0) {
      for (const mortal of this.#world.mortals ?? []) {
        if ((this.#last === mortal || this.#last < 0) && this.#threads[mortal]?.next.done !== true) choices.push(DEATH + mortal);
      }
    }
    return choices;
  }

  take(choice: number): void {
    if (choice >= DEATH) {
      this.#dead = choice - DEATH;
      (this.#threads[this.#dead] as Running).dead = true;
      const recovery = this.#world.recover?.(this.#dead);
      if (recovery !== undefined) this.#threads.push(this.#begin(recovery));
      for (let index = 0; index < this.#waiters.length; index++) {
        if (this.#waiters[index]?.thread === this.#dead) this.#waiters.splice(index--, 1);
      }
      return;
    }
    const before = this.#threads[this.#last];
    if (
      before !== undefined &&
      this.#last !== choice &&
      !before.dead &&
      before.next.done !== true &&
      !before.waiting &&
      !this.#isAlone(choice)
    )
      this.switches++;
    this.#last = choice;
    const thread = this.#threads[choice] as Running;
    this.#give(thread, this.#do(thread.next.value as Step, choice));
  }

  /** True when the next step of this thread is on words that no other uses. */
  #isAlone(index: number): boolean {
    const thread = this.#threads[index] as Running;
    return thread.next.done !== true && this.#world.isPrivate?.(thread.next.value.at, index) === true;
  }

  key(): number {
    let { a, b } = this.#memory;
    const add = (value: number, place: number): void => {
      a ^= mix(value, place, 1);
      b ^= mix(value, place, 2);
    };
    for (const [index, thread] of this.#threads.entries()) {
      add(thread.seen.a, 1009 * (index + 1));
      add(thread.seen.b, 1013 * (index + 1));
      add((thread.waiting ? 1 : 0) + (thread.dead ? 2 : 0) + (thread.next.done === true ? 4 : 0), 1019 * (index + 1));
    }
    for (const [index, { thread, at }] of this.#waiters.entries()) add(thread * 65537 + at, 104729 * (index + 1));
    if (this.#dead < 0 && (this.#world.mortals ?? []).includes(this.#last)) add(this.#last, 99991);
    return (a >>> 0) * 2 ** 20 + ((b >>> 0) & 0xfffff);
  }

  describeAndTake(choice: number): string {
    const step = this.#threads[choice]?.next.value as Step | undefined;
    const before = step?.words[step.at];
    this.take(choice);
    if (step === undefined) return `${choice - DEATH} dies`;
    return `${choice} ${step.kind} ${step.at} (${step.values}): ${before} → ${step.words[step.at]}`;
  }

  result(thread: number): unknown {
    const { next } = this.#threads[thread] as Running;
    return next.done === true ? next.value : undefined;
  }

  fault(): string | undefined {
    const asleep = this.#threads.findIndex((thread) => thread.waiting && !thread.dead);
    const results = this.#threads.map((thread) => (thread.next.done === true ? thread.next.value : undefined));
    const fault = this.#check(results);
    if (fault !== undefined) return fault;
    return asleep < 0 || this.#world.maySleep === true ? undefined : `thread ${asleep} sleeps for ever`;
  }

  #check(results: readonly unknown[]): string | undefined {
    try {
      return this.#world.check(results, this.#dead);
    } catch (error) {
      return String(error);
    }
  }

  #begin(program: Program): Running {
    const thread: Running = { program, next: program.next(), seen: { a: 1, b: 1 }, waiting: false, dead: false };
    this.#forget(thread);
    return thread;
  }

  /** A program may say that what it does from here on depends on nothing but these values. */
  #forget(thread: Running): void {
    while (thread.next.done !== true && thread.next.value.kind === 'forget') {
      thread.seen.a = 1;
      thread.seen.b = 1;
      for (const value of thread.next.value.values) this.#see(thread, value);
      thread.next = thread.program.next();
    }
    if (thread.next.done !== true) return;
    // Of one that has ended only its result counts.
    thread.seen.a = 7;
    thread.seen.b = 7;
    for (const letter of String(JSON.stringify(thread.next.value))) this.#see(thread, letter.charCodeAt(0));
  }

  #see(thread: Running, value: number): void {
    thread.seen.a = mix(thread.seen.a, value, 3);
    thread.seen.b = mix(thread.seen.b, value, 4);
  }

  #give(thread: Running, value: unknown): void {
    this.#see(thread, typeof value === 'number' ? value : String(value).length * 31);
    thread.next = thread.program.next(value);
    this.#forget(thread);
  }

  #write(words: Int32Array, at: number, value: number): void {
    const before = words[at] as number;
    this.#memory.a ^= mix(before, at, 5) ^ mix(value, at, 5);
    this.#memory.b ^= mix(before, at, 6) ^ mix(value, at, 6);
    words[at] = value;
  }

  #do({ kind, words, at, values }: Step, index: number): unknown {
    if (!(at >= 0 && at < words.length)) throw new Error(`thread ${index} reaches for word ${at}`);
    const before = words[at] as number;
    const [first = 0, second = 0] = values;
    switch (kind) {
      case 'get':
      case 'load':
        return before;
      case 'set':
      case 'store':
        this.#write(words, at, first);
        return first;
      case 'exchange':
        this.#write(words, at, first);
        return before;
      case 'add':
        this.#write(words, at, before + first);
        return before;
      case 'sub':
        this.#write(words, at, before - first);
        return before;
      case 'take':
        if (before > 0) this.#write(words, at, before - 1);
        return before > 0 ? 1 : 0;
      case 'compareExchange':
        if (before === (first | 0)) this.#write(words, at, second);
        return before;
      case 'wait':
        return this.#wait(index, at, before === first);
      default:
        return this.#notify(at, first === 0 && values.length === 0 ? Number.POSITIVE_INFINITY : first);
    }
  }

  /** The first time the step puts the thread to sleep; it is made again when it is woken. */
  #wait(index: number, at: number, equal: boolean): unknown {
    if (!equal) return 'not-equal';
    (this.#threads[index] as Running).waiting = true;
    this.#waiters.push({ thread: index, at });
    return 'ok';
  }

  #notify(at: number, count: number): number {
    let woken = 0;
    for (let index = 0; index < this.#waiters.length && woken < count; ) {
      const waiter = this.#waiters[index] as { thread: number; at: number };
      if (waiter.at !== at) {
        index++;
        continue;
      }
      this.#waiters.splice(index, 1);
      (this.#threads[waiter.thread] as Running).waiting = false;
      woken++;
    }
    return woken;
  }
}

function mix(value: number, place: number, seed: number): number {
  let hash = Math.imul((value | 0) ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b) ^ Math.imul((place | 0) + seed, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
