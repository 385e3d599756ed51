/** The handlers of an event bus in the order they run, and running them: none that throws keeps the others from running. */

/** Called with what was published and its type. What it throws, or rejects with, goes to the bus's `onError`. */
export type BusHandler<Data = unknown, Type extends string = string> = (data: Data, type: Type) => unknown;

/** A type of events as the bus has it; symbols come by the emitter façade only. */
export type TypeName = string | symbol;

/** A handler that failed. */
export interface BusFailure {
  /** The handler's name, or `a handler`. */
  readonly handler: string;
  readonly type: TypeName;
  /** What was thrown. */
  readonly cause: unknown;
}

/** A function of any kind. */
export type Fn = (...args: unknown[]) => unknown;

export interface EntryOptions {
  readonly name: string;
  /** Higher runs first. */
  readonly priority: number;
  /** Of one priority: lower runs first. */
  readonly order: number;
  readonly once: boolean;
  /** The emitter, if it came by one: it is then called as its method, with all that is emitted. */
  readonly emitter: unknown;
}

const STANDING = 0;
const ONCE = 1;
const OVER = 2;

/** One subscription. */
export class Entry {
  readonly fn: Fn;
  readonly options: EntryOptions;
  #state: typeof STANDING | typeof ONCE | typeof OVER;
  readonly #onEnd: (entry: Entry) => void;

  /** `onEnd`: takes it out of where it is found. */
  constructor(fn: Fn, options: EntryOptions, onEnd: (entry: Entry) => void) {
    this.fn = fn;
    this.options = options;
    this.#state = options.once ? ONCE : STANDING;
    this.#onEnd = onEnd;
  }

  get name(): string {
    return this.options.name === '' ? 'a handler' : this.options.name;
  }

  /** False when it is not to run any more. One that runs once is over from here on. */
  begins(): boolean {
    return this.#state === STANDING || this.end();
  }

  /** False when it was over already. */
  end(): boolean {
    if (this.#state === OVER) return false;
    this.#state = OVER;
    this.#onEnd(this);
    return true;
  }
}

/** Who came how, where all came the same way and stay. */
const MIXED = 0;
const HANDLERS = 1;
const LISTENERS = 2;

/** Handlers in the order they run. Never changed: whoever runs it now is not disturbed. */
export class Plan {
  readonly entries: readonly Entry[];
  /** Their functions alone: with many types the entries do not fit into the processor's nearest memory, and these do. */
  readonly fns: readonly Fn[];
  readonly kind: typeof MIXED | typeof HANDLERS | typeof LISTENERS;

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    this.fns = entries.map(({ fn }) => fn);
    const stay = entries.every(({ options }) => !options.once);
    const listeners = entries.filter(({ options }) => options.emitter !== undefined).length;
    this.kind = !stay || (listeners > 0 && listeners < entries.length) ? MIXED : listeners === 0 ? HANDLERS : LISTENERS;
  }

  get length(): number {
    return this.entries.length;
  }

  with(entry: Entry): Plan {
    let at = this.entries.length;
    while (at > 0 && !runsBefore(this.entries[at - 1] as Entry, entry)) at--;
    return new Plan(this.entries.toSpliced(at, 0, entry));
  }

  without(entry: Entry): Plan {
    return new Plan(this.entries.filter((one) => one !== entry));
  }

  merged(others: readonly Entry[]): Plan {
    return new Plan([...this.entries, ...others].sort((a, b) => (runsBefore(a, b) ? -1 : 1)));
  }
}

export const NOBODY: Plan = new Plan([]);

function runsBefore({ options: a }: Entry, { options: b }: Entry): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.order < b.order);
}

/** Runs handlers for one bus. */
export class Dispatch {
  readonly #report: (failure: BusFailure) => void;
  /** Subscriptions that have ended: while it stays the same, everybody in a plan is still to run. */
  #ends = 0;

  /** `report`: hears of every failure. What it throws itself is thrown at the process, later. */
  constructor(report: (failure: BusFailure) => void) {
    this.#report = report;
  }

  entry(fn: Fn, options: EntryOptions, onEnd: (entry: Entry) => void): Entry {
    return new Entry(fn, options, (entry) => {
      this.#ends++;
      onEnd(entry);
    });
  }

