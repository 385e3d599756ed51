/** Workers that read, transform and write exactly once, two of them under one name: each keeps ending the other's transactions. */

import {
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  ERROR,
  INIT_PRODUCER_ID,
  OFFSET_FETCH,
  TXN_OFFSET_COMMIT,
} from '../../../src/wire/kafka/kafka.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { KafkaTransaction, Made } from './kafka-ledger.ts';
import { fetchFrom, sendBatch } from './kafka-producers.ts';
import type { KafkaScene } from './kafka-scene.ts';

export const WORK_GROUP = 'work';
export const INPUT = 'in';
export const OUTPUT = 'out';
export const OUTPUTS = 2;

interface Named {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export async function nameFor(client: KafkaClient, scene: KafkaScene, transactionalId: string): Promise<Named | undefined> {
  const before = scene.ledger.names.get(transactionalId);
  const given = await client.ask(INIT_PRODUCER_ID, { transactionalId, transactionTimeoutMs: 500 });
  if (given === undefined || (given.errorCode ?? 0) !== ERROR.none) return undefined;
  const { producerId = -1, producerEpoch } = given;
  scene.ledger.named(transactionalId, producerId, producerEpoch, before);
  scene.trace?.(`${transactionalId} is ${producerId}/${producerEpoch}`);
  return { transactionalId, producerId, producerEpoch };
}

export async function worker(scene: KafkaScene, transactionalId: string, partition: number): Promise<void> {
  for (;;) {
    const client = await scene.client();
    const named = await nameFor(client, scene, transactionalId);
    if (named !== undefined) await new Work(scene, client, named, partition).run();
    if (client.isAlive && scene.random.chance(0.5)) client.drop();
    await scene.wait(scene.random.float() * 40);
  }
}

/** From one InitProducerId to the first no. */
class Work {
  readonly #scene: KafkaScene;
  readonly #client: KafkaClient;
  readonly #named: Named;
  readonly #partition: number;
  /** Counted over all transactions of this epoch. */
  readonly #sequences = new Map<number, number>();

  constructor(scene: KafkaScene, client: KafkaClient, named: Named, partition: number) {
    this.#scene = scene;
    this.#client = client;
    this.#named = named;
    this.#partition = partition;
  }

  get #isFenced(): boolean {
    const { transactionalId, producerId, producerEpoch } = this.#named;
    return this.#scene.ledger.isFenced(transactionalId, producerId, producerEpoch);
  }

  async run(): Promise<void> {
    const { random } = this.#scene;
    let position = await this.#begin();
    while (position !== undefined && this.#client.isAlive) {
      const read = await fetchFrom(this.#client, INPUT, this.#partition, position, 1);
      if (read === undefined || read.errorCode !== ERROR.none) return;
      const inputs = this.#scene.saw(INPUT, this.#partition, position, read).slice(0, 1 + random.int(4));
      const next = inputs.length === 0 ? read.next : (inputs.at(-1)?.offset ?? 0) + 1;
      if (inputs.length > 0) {
        const outcome = await this.#transact(
          inputs.map(({ offset }) => offset),
          next,
        );
        if (outcome === 'failed') return;
        // What was aborted is done again.
        if (outcome === 'committed') position = next;
      } else position = next;
      await this.#scene.wait(random.float() * 15);
    }
  }

  /** Where the group stands, once no transaction may move it any more. */
  async #begin(): Promise<number | undefined> {
    for (let times = 0; times < 20; times++) {
      const answer = await this.#client.ask(OFFSET_FETCH, {
        groupId: WORK_GROUP,
        topics: [{ name: INPUT, partitionIndexes: [this.#partition] }],
        requireStable: true,
      });
      const told = answer?.topics?.[0]?.partitions[0];
      if (told === undefined) return undefined;
      if ((told.errorCode ?? 0) === ERROR.none) return Math.max(0, told.committedOffset);
      await this.#scene.wait(10);
    }
    return undefined;
  }

  async #transact(offsets: readonly number[], next: number): Promise<'committed' | 'aborted' | 'failed'> {
    const { ledger, random } = this.#scene;
    const transaction = ledger.begin(this.#named.transactionalId, this.#named.producerEpoch);
    const outputs = Array.from({ length: OUTPUTS }, (): Made[] => []);
    for (const offset of offsets) {
      const to = random.int(OUTPUTS);
      outputs[to]?.push(ledger.make(OUTPUT, to, transaction, `${this.#partition}:${offset}`));
    }
    const isPrepared = await this.#prepare(outputs, next);
    if (!isPrepared) return 'failed';
    // Now and then it is slow, and another may take over meanwhile.
    if (random.chance(0.15)) await this.#scene.wait(random.float() * 60);
    if (random.chance(0.03)) this.#client.drop();
    return this.#end(transaction, random.chance(0.8));
  }

