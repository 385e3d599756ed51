/** One seed: a broker on a simulated machine, clients that use all of it, crashes and faults, a final drain, and the checkers. */

import type { Broker, BrokerOptions } from '../../src/broker/broker.ts';
import { openBroker } from '../../src/broker/broker.ts';
import { type SimHost, simHost } from '../../src/host/simulated/sim-host.ts';
import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { Refused } from '../../src/model/refusal.ts';
import { checkAll, type Drained } from './check.ts';
import { Clients } from './clients.ts';
import { drain } from './drain.ts';
import { History } from './history.ts';
import { type Plan, planOf } from './plan.ts';
import { Scene } from './scene.ts';

export interface Report {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly operations: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly delivered: number;
  readonly lives: number;
  readonly ends: readonly string[];
}

/** Client operations in one life. */
const OPERATIONS = 60;
/** Simulated time in which a life must come to its end. */
const LIFE_MS = 60_000;

export async function runSeed(seed: number, trace?: (line: string) => void): Promise<Report> {
  const world = new World(seed, trace);
  await world.run();
  return world.report();
}

class World {
  readonly #seed: number;
  readonly #history = new History();
  readonly #random: SimRandom;
  readonly #plan: Plan;
  readonly #scene: Scene;
  readonly #clients: Clients;
  #machine: SimHost;
  #lives = 0;
  readonly #ends: string[] = [];
  readonly #trace: ((line: string) => void) | undefined;

  constructor(seed: number, trace: ((line: string) => void) | undefined) {
    this.#seed = seed;
    this.#trace = trace;
    // Every fourth machine has a disk so slow that leases end and messages expire while it is waited for; every eighth only where the journal is.
    const isSlow = seed % 4 === 0;
    const isJournalSlow = seed % 8 === 6;
    const delayMsMax = isJournalSlow ? (path: string) => (path.includes('/journal/') ? 60 : 1) : isSlow ? 60 : 1;
    this.#machine = simHost(seed, { delayMsMax, ...(trace && { trace: (line: string) => trace(`disk ${line}`) }) });
    this.#random = this.#machine.random;
    this.#plan = planOf(this.#random);
    this.#scene = new Scene(this.#machine.clock, this.#random, this.#history, this.#plan, isSlow || isJournalSlow ? 2000 : 50, trace);
    this.#clients = new Clients(this.#scene);
  }

  report(): Report {
    const { sent, delivered, faults } = this.#history;
    return {
      seed: this.#seed,
      faults,
      operations: this.#machine.disk.operations,
      sent: sent.size,
      confirmed: [...sent.values()].filter((s) => s.outcome === 'ok').length,
      delivered: delivered.length,
      lives: this.#lives,
      ends: this.#ends,
    };
  }

  async run(): Promise<void> {
    const lives = 1 + this.#random.int(4);
    for (let life = 0; life < lives && this.#history.faults.length === 0; life++) await this.#live();
    if (this.#history.faults.length === 0) await this.#last();
  }

  /** A life: open, work, end one way or another. */
  async #live(): Promise<void> {
    const life = ++this.#lives;
    const { random } = this;
    const end = this.#planEnd(random);
    this.#ends.push(end);
    this.#trace?.(`life ${life} will end by ${end}`);
    const broker = await this.#open(end !== 'crash-in-recovery' && end !== 'full');
    if (broker !== undefined) {
      const { clock } = this.#machine;
      const ended = await clock.runUntil(
        this.#clients.begin(broker, life, OPERATIONS, () => this.#over()),
        clock.monotonicMs() + LIFE_MS,
      );
      if (!ended) this.#history.fault('hang', `life ${life} (${end}) did not end; unanswered: ${this.#clients.unanswered}`);
      if (end === 'close' && !this.#over()) await this.#close(broker);
    }
    this.#clients.died(this.#machine.clock.monotonicMs());
    this.#machine.disk.heal();
    this.#machine.disk.setCapacity(Number.POSITIVE_INFINITY);
    this.#machine = end === 'kill' ? this.#machine.kill() : this.#machine.crash();
  }

  #failed(): void {
    this.#scene.failed = true;
  }

  get random(): SimRandom {
    return this.#random;
  }

  #over(): boolean {
    return this.#machine.disk.halted || this.#scene.failed;
  }

