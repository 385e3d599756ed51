/** Idempotent publishers: what is remembered of each, and how its sequences go on. */

import type { MessagesEntry, PlainEntry, ProducerBatch } from './entry.ts';
import { messagesIn } from './packs.ts';
import { OPEN_MS, type State } from './state.ts';

/** Batches remembered per producer and line: clients have at most five in flight. */
const RECENT_MAX = 5;
/** Sequences have 31 bits, and begin from 0 again. */
const SEQUENCE_MAX = 0x7fff_ffff;

/** The sequence that follows a batch of `count` messages that begins with `sequence`. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % (SEQUENCE_MAX + 1);
}

/** Per record, where the topic named like the address put it. */
export function placed(entry: MessagesEntry): { partitions: Int32Array; offsets: Float64Array } | undefined {
  if (entry.named === 0) return undefined;
  const partitions = new Int32Array(entry.records.count).fill(-1);
  const offsets = new Float64Array(entry.records.count).fill(-1);
  for (let t = 0; t < entry.partitions.length; t++) {
    const target = entry.partitions[t];
    if (target?.topic !== entry.named) continue;
    let next = entry.bases[t] ?? 0;
    const count = target.picks?.length ?? entry.records.count;
    for (let k = 0; k < count; k++) {
      const i = target.picks?.[k] ?? k;
      partitions[i] = target.partition;
      offsets[i] = next;
      next += entry.packs?.[i] ?? 1;
    }
  }
  return { partitions, offsets };
}

/** An id was given out, or an epoch of it. What is open of a former one has been ended before. */
export function admit(state: State, { id, epoch, name, openMs = OPEN_MS, ended }: Extract<PlainEntry, { kind: 'producer' }>): void {
  state.nextProducer = Math.max(state.nextProducer, id + 1);
  state.producers.set(id, { id, epoch, name, openMs, open: undefined, ended, lines: new Map() });
  if (name !== undefined) state.producerNames.set(name, id);
}

/** A batch of an idempotent publisher was stored: its repeat will be answered as the first time. */
export function remember(state: State, entry: MessagesEntry): void {
  const stamp = entry.producer;
  const producer = stamp && state.producers.get(stamp.id);
  if (stamp === undefined || producer === undefined) return;
  if (stamp.epoch > producer.epoch) {
    producer.epoch = stamp.epoch;
    producer.lines.clear();
  }
  let line = producer.lines.get(stamp.line);
  if (line === undefined) {
    line = { next: 0, recent: [] };
    producer.lines.set(stamp.line, line);
  }
  const at = placed(entry);
  const count = messagesIn(entry.records.count, undefined, entry.packs);
  const batch: ProducerBatch = {
    sequence: stamp.sequence,
    count,
    partitions: at === undefined ? [] : [...at.partitions],
    offsets: at === undefined ? [] : [...at.offsets],
  };
  line.next = sequenceAfter(stamp.sequence, count);
  line.recent.push(batch);
  if (line.recent.length > RECENT_MAX) line.recent.shift();
}