  async #prepare(outputs: readonly (readonly Made[])[], next: number): Promise<boolean> {
    const partitions = [...outputs.keys()].filter((i) => (outputs[i]?.length ?? 0) > 0);
    const { transactionalId, producerId, producerEpoch } = this.#named;
    let wasFenced = this.#isFenced;
    const added = await this.#client.ask(ADD_PARTITIONS, { ...this.#named, topics: [{ name: OUTPUT, partitions }] });
    const addedCodes = added?.results?.flatMap(({ results }) => results.map(({ errorCode }) => errorCode ?? 0)) ?? [-1];
    if (!this.#isTaken(addedCodes, 'AddPartitionsToTxn', wasFenced)) return false;
    wasFenced = this.#isFenced;
    const group = await this.#client.ask(ADD_OFFSETS_TO_TXN, { ...this.#named, groupId: WORK_GROUP });
    if (!this.#isTaken([group === undefined ? -1 : (group.errorCode ?? 0)], 'AddOffsetsToTxn', wasFenced)) return false;
    for (const partition of partitions) {
      const made = outputs[partition] ?? [];
      const sequence = this.#sequences.get(partition) ?? 0;
      wasFenced = this.#isFenced;
      const told = await sendBatch(this.#client, made, { id: producerId, epoch: producerEpoch, sequence }, -1, transactionalId);
      if (told === undefined || !this.#isTaken([told.errorCode], 'Produce', wasFenced)) return false;
      if (told.baseOffset >= 0) for (const [i, one] of made.entries()) this.#scene.ledger.placed(one, told.baseOffset + i);
      this.#sequences.set(partition, sequence + made.length);
    }
    wasFenced = this.#isFenced;
    const moved = await this.#client.ask(OFFSETS, {
      ...this.#named,
      groupId: WORK_GROUP,
      generationId: -1,
      memberId: '',
      topics: [{ name: INPUT, partitions: [{ partitionIndex: this.#partition, committedOffset: next, committedMetadata: '' }] }],
    });
    const movedCodes = moved?.topics.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode ?? 0)) ?? [-1];
    return this.#isTaken(movedCodes, 'TxnOffsetCommit', wasFenced);
  }

  /** Who had heard of a newer epoch before it asked must hear no. */
  #isTaken(codes: readonly number[], what: string, wasFenced: boolean): boolean {
    const isTaken = codes.every((code) => code === ERROR.none);
    const { transactionalId, producerEpoch } = this.#named;
    if (isTaken && wasFenced)
      this.#scene.ledger.fault('T2 fencing', `${transactionalId}/${producerEpoch}: ${what} was taken after a newer one had come`);
    return isTaken;
  }

  async #end(transaction: KafkaTransaction, committed: boolean): Promise<'committed' | 'aborted' | 'failed'> {
    const { ledger } = this.#scene;
    const { transactionalId, producerEpoch } = this.#named;
    transaction.outcome = committed ? 'unknown' : 'aborted';
    const wasFenced = this.#isFenced;
    const answer = await this.#client.ask(END, { ...this.#named, committed });
    const isDone = answer !== undefined && (answer.errorCode ?? 0) === ERROR.none;
    this.#scene.trace?.(
      `${transactionalId}/${producerEpoch} transaction ${transaction.number} ${committed ? 'commit' : 'abort'}: ${answer?.errorCode ?? 'no answer'}`,
    );
    if (isDone && wasFenced)
      ledger.fault('T2 fencing', `${transactionalId}/${producerEpoch} ended its transaction after a newer one had come`);
    if (!isDone) {
      // Who heard that it is fenced has committed nothing, unless that was by an earlier try: there is none here.
      if (answer !== undefined && FENCED.has(answer.errorCode ?? 0)) transaction.outcome = 'aborted';
      return 'failed';
    }
    if (committed) {
      transaction.outcome = 'committed';
      ledger.confirmed += transaction.made.length;
    }
    return committed ? 'committed' : 'aborted';
  }
}

/** As clients speak whose transactions share an epoch. */
const ADD_PARTITIONS = { ...ADD_PARTITIONS_TO_TXN, versions: [0, 3] } as const;
const OFFSETS = { ...TXN_OFFSET_COMMIT, versions: [0, 4] } as const;
const END = { ...END_TXN, versions: [0, 4] } as const;
const FENCED: ReadonlySet<number> = new Set([ERROR.producerFenced, ERROR.invalidProducerEpoch, ERROR.invalidProducerIdMapping]);
