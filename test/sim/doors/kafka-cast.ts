/** The Kafka door on a simulated machine: its clients outlive the broker, and at the end every log is read and compared with the ledger. */

import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { Attempts } from '../../../src/servers/attempts.ts';
import { Door } from '../../../src/servers/kafka/door.ts';
import { HANDLERS } from '../../../src/servers/kafka/handlers.ts';
import { KAFKA_LIMITS } from '../../../src/servers/kafka/limits.ts';
import { CREATE_TOPICS, ERROR, KAFKA, OFFSET_FETCH } from '../../../src/wire/kafka/kafka.ts';
import { KafkaClient } from './kafka-client.ts';
import { KafkaLedger } from './kafka-ledger.ts';
import { GroupLedger, lookAtOffsets, member } from './kafka-members.ts';
import { fetchFrom, idempotentProducer, plainProducer, reader } from './kafka-producers.ts';
import { KafkaScene } from './kafka-scene.ts';
import { INPUT, nameFor, OUTPUT, OUTPUTS, WORK_GROUP, worker } from './kafka-workers.ts';
import { type Cast, type DoorReport, type Life, play } from './stage.ts';

const TOPICS: readonly { readonly name: string; readonly partitions: number }[] = [
  { name: INPUT, partitions: 2 },
  { name: 'side', partitions: 1 },
  { name: OUTPUT, partitions: OUTPUTS },
];

export function runKafkaSeed(seed: number, trace?: (line: string) => void): Promise<DoorReport> {
  return play(seed, (random, tracing) => new KafkaCast(random, tracing), [KAFKA], trace);
}

export class KafkaCast implements Cast {
  readonly #ledger = new KafkaLedger();
  readonly #random: SimRandom;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #clients = new Set<KafkaClient>();
  #scene: KafkaScene | undefined;
  #group: GroupLedger | undefined;
  #door: Door | undefined;
  #life: Life | undefined;
  #isMade = false;
  #numbers = 0;

  constructor(random: SimRandom, trace: ((line: string) => void) | undefined) {
    this.#random = random;
    this.#trace = trace;
    this.#ledger.trace = trace;
  }

  get faults(): string[] {
    return this.#ledger.faults;
  }

  get confirmed(): number {
    return this.#ledger.confirmed;
  }

  begin(life: Life): void {
    this.#open(life);
    void this.#make(this.#connect()).then(() => this.#life === life && this.#work(life));
  }

