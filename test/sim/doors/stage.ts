/** Lives of one simulated broker behind a door: it opens, is worked with, ends one way or another, and is judged in its last life. */

import type { Broker, BrokerOptions } from '../../../src/broker/broker.ts';
import { openBroker } from '../../../src/broker/broker.ts';
import { type SimHost, simHost } from '../../../src/host/simulated/sim-host.ts';
import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { Refused } from '../../../src/model/refusal.ts';

/** What the clients of one door do, and what they know. */
export interface Cast {
  /** What was seen that must not be. */
  readonly faults: string[];
  /** How often something was promised: a seed without any proves nothing. */
  readonly confirmed: number;
  /** A life begins: the door is opened on this broker. */
  begin(life: Life): void;
  /** It ends in order: resolves when the door is closed. */
  leave(): Promise<void>;
  /** It is over: nothing is answered any more. `clean`: in order. */
  died(clean: boolean): void;
  /** The last life: what is left is looked at through the door, and judged. */
  judge(life: Life): Promise<void>;
}

export interface Life {
  readonly number: number;
  readonly machine: SimHost;
  readonly broker: Broker;
  /** The broker has said that it failed: it must promise nothing more. */
  readonly failed: () => boolean;
  /** The disk has little room in this life. */
  readonly isTight: boolean;
}

export interface DoorReport {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly confirmed: number;
  readonly lives: number;
  readonly ends: readonly string[];
}

const LIFE_MS = 60_000;
/** How long the clients of one life work. */
const WORK_MS = 150;
const ENDS = ['crash', 'crash', 'crash', 'kill', 'close', 'eio', 'enospc', 'short', 'crash-in-recovery', 'full'] as const;

export type CastOf = (random: SimRandom, trace: ((line: string) => void) | undefined) => Cast;

export async function play(
  seed: number,
  castOf: CastOf,
  languages: BrokerOptions['languages'],
  trace?: (line: string) => void,
): Promise<DoorReport> {
  const stage = new Stage(seed, castOf, languages, trace);
  return stage.run();
}

class Stage {
  readonly #seed: number;
  readonly #cast: Cast;
  readonly #options: BrokerOptions;
  readonly #random: SimRandom;
  readonly #ends: string[] = [];
  readonly #trace: ((line: string) => void) | undefined;
  #machine: SimHost;
  #lives = 0;
  #failed = false;

