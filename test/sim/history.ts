/** What the clients of a simulated broker know: what they asked, what they were told, what they were given. The checkers judge by it alone. */

/** `unknown`: no answer came before the crash; it may or may not have happened. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** One message as its publisher knows it; or what a binding's transform makes of one, which is a message of its own here. */
export interface Sent {
  readonly id: string;
  /** Made by a transform: its id is that of the original and this. */
  readonly isCopy: boolean;
  readonly publisher: number;
  /** Order of sending of this publisher. */
  readonly turn: number;
  /** Queues it should reach, each once; all or none. What hashes decide is added when they are known. */
  readonly queues: string[];
  readonly topics: readonly string[];
  /** Consistent hashes on its way: what is hashed → who may get it. */
  readonly draws: ReadonlyMap<string, readonly string[]>;
  readonly key: string;
  readonly body: string;
  readonly sizeBytes: number;
  readonly dedupId: string | undefined;
  readonly priority: number;
  readonly dueMs: number;
  /** Has a time to live of its own. */
  readonly mortal: boolean;
  readonly sentMs: number;
  /** One whose outcome was unknown is sent again. */
  lastSentMs: number;
  /** Infinity unless mortal. */
  readonly ttlMs: number;
  /** Transactions: all of one number are seen together or not at all. */
  readonly transaction: number | undefined;
  /** Those of one batch, or of one transaction, are seen together or not at all. */
  readonly together: string;
  /** The record it was made from, exactly once: `topic/partition/offset`. */
  readonly of: string | undefined;
  /** Steps of the history at which it was sent first, and confirmed. */
  readonly askedAt: number;
  confirmedAt: number | undefined;
  outcome: Outcome;
  /** The broker knew its dedup id, or producer sequence, already. */
  duplicate: boolean;
  place: { readonly partition: number; readonly offset: number } | undefined;
}

export interface Delivered {
  readonly id: string;
  readonly queue: string;
  readonly number: number;
  readonly consumer: number;
  readonly life: number;
  readonly atMs: number;
  readonly atStep: number;
  readonly attempts: number;
  /** When it stopped being held, as far as the consumer knows: settled, given back, lease over, crash. */
  heldUntilMs: number;
  acked: Outcome | undefined;
}

/** A record read from a topic. */
export interface Read {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly life: number;
}

/** One value that is set now and then: the last one known safe, and all that were asked for since. */
export interface Register {
  confirmed: string;
  maybe: string[];
}

export class History {
  readonly sent: Map<string, Sent> = new Map();
  readonly delivered: Delivered[] = [];
  readonly read: Read[] = [];
  /** Registers by what they are: a retained value, a cursor moved by hand, the properties of a topic. */
  readonly registers: Map<string, Register> = new Map();
  /** Where partitions were asked to begin, by hand. */
  readonly trims: { readonly topic: string; readonly partition: number; readonly start: number; confirmed?: boolean }[] = [];
  /** Queues that had an at-most-once consumer: what it took may be gone without having been seen. */
  readonly once: Set<string> = new Set();
  /** `life/queue` in which a consumer was cancelled: what was on its way to it goes back unseen, behind what others were given meanwhile. */
  readonly cancelled: Set<string> = new Set();
  readonly faults: string[] = [];
  /** Messages that were acked or rejected as part of a transaction: by transaction number. */
  readonly endedIn: Map<number, { readonly delivered: Delivered; readonly outcome: 'ack' | 'reject' }> = new Map();
  #step = 0;

  /** Counts what happens, in order. */
  step(): number {
    return ++this.#step;
  }

  fault(rule: string, text: string): void {
    if (this.faults.length < 20) this.faults.push(`${rule}: ${text}`);
  }

  /** A register is about to be set; call what is answered once that is confirmed. */
  setting(name: string, value: string, before = ''): () => void {
    const register = this.registers.get(name) ?? { confirmed: before, maybe: [] };
    this.registers.set(name, register);
    register.maybe.push(value);
    return () => {
      const at = register.maybe.indexOf(value);
      // One asked for later was confirmed before: it stands.
      if (at < 0) return;
      register.confirmed = value;
      register.maybe = register.maybe.slice(at + 1);
    };
  }

  /** What a register holds at the end has to be what was confirmed last, or something asked for since. */
  checkRegister(rule: string, name: string, value: string): void {
    const register = this.registers.get(name);
    if (register === undefined || value === register.confirmed || register.maybe.includes(value)) return;
    this.fault(rule, `${name} is "${value}", confirmed was "${register.confirmed}"`);
  }
}
