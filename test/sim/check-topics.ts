/** The checkers of topics: offsets, order, and that nothing is missing but what retention, trimming or compaction may take. */

import type { TopicSpec } from '../../src/model/declaration.ts';
import type { Drained, Partition } from './check.ts';
import type { History, Sent } from './history.ts';
import type { Plan } from './plan.ts';

/** Whether everything that is ever in the topic stays. */
export function isKept({ trims }: History, { topics }: Plan, name: string): boolean {
  const spec = topics.get(name);
  if (spec === undefined) return false;
  const { compact, retentionMs, retentionBytes } = spec;
  return compact !== true && retentionMs === undefined && retentionBytes === undefined && !trims.some(({ topic }) => topic === name);
}

export function checkTopics(history: History, plan: Plan, drained: Drained): void {
  for (const [topic, spec] of plan.topics) {
    const partitions = drained.topics.get(topic) ?? [];
    new TopicCheck(history, spec, partitions, drained.nowMs, isKept(history, plan, topic)).run();
  }
}

class TopicCheck {
  readonly #history: History;
  readonly #topic: string;
  readonly #spec: TopicSpec;
  readonly #partitions: readonly Partition[];
  readonly #nowMs: number;
  readonly #isKept: boolean;
  /** Of each key, by partition, the last offset at which anything is known to have stood. */
  readonly #lastOf = new Map<string, number>();

  constructor(history: History, spec: TopicSpec, partitions: readonly Partition[], nowMs: number, kept: boolean) {
    this.#history = history;
    this.#topic = spec.name;
    this.#spec = spec;
    this.#partitions = partitions;
    this.#nowMs = nowMs;
    this.#isKept = kept;
  }