  constructor(seed: number, castOf: CastOf, languages: BrokerOptions['languages'], trace: ((line: string) => void) | undefined) {
    this.#seed = seed;
    this.#trace = trace;
    this.#machine = simHost(seed, {
      delayMsMax: seed % 4 === 0 ? 20 : 1,
      logger: {
        info: () => undefined,
        warn: () => undefined,
        error: (event, fields) => void this.#logged.push(`${event} ${JSON.stringify(fields)}`),
      },
    });
    this.#random = this.#machine.random;
    this.#options = optionsOf(this.#random, languages);
    this.#cast = castOf(this.#random, trace);
  }

  /** Errors that a door says are its own: none may happen but for want of a disk. */
  readonly #logged: string[] = [];

  async run(): Promise<DoorReport> {
    const lives = 1 + this.#random.int(3);
    for (let life = 0; life < lives && this.#cast.faults.length === 0; life++) await this.#live();
    if (this.#cast.faults.length === 0) await this.#last();
    const { faults, confirmed } = this.#cast;
    return { seed: this.#seed, faults, confirmed, lives: this.#lives, ends: this.#ends };
  }

  async #live(): Promise<void> {
    const cast = this.#cast;
    const end = this.#random.pick(ENDS);
    this.#lives++;
    this.#ends.push(end);
    this.#trace?.(`life ${this.#lives} will end by ${end}`);
    this.#planEnd(end);
    const { clock, disk } = this.#machine;
    const broker = await this.#open(end !== 'crash-in-recovery' && end !== 'full');
    let clean = false;
    if (broker !== undefined) {
      cast.begin(this.#life(broker, end === 'full'));
      const over = (): boolean => disk.halted || this.#failed || cast.faults.length > 0;
      const untilMs = clock.monotonicMs() + WORK_MS * (0.3 + this.#random.float());
      await clock.runUntil(() => over() || clock.monotonicMs() >= untilMs, untilMs);
      if (end === 'close' && !over()) clean = await this.#close(broker);
    }
    this.#trace?.(`life ${this.#lives} ends${clean ? ' in order' : ''}${this.#failed ? ', the broker had failed' : ''}`);
    cast.died(clean);
    this.#judgeLog(end);
    disk.heal();
    disk.setCapacity(Number.POSITIVE_INFINITY);
    this.#machine = end === 'kill' || clean ? this.#machine.kill() : this.#machine.crash();
  }

  #life(broker: Broker, isTight: boolean): Life {
    return { number: this.#lives, machine: this.#machine, broker, failed: () => this.#failed, isTight };
  }

  #judgeLog(end: string): void {
    const mayFail = end === 'eio' || end === 'enospc' || end === 'short' || end === 'full';
    const doors = this.#logged.splice(0).filter((line) => /^(amqp|kafka)\./.test(line));
    if (!mayFail && doors.length > 0) this.#cast.faults.push(`a door failed: ${doors[0]}`);
  }

  #planEnd(end: (typeof ENDS)[number]): void {
    const { disk, clock } = this.#machine;
    const soon = disk.operations + 1 + this.#random.int(200);
    if (end === 'crash' || end === 'kill') disk.failAt(soon, 'crash');
    if (end === 'crash-in-recovery') disk.failAt(disk.operations + 1 + this.#random.int(20), 'crash');
    if (end === 'eio' || end === 'enospc' || end === 'short') disk.failAt(soon, end);
    if (end === 'full') {
      disk.setCapacity(60_000 + this.#random.int(400_000));
      clock.after(100 + this.#random.int(300), () => disk.setCapacity(Number.POSITIVE_INFINITY));
    }
  }

  /** Undefined: the crash or the fault came while opening. */
  async #open(mustWork: boolean): Promise<Broker | undefined> {
    const { clock, disk, host } = this.#machine;
    let broker: Broker | undefined;
    let failed: unknown;
    this.#failed = false;
    openBroker(host, {
      ...this.#options,
      onFailure: () => {
        this.#failed = true;
      },
    }).then(
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
    if (failed === undefined) this.#cast.faults.push('open: the broker neither opened nor refused to');
    else if (disk.struck === 0 && (damaged || mustWork)) this.#cast.faults.push(`open: refused: ${String(failed)}`);
    return undefined;
  }

  /** True when it ended in order. */
  async #close(broker: Broker): Promise<boolean> {
    const { clock, disk } = this.#machine;
    let closed = false;
    const done = (): void => {
      closed = true;
    };
    this.#cast
      .leave()
      .then(() => broker.close())
      .then(done, (error: unknown) => {
        if (!disk.halted) this.#cast.faults.push(`close: ${String(error)}`);
        done();
      });
    const ended = await clock.runUntil(() => closed || disk.halted, clock.monotonicMs() + LIFE_MS);
    if (!ended) this.#cast.faults.push('close: the door or the broker did not close');
    return closed;
  }

  async #last(): Promise<void> {
    this.#lives++;
    const broker = await this.#open(true);
    if (broker === undefined) return void this.#cast.faults.push('open: the broker did not open after all faults had ended');
    const { clock } = this.#machine;
    let over = false;
    this.#cast.judge(this.#life(broker, false)).then(
      () => {
        over = true;
      },
      (error: unknown) => {
        over = true;
        this.#cast.faults.push(`drain: ${String(error)} ${error instanceof Error ? error.stack : ''}`);
      },
    );
    await clock.runUntil(() => over, clock.monotonicMs() + 10 * LIFE_MS);
    if (!over) this.#cast.faults.push('drain: it did not end');
    this.#judgeLog('none');
    this.#machine.kill();
  }
}

/** Small files, so that segments roll and checkpoints are taken within a few dozen operations. */
function optionsOf(random: SimRandom, languages: BrokerOptions['languages']): BrokerOptions {
  return {
    directory: '/data',
    blockBytesMax: 8192,
    segmentBytes: 32_768 << random.int(3),
    cacheBytes: random.pick([0, 16_384, 1 << 20]),
    logSegmentBytes: 2048 << random.int(5),
    messageBytesMax: 7000,
    ...(languages && { languages }),
    upkeep: {
      checkpointBytes: random.pick([30_000, 60_000, 200_000]),
      carryCountMax: random.pick([0, 10, 1000]),
      segmentsMin: random.pick([1, 2, 4]),
      intervalMs: random.pick([5, 50, 500]),
      tombstoneMs: 1000,
    },
  };
}
