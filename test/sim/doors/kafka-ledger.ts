/** What Kafka clients have sent and read: one value at one offset, for ever; every rule that one event can break is checked when it is seen. */

/** A record that somebody made. */
export interface Made {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly transaction: KafkaTransaction | undefined;
  /** `partition:offset` of the input it was made of. */
  readonly source: string;
  /** Where it was said to lie, by an answer that is kept for ever. */
  offset: number;
}

export interface KafkaTransaction {
  readonly number: number;
  readonly name: string;
  readonly epoch: number;
  outcome: 'open' | 'unknown' | 'committed' | 'aborted';
  readonly made: Made[];
}

/** A name for transactions, and the newest epoch anybody was told. */
interface Name {
  readonly id: number;
  readonly epoch: number;
}

/** What a fetch brought, in order. */
export interface Batch {
  readonly base: number;
  readonly last: number;
  readonly isControl: boolean;
  readonly isTransactional: boolean;
  readonly isAbort: boolean;
  readonly producerId: number;
  readonly records: readonly { readonly offset: number; readonly text: string }[];
}

export class KafkaLedger {
  readonly faults: string[] = [];
  readonly made: Made[] = [];
  readonly transactions: KafkaTransaction[] = [];
  /** What was seen at each offset, by `topic/partition`. */
  readonly #seen = new Map<string, Map<number, number>>();
  readonly #placeOf = new Map<number, number>();
  readonly names: Map<string, Name> = new Map();
  confirmed = 0;
  trace: ((line: string) => void) | undefined;

  fault(rule: string, text: string): void {
    this.faults.push(`${rule}: ${text}`);
  }

  make(topic: string, partition: number, transaction?: KafkaTransaction, source = ''): Made {
    const made: Made = { id: this.made.length, topic, partition, transaction, source, offset: -1 };
    this.made.push(made);
    transaction?.made.push(made);
    return made;
  }

  begin(name: string, epoch: number): KafkaTransaction {
    const transaction: KafkaTransaction = { number: this.transactions.length, name, epoch, outcome: 'open', made: [] };
    this.transactions.push(transaction);
    return transaction;
  }

  /** A producer was given this name's id and epoch: who had it before may do nothing more. `before`: the newest known when it asked. */
  named(name: string, id: number, epoch: number, before: Name | undefined): void {
    if (before !== undefined && before.id === id && epoch <= before.epoch)
      this.fault('T2 epoch', `${name} was given epoch ${epoch} of ${id} after ${before.epoch}`);
    const known = this.names.get(name);
    // Answers to several may be heard in another order than they were given.
    if (known === undefined || known.id !== id || known.epoch < epoch) this.names.set(name, { id, epoch });
  }

  isFenced(name: string, id: number, epoch: number): boolean {
    const known = this.names.get(name);
    return known !== undefined && (known.id !== id || known.epoch > epoch);
  }

  /** It was promised that this lies there. */
  placed(made: Made, offset: number): void {
    if (made.offset >= 0 && made.offset !== offset)
      this.fault('T3 repeat', `${made.id} was told to be at ${made.offset}, and then at ${offset}`);
    made.offset = offset;
    this.confirmed++;
    this.#at(made.topic, made.partition, offset, made.id);
  }