  #planEnd(random: SimRandom): string {
    const end = random.pick([
      'crash',
      'crash',
      'crash',
      'kill',
      'close',
      'eio',
      'enospc',
      'log-full',
      'short',
      'crash-in-recovery',
      'full',
      'jump',
    ]);
    const { disk } = this.#machine;
    const soon = disk.operations + 1 + random.int(160);
    if (end === 'crash' || end === 'kill') disk.failAt(soon, 'crash');
    if (end === 'crash-in-recovery') disk.failAt(disk.operations + 1 + random.int(20), 'crash');
    if (end === 'eio' || end === 'enospc' || end === 'short') disk.failAt(soon, end);
    if (end === 'log-full') disk.failUnder('/topics/', 1 + random.int(12), 'enospc');
    if (end === 'full') {
      disk.setCapacity(60_000 + random.int(400_000));
      this.#machine.clock.after(1000 + random.int(4000), () => disk.setCapacity(Number.POSITIVE_INFINITY));
    }
    if (end === 'jump') this.#machine.clock.after(random.int(2000), () => this.#machine.clock.jumpWall((random.float() - 0.5) * 7_200_000));
    return end;
  }

  /** Undefined: the crash or the fault came while opening. */
  async #open(mustWork: boolean, upkeep: BrokerOptions['upkeep'] = this.#plan.options.upkeep): Promise<Broker | undefined> {
    const { clock, disk } = this.#machine;
    let broker: Broker | undefined;
    let failed: unknown;
    this.#scene.failed = false;
    openBroker(this.#machine.host, { ...this.#plan.options, ...(upkeep && { upkeep }), onFailure: () => this.#failed() }).then(
      (opened) => {
        broker = opened;
      },
      (error: unknown) => {
        failed = error;
      },
    );
    await clock.runUntil(() => broker !== undefined || failed !== undefined || disk.halted, clock.monotonicMs() + LIFE_MS);
    if (broker !== undefined || disk.halted) return broker;
    const damaged = failed instanceof Refused && (failed.code === 'damaged' || failed.code === 'format');
    if (failed === undefined) this.#history.fault('open', 'the broker neither opened nor refused to');
    else if (disk.struck === 0 && (damaged || mustWork))
      this.#history.fault('open', `refused: ${String(failed)}\n${(failed as Error).stack ?? ''}`);
    return undefined;
  }

  async #close(broker: Broker): Promise<void> {
    const { clock, disk } = this.#machine;
    let closed = false;
    broker.close().then(
      () => {
        closed = true;
      },
      () => {
        closed = true;
      },
    );
    const done = await clock.runUntil(() => closed || disk.halted, clock.monotonicMs() + LIFE_MS);
    if (!done) this.#history.fault('close', 'the broker did not close');
  }

  /** The last life: no faults; what is left is drained, the state compared with its replays, and everything judged. */
  async #last(): Promise<void> {
    this.#lives++;
    let broker = await this.#open(true);
    if (broker === undefined) return this.#history.fault('open', 'the broker did not open after all faults had ended');
    const { clock } = this.#machine;
    let drained: Drained | undefined;
    let failed: unknown;
    const run = async (first: Broker): Promise<void> => {
      this.#scene.broker = first;
      this.#scene.life = this.#lives;
      await this.#clients.declareAll(first);
      const looked = await drain(first, clock, this.#plan, this.#history, () => this.#clients.members.drain(first));
      const churned = this.#clients.churns.map(async (churn) => churn.check(looked.queues.get(churn.name) ?? (await churn.look(first))));
      await Promise.all(churned);
      await this.#clients.open.check(first);
      drained = looked;
      this.#scene.broker = undefined;
    };
    run(broker).catch((error: unknown) => {
      failed = error;
    });
    await clock.runUntil(() => drained !== undefined || failed !== undefined, clock.monotonicMs() + 100 * LIFE_MS);
    if (drained === undefined) return this.#history.fault('drain', `it did not end: ${String(failed)} ${(failed as Error)?.stack ?? ''}`);
    const where = checkAll(this.#history, this.#plan, drained);
    const topics = new Map([...drained.topics].map(([name, partitions]) => [name, partitions.map(({ ids }) => ids)]));
    this.#clients.members.check(topics, (id) => where.get(id)?.has('out') === true);
    if (this.#history.faults.length > 0) return;
    broker = await this.#compareReplay(broker, 'tail');
    if (broker === undefined) return;
    await clock.settle(broker.checkpoint());
    await this.#compareReplay(broker, 'checkpoint');
  }

  /** kill -9 and open again: the state replayed is the state that was live. */
  async #compareReplay(broker: Broker, from: string): Promise<Broker | undefined> {
    const { clock } = this.#machine;
    await clock.advance(100);
    // What is not safe yet (a message being carried forward) a kill may rightly lose.
    const isSafe = () => (broker.metrics().get('journal_safe_position') ?? 0) >= (broker.metrics().get('journal_position') ?? 0);
    // What a slow disk lets be buried only now would go back to its queue with the kill.
    await clock.runUntil(() => broker.idle && isSafe());
    const live = broker.digest();
    this.#machine = this.#machine.kill();
    // Nothing is carried forward while looking: what the new process does by itself is not what it replayed.
    const again = await this.#open(true, { ...this.#plan.options.upkeep, carryCountMax: -1 });
    if (again === undefined) return undefined;
    const replayed = again.digest();
    if (live !== replayed) this.#history.fault('J2 replay', `live and replayed (${from}) differ:\n${difference(live, replayed)}`);
    return again;
  }
}

function difference(a: string, b: string): string {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return `at ${i}: …${a.slice(Math.max(0, i - 80), i + 120)}…\n   but …${b.slice(Math.max(0, i - 80), i + 120)}…`;
}