  run(): void {
    const found = this.#checkFound();
    this.#learnLast();
    for (const { id, partition, offset, life } of this.#history.read.filter(({ topic }) => topic === this.#topic))
      this.#checkPlace(id, partition, offset, `read in life ${life}`);
    const lastTurn = new Map<string, number>();
    for (const sent of this.#history.sent.values()) {
      if (sent.outcome !== 'ok' || !sent.topics.includes(this.#topic) || sent.duplicate) continue;
      const { place } = sent;
      if (place === undefined) {
        if (this.#isKept && !found.has(sent.id))
          this.#history.fault('L2 lost', `${sent.id} was confirmed for ${this.#topic} and is nowhere`);
        continue;
      }
      this.#checkPlace(sent.id, place.partition, place.offset, 'confirmed');
      // A transaction that buries reads first: what the publisher sends without waiting for it may come before.
      if (sent.transaction !== undefined && this.#history.endedIn.get(sent.transaction)?.outcome === 'reject') continue;
      const line = `${sent.publisher}/${place.partition}`;
      if (place.offset <= (lastTurn.get(line) ?? -1))
        this.#history.fault('L6 order', `${sent.id} was put at ${place.offset}, before an earlier one of its publisher`);
      lastTurn.set(line, Math.max(place.offset, lastTurn.get(line) ?? -1));
    }
    for (const [p, partition] of this.#partitions.entries()) this.#checkStart(partition, p);
  }

  /** What is there was sent, not refused, and stands there once. */
  #checkFound(): Map<string, string> {
    const { sent } = this.#history;
    const places = new Map<string, string>();
    this.#partitions.forEach(({ ids, start, end }, partition) => {
      for (const [offset, id] of ids) {
        const place = `${this.#topic}/${partition}/${offset}`;
        const one = sent.get(id);
        if (one === undefined) this.#history.fault('L2 phantom', `${place} holds ${id}, which nobody sent`);
        else if (one.outcome === 'refused') this.#history.fault('L2 refused', `${place} holds ${id}, whose publish was refused`);
        const other = places.get(id);
        if (other !== undefined) this.#history.fault('L3 duplicate', `${id} stands at ${other} and at ${place}`);
        places.set(id, place);
      }
      if (this.#spec.compact !== true && ids.size !== end - start)
        this.#history.fault('L5 gap', `${this.#topic}/${partition} holds ${ids.size} records from ${start} to ${end}`);
    });
    return places;
  }

  #learnLast(): void {
    const note = (partition: number, offset: number, id: string) => {
      const line = `${partition}/${this.#history.sent.get(id)?.key}`;
      this.#lastOf.set(line, Math.max(offset, this.#lastOf.get(line) ?? -1));
    };
    this.#partitions.forEach(({ ids }, partition) => {
      for (const [offset, id] of ids) note(partition, offset, id);
    });
    for (const { topic, partition, offset, id } of this.#history.read) if (topic === this.#topic) note(partition, offset, id);
    for (const { id, topics, place } of this.#history.sent.values())
      if (place !== undefined && topics.includes(this.#topic)) note(place.partition, place.offset, id);
  }

  /** It stands there still, or something may rightly have taken it. */
  #checkPlace(id: string, partition: number, offset: number, how: string): void {
    const { ids, start } = this.#partitions[partition] ?? { ids: new Map(), start: 0 };
    const now = ids.get(offset);
    if (now === id) return;
    const place = `${this.#topic}/${partition}/${offset}`;
    if (now !== undefined) return this.#history.fault('L1 offsets', `${id} was ${how} at ${place}, where ${now} is now`);
    if (offset < start) return this.#checkAge(id, partition, offset, place);
    const sent = this.#history.sent.get(id);
    if (this.#spec.compact === true && sent !== undefined && this.#isBuried(sent, partition, offset)) return;
    this.#history.fault('L2 lost', `${id} was ${how} at ${place}, where nothing is now`);
  }

  /** A later record has its key, or may have had it; or it is a tombstone itself. */
  #isBuried({ body, key }: Sent, partition: number, offset: number): boolean {
    if (body === '' || (this.#lastOf.get(`${partition}/${key}`) ?? -1) > offset) return true;
    return [...this.#history.sent.values()].some(
      (s) => s.outcome === 'unknown' && s.body === '' && s.key === key && s.topics.includes(this.#topic),
    );
  }

  /** Gone with the beginning: then it was trimmed by hand, or is older than it may get, or there is enough behind it. */
  #checkAge(id: string, partition: number, offset: number, place: string): void {
    const { retentionMs, retentionBytes } = this.#spec;
    if (this.#trimmedTo(partition) > offset || retentionBytes !== undefined) return;
    const sentMs = this.#history.sent.get(id)?.sentMs ?? Number.NEGATIVE_INFINITY;
    if (retentionMs !== undefined && this.#nowMs - sentMs > retentionMs) return;
    this.#history.fault('L7 retention', `${id} is gone from ${place}, and was to be kept`);
  }

  #trimmedTo(partition: number): number {
    const mine = this.#history.trims.filter((trim) => trim.topic === this.#topic && trim.partition === partition);
    return Math.max(0, ...mine.map(({ start }) => start));
  }

  #checkStart({ ids, start }: Partition, partition: number): void {
    const { trims, sent } = this.#history;
    const { retentionBytes, compact } = this.#spec;
    for (const trim of trims)
      if (trim.confirmed === true && trim.topic === this.#topic && trim.partition === partition && start < trim.start)
        this.#history.fault('L7 start', `${this.#topic}/${partition} begins at ${start}, and was trimmed to ${trim.start}`);
    if (retentionBytes === undefined || compact === true || start <= this.#trimmedTo(partition)) return;
    // A record has a few more bytes than its body, and a batch has some of its own.
    const left = [...ids.values()].reduce((sum, id) => sum + (sent.get(id)?.sizeBytes ?? 0) + OVERHEAD_BYTES, 0);
    if (left < retentionBytes)
      this.#history.fault('L7 retention', `${this.#topic}/${partition} keeps some ${left} bytes of ${retentionBytes}`);
  }
}

const OVERHEAD_BYTES = 150;