  #at(topic: string, partition: number, offset: number, id: number): void {
    const place = `${topic}/${partition}`;
    const seen = this.#seen.get(place) ?? new Map<number, number>();
    this.#seen.set(place, seen);
    const known = seen.get(offset);
    if (known !== undefined && known !== id) this.fault('L1 offsets', `${place} at ${offset} is ${id}, and was ${known}`);
    seen.set(offset, id);
    const former = this.#placeOf.get(id);
    if (former !== undefined && former !== offset) this.fault('L3 twice', `${id} is in ${place} at ${former} and at ${offset}`);
    this.#placeOf.set(id, offset);
  }

  /** Somebody has read this. `committedOnly`: and was promised that no transaction is under way or was aborted. */
  read(topic: string, partition: number, offset: number, text: string, committedOnly: boolean): Made | undefined {
    const made = this.made[Number.parseInt(text, 10)];
    if (made === undefined || text !== textOf(made.id) || made.topic !== topic || made.partition !== partition) {
      this.fault('phantom', `${topic}/${partition} at ${offset} is ${text.slice(0, 40)}, which nobody sent there`);
      return undefined;
    }
    this.#at(topic, partition, offset, made.id);
    const { transaction } = made;
    if (!committedOnly || transaction === undefined) return made;
    if (transaction.outcome === 'aborted') this.fault('G1a', `${made.id} of transaction ${transaction.number} was aborted, and read`);
    if (transaction.outcome === 'open')
      this.fault('G1b', `${made.id} of transaction ${transaction.number} was read before its commit was asked for`);
    return made;
  }

  /** Batches of one partition as they came: without gaps, from where was asked. */
  checkBatches(place: string, from: number, batches: readonly Batch[], mayHaveGaps: boolean): void {
    let next = -1;
    for (const { base, last } of batches) {
      if (last < base) this.fault('batch', `${place}: a batch from ${base} to ${last}`);
      if (next >= 0 && (base < next || (base > next && !mayHaveGaps))) this.fault('offsets', `${place}: after ${next - 1} comes ${base}`);
      next = last + 1;
    }
    const [first] = batches;
    if (first !== undefined && first.last < from) this.fault('offsets', `${place}: asked for ${from}, given what ends at ${first.last}`);
    if (first !== undefined && first.base > from && !mayHaveGaps)
      this.fault('offsets', `${place}: asked for ${from}, given what begins at ${first.base}`);
  }

  /** The whole of every partition, as everybody and as who wants only what is committed sees it. */
  judge(all: ReadonlyMap<string, ReadonlySet<number>>, committed: ReadonlyMap<string, ReadonlySet<number>>): void {
    for (const made of this.made) {
      const place = `${made.topic}/${made.partition}`;
      if (made.offset >= 0 && made.transaction === undefined && all.get(place)?.has(made.id) !== true)
        this.fault('L2 lost', `${made.id} was confirmed at ${place}/${made.offset} and is not there`);
    }
    const isVisible = ({ topic, partition, id }: Made): boolean => committed.get(`${topic}/${partition}`)?.has(id) === true;
    for (const { number, outcome, made } of this.transactions) {
      const visible = made.filter(isVisible);
      if (visible.length > 0 && visible.length < made.length)
        this.fault('T1 torn', `transaction ${number} (${outcome}): ${visible.length} of ${made.length}`);
      if (outcome === 'committed' && visible.length < made.length)
        this.fault('T1 lost', `transaction ${number} was committed; ${visible.length} of ${made.length} are there`);
      if ((outcome === 'aborted' || outcome === 'open') && visible.length > 0)
        this.fault('G1a', `transaction ${number} (${outcome}): ${visible.length} of ${made.length} are there`);
    }
  }

  /** Each input below the group's offset has become exactly one output, and none from there on. */
  judgeExactlyOnce(partition: number, end: number, inputs: readonly number[], committed: ReadonlyMap<string, ReadonlySet<number>>): void {
    const outputs = new Map<string, number>();
    for (const ids of committed.values())
      for (const id of ids) {
        const source = this.made[id]?.source ?? '';
        if (source.startsWith(`${partition}:`)) outputs.set(source, (outputs.get(source) ?? 0) + 1);
      }
    for (const offset of inputs) {
      const count = outputs.get(`${partition}:${offset}`) ?? 0;
      const wanted = offset < end ? 1 : 0;
      if (count !== wanted)
        this.fault('T5 exactly once', `input ${partition}:${offset} became ${count} outputs; the group stands at ${end}`);
    }
  }
}

export function textOf(id: number): string {
  return `${id} ${'y'.repeat((id * 7919) % (id % 7 === 0 ? 1500 : 60))}`;
}