  #open(life: Life): void {
    const { clock, random, logger } = life.machine.host;
    this.#life = life;
    this.#door = new Door(
      life.broker,
      { clock, random, logger },
      KAFKA_LIMITS,
      { autoCreate: false, partitions: 1 },
      [],
      new Attempts(clock, 1000, 60_000),
      HANDLERS,
    );
  }

  #connect(): KafkaClient {
    const { door, life } = { door: this.#door, life: this.#life };
    if (door === undefined || life === undefined) throw new Error('No life has begun.');
    const client = new KafkaClient(door, life, this.#ledger, this.#numbers++, (gone) => this.#clients.delete(gone));
    this.#clients.add(client);
    return client;
  }

  async #make(client: KafkaClient): Promise<void> {
    if (this.#isMade && this.#random.chance(0.8)) return;
    const answer = await client.ask(CREATE_TOPICS, {
      topics: TOPICS.map(({ name, partitions }) => ({
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: [],
      })),
      timeoutMs: 1000,
    });
    const codes = answer?.topics.map(({ errorCode }) => errorCode ?? 0) ?? [];
    if (codes.length === TOPICS.length && codes.every((code) => code === ERROR.none || code === ERROR.topicAlreadyExists))
      this.#isMade = true;
    else if (answer !== undefined && !client.mayBeRefused) this.#ledger.fault('refused', `topics: ${codes.join()}`);
  }

  #work(life: Life): void {
    if (!this.#isMade) return;
    if (this.#scene === undefined) this.#cast(life);
    this.#group?.begin();
    this.#scene?.open();
  }

  /** They are programs of their own: they outlive the broker, and come back to the next. */
  #cast({ machine: { clock } }: Life): void {
    const scene = new KafkaScene(clock, this.#random, this.#ledger, () => this.#connect(), this.#trace);
    const group = new GroupLedger(scene);
    this.#scene = scene;
    this.#group = group;
    const programs = [
      plainProducer(scene, INPUT, 2),
      plainProducer(scene, 'side', 1),
      idempotentProducer(scene, INPUT, 2),
      idempotentProducer(scene, 'side', 1),
      reader(scene, INPUT, 2),
      reader(scene, OUTPUT, OUTPUTS),
      worker(scene, 'worker-0', 0),
      worker(scene, 'worker-0', 0),
      worker(scene, 'worker-1', 1),
      member(scene, group),
      member(scene, group),
      member(scene, group),
    ];
    for (const program of programs)
      program.catch((error: unknown) => this.#ledger.fault('program', `${String(error)} ${error instanceof Error ? error.stack : ''}`));
  }

  async leave(): Promise<void> {
    const { door } = { door: this.#door };
    this.#scene?.close();
    door?.closing.abort();
    door?.groups.close();
    door?.transactions.close();
    for (const client of [...this.#clients]) if (!client.session.isBusy) client.drop();
    // What is under way is let finish; the clients hear of the end by themselves.
    for (let left = 100; left > 0 && [...this.#clients].some((client) => client.isAlive && client.session.isBusy); left--)
      await new Promise<void>((resolve) => this.#life?.machine.clock.after(1, resolve));
  }

  died(): void {
    this.#life = undefined;
    this.#scene?.close();
    for (const client of [...this.#clients]) client.die();
    this.#clients.clear();
  }

  async judge(life: Life): Promise<void> {
    this.#open(life);
    const scene = this.#scene;
    // No life was long enough for anything.
    if (scene === undefined) return;
    const client = this.#connect();
    // Whatever is still open under these names is aborted.
    for (const name of ['worker-0', 'worker-1'])
      if ((await nameFor(client, scene, name)) === undefined) this.#ledger.fault('refused', `no producer for ${name}`);
    const all = new Map<string, Set<number>>();
    const committed = new Map<string, Set<number>>();
    const inputs = new Map<number, number[]>();
    for (const { name, partitions } of TOPICS)
      for (let p = 0; p < partitions; p++) {
        all.set(`${name}/${p}`, new Set((await this.#readAll(client, scene, name, p, 0)).map(({ text }) => Number.parseInt(text, 10))));
        const visible = await this.#readAll(client, scene, name, p, 1);
        committed.set(`${name}/${p}`, new Set(visible.map(({ text }) => Number.parseInt(text, 10))));
        if (name === INPUT)
          inputs.set(
            p,
            visible.map(({ offset }) => offset),
          );
      }
    this.#ledger.judge(all, committed);
    this.#judgeLines(scene, all);
    for (const [partition, offsets] of inputs) {
      const end = await this.#standsAt(client, partition);
      this.#ledger.judgeExactlyOnce(partition, end, offsets, committed);
    }
    if (this.#group !== undefined) await lookAtOffsets(scene, this.#group, client);
    client.drop();
  }

  async #readAll(
    client: KafkaClient,
    scene: KafkaScene,
    topic: string,
    partition: number,
    isolation: 0 | 1,
  ): Promise<{ readonly offset: number; readonly text: string }[]> {
    const records: { readonly offset: number; readonly text: string }[] = [];
    for (let from = 0; ; ) {
      const read = await fetchFrom(client, topic, partition, from, isolation);
      if (read === undefined || read.errorCode !== ERROR.none) {
        this.#ledger.fault('refused', `the last look at ${topic}/${partition} from ${from}: ${read?.errorCode ?? 'no answer'}`);
        return records;
      }
      records.push(...scene.saw(topic, partition, from, read));
      if (read.next === from) {
        const end = isolation === 1 ? read.stableEnd : read.highWatermark;
        if (from < end) this.#ledger.fault('offsets', `${topic}/${partition} ends at ${end}, and nothing comes from ${from} on`);
        if (isolation === 1 && read.stableEnd < read.highWatermark)
          this.#ledger.fault('L9', `${topic}/${partition}: its stable end stays at ${read.stableEnd}`);
        return records;
      }
      from = read.next;
    }
  }

  /** What a producer with sequences sent is there as sent, up to some place, with nothing left out. */
  #judgeLines(scene: KafkaScene, all: ReadonlyMap<string, ReadonlySet<number>>): void {
    for (const [line, made] of scene.lines) {
      const [first] = made;
      if (first === undefined) continue;
      const there = all.get(`${first.topic}/${first.partition}`) ?? new Set<number>();
      const order = [...there].filter((id) => made.some((one) => one.id === id));
      const wanted = made.slice(0, order.length).map(({ id }) => id);
      if (order.join() !== wanted.join()) this.#ledger.fault('T3 sequence', `${line}: sent ${wanted.join()}, and there is ${order.join()}`);
    }
  }

  async #standsAt(client: KafkaClient, partition: number): Promise<number> {
    const answer = await client.ask(OFFSET_FETCH, {
      groupId: WORK_GROUP,
      topics: [{ name: INPUT, partitionIndexes: [partition] }],
      requireStable: true,
    });
    const told = answer?.topics?.[0]?.partitions[0];
    if (told === undefined || (told.errorCode ?? 0) !== ERROR.none) this.#ledger.fault('refused', `the group's offset: ${told?.errorCode}`);
    return Math.max(0, told?.committedOffset ?? 0);
  }
}
