/** What the clients of a simulated broker know: what they asked, what they were told, what they were given. The checkers judge by it alone. */

/** `unknown`: no answer came before the crash; it may or may not have happened. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** One message as its publisher knows it. */
export interface Sent {
  readonly id: string;
  readonly publisher: number;
  /** Order of sending of this publisher. */
  readonly turn: number;
  /** Queues it should reach, each once; all or none. */
  readonly queues: readonly string[];
  readonly topic: string | undefined;
  readonly key: string | undefined;
  readonly body: string;
  readonly dedupId: string | undefined;
  readonly priority: number;
  readonly dueMs: number;
  /** Has a time to live of its own. */
  readonly mortal: boolean;
  readonly sentMs: number;
  /** Infinity unless mortal. */
  readonly ttlMs: number;
  /** Transactions: all of one number are seen together or not at all. */
  readonly transaction: number | undefined;
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

export class History {
  readonly sent: Map<string, Sent> = new Map();
  readonly delivered: Delivered[] = [];
  readonly read: Read[] = [];
  /** Highest cursor known safe, by `group/topic/partition`. */
  readonly cursors: Map<string, number> = new Map();
  /** Last confirmed and all later unconfirmed retained values by address. */
  readonly retained: Map<string, { confirmed: string; maybe: string[] }> = new Map();
  /** Queues that had an at-most-once consumer: what it took may be gone without having been seen. */
  readonly once: Set<string> = new Set();
  /** `life/queue` in which a consumer was cancelled: what was on its way to it goes back unseen, behind what others were given meanwhile. */
  readonly cancelled: Set<string> = new Set();
  readonly faults: string[] = [];
  /** Messages that were acked or rejected as part of a transaction: by transaction number. */
  readonly endedIn: Map<number, { readonly delivered: Delivered; readonly outcome: 'ack' | 'reject' }> = new Map();

  fault(rule: string, text: string): void {
    if (this.faults.length < 20) this.faults.push(`${rule}: ${text}`);
  }
}