  /** Runs all, one after the other, and waits for none. Answers how many ran. */
  publish(plan: Plan, data: unknown, type: TypeName): number {
    if (plan.kind !== HANDLERS) return this.#each(plan, 0, type, [data, type]);
    const { fns } = plan;
    const ends = this.#ends;
    let at = 0;
    for (;;) {
      try {
        while (at < fns.length) {
          const fn = fns[at++] as Fn;
          const returned = fn(data, type);
          if (returned !== undefined) this.#watch(returned, plan, at - 1, type);
          if (this.#ends !== ends) return at + this.#each(plan, at, type, [data, type]);
        }
        return at;
      } catch (cause) {
        this.#fail(plan, at - 1, type, cause);
        if (this.#ends !== ends) return at + this.#each(plan, at, type, [data, type]);
      }
    }
  }

  /** As `publish`, for an emitter: listeners get all of `args`. What they throw goes to `thrown`. */
  emit(plan: Plan, type: TypeName, args: readonly unknown[], emitter: unknown, thrown: (name: string, cause: unknown) => void): number {
    if (plan.kind !== LISTENERS) return this.#each(plan, 0, type, [args[0], type], args, thrown);
    const { fns } = plan;
    const ends = this.#ends;
    let at = 0;
    for (;;) {
      try {
        while (at < fns.length) {
          const returned = Reflect.apply(fns[at++] as Fn, emitter, args);
          if (returned !== undefined) this.#watch(returned, plan, at - 1, type);
          if (this.#ends !== ends) return at + this.#each(plan, at, type, [args[0], type], args, thrown);
        }
        return at;
      } catch (cause) {
        thrown((plan.entries[at - 1] as Entry).name, cause);
        if (this.#ends !== ends) return at + this.#each(plan, at, type, [args[0], type], args, thrown);
      }
    }
  }

  /** Runs all and waits for them: each begins when the one before has settled, or at once. Never rejects. */
  async publishAsync(plan: Plan, data: unknown, type: TypeName, parallel: boolean): Promise<{ ran: number; failed: BusFailure[] }> {
    const failed: BusFailure[] = [];
    let ran = 0;
    const running: Promise<void>[] = [];
    const one = async (entry: Entry): Promise<void> => {
      try {
        await Reflect.apply(entry.fn, entry.options.emitter, entry.options.emitter === undefined ? [data, type] : [data]);
      } catch (cause) {
        const failure = { handler: entry.name, type, cause };
        failed.push(failure);
        this.report(failure);
      }
    };
    for (const entry of plan.entries) {
      if (!entry.begins()) continue;
      ran++;
      const settling = one(entry);
      if (parallel) running.push(settling);
      else await settling;
    }
    await Promise.all(running);
    return { ran, failed };
  }

  report(failure: BusFailure): void {
    try {
      this.#report(failure);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }

  /** Runs those from place `from` on, whatever they are. `args`, `thrown`: by an emitter. */
  #each(
    plan: Plan,
    from: number,
    type: TypeName,
    published: readonly [data: unknown, type: TypeName],
    args: readonly unknown[] = [published[0]],
    thrown?: (name: string, cause: unknown) => void,
  ): number {
    let ran = 0;
    for (let at = from; at < plan.entries.length; at++) {
      const entry = plan.entries[at] as Entry;
      if (!entry.begins()) continue;
      ran++;
      const { emitter } = entry.options;
      try {
        this.#watch(Reflect.apply(entry.fn, emitter, emitter === undefined ? published : args), plan, at, type);
      } catch (cause) {
        if (thrown !== undefined && emitter !== undefined) thrown(entry.name, cause);
        else this.#fail(plan, at, type, cause);
      }
    }
    return ran;
  }

  #watch(returned: unknown, plan: Plan, at: number, type: TypeName): void {
    if (isPromise(returned)) returned.then(undefined, (cause) => this.#fail(plan, at, type, cause));
  }

  #fail(plan: Plan, at: number, type: TypeName, cause: unknown): void {
    this.report({ handler: (plan.entries[at] as Entry).name, type, cause });
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** What is done with failures where nothing else was said. */
export function warn({ handler, type, cause }: BusFailure): void {
  process.emitWarning(`${handler} failed on an event of type "${String(type)}": ${String(cause)}`, 'EventBusWarning');
}
