/** A partition's log and the journal made to agree after a restart. */

import { decodeEntry, type Entry, type MessagesEntry, recordColumns, type Topic } from '../core/core.ts';
import type { Journal } from '../journal/journal.ts';
import type { PartitionLog } from '../log/log.ts';
import { offset, type Position } from '../model/lines.ts';
import type { RecordColumns } from '../model/packs.ts';
import type { Records } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import type { Unpacker } from './packs.ts';

/** A batch that replay met and the log may lack: where its entry stands, and the how-many-eth for this partition in it. */
interface Replayed {
  readonly position: Position;
  readonly sizeBytes: number;
  readonly base: number;
  /** How many messages, those of packs counted. */
  readonly count: number;
  readonly nth: number;
}

interface Early {
  readonly base: number;
  readonly timeMs: number;
  readonly records: Records;
  readonly picks: Uint32Array | undefined;
  readonly columns: RecordColumns | undefined;
}

/** What the broker knows of one partition. */
export interface Slot {
  readonly topic: Topic;
  readonly partition: number;
  log: PartitionLog | undefined;
  opening: Promise<PartitionLog> | undefined;
  /** Batches applied while the log was being opened. */
  early: Early[];
  replayed: Replayed[];
  /** Records below are safe. */
  safe: number;
  /** Trims that are not safe yet: until they are, the log keeps what they drop. */
  trimming: number;
  /** Up to here everything is committed or aborted, and that is safe: readers of what is committed see up to here. */
  stable: number;
  /** Who waits for records, and who for such as are committed. */
  readonly waiting: Set<() => void>;
  readonly waitingStable: Set<() => void>;
  readonly unpacker: Unpacker;
}

/**
 * What the log lacks is appended, what the journal does not know is cut, and what came while it was being opened follows. The log is the
 * slot's in the same turn: what comes a tick later must find it there, or nobody would ever append it.
 */
export async function catchUp(log: PartitionLog, slot: Slot, journal: Journal): Promise<void> {
  const { topic, partition } = slot;
  // What the log holds beyond the checkpoint may be of a life whose end the journal never heard of: it is written again from the journal.
  const first = slot.replayed[0];
  if (first !== undefined && log.end > first.base) await log.truncate(offset(Math.max(first.base, log.start)));
  for (const replayed of slot.replayed) {
    if (replayed.base + replayed.count > log.end) await appendReplayed(log, slot, replayed, journal);
  }
  const known = slot.early[0]?.base ?? topic.partitions[partition]?.end ?? 0;
  if (log.end < known) {
    throw new Refused(
      'damaged',
      `The log of partition ${partition} of topic "${topic.spec.name}" ends at offset ${log.end}, but ${known} were made safe. Run \`signalbox doctor\`.`,
    );
  }
  if (log.end > known) await log.truncate(offset(known));
  // What came early may have been trimmed already: whoever trims it waits for the log, and goes on from there.
  const start = slot.trimming > 0 ? 0 : Math.min(topic.partitions[partition]?.start ?? 0, log.end);
  if (start > log.start) await log.trim(offset(start));
  for (const { base, timeMs, records, picks, columns } of slot.early) log.append(offset(base), timeMs, records, picks, columns);
  slot.early = [];
  slot.replayed = [];
  slot.log = log;
}

async function appendReplayed(
  log: PartitionLog,
  slot: Slot,
  { position, sizeBytes, base, nth }: Replayed,
  journal: Journal,
): Promise<void> {
  const view = await journal.fetch(position);
  try {
    const entry = decodeEntry(view.bytes, position - view.base, sizeBytes, position);
    const { topic, partition } = slot;
    const mine = messagesOf(entry).flatMap((e) =>
      e.partitions.filter((t) => t.topic === topic.id && t.partition === partition).map((t) => ({ entry: e, picks: t.picks })),
    )[nth];
    if (mine === undefined) throw new Refused('damaged', `The journal entry at position ${position} has changed since it was replayed.`);
    log.append(offset(base), mine.entry.nowMs, mine.entry.records, mine.picks, recordColumns(mine.entry));
  } finally {
    view.release();
  }
}

function messagesOf(entry: Entry): MessagesEntry[] {
  if (entry.kind === 'messages') return [entry];
  return entry.kind === 'transaction' ? entry.entries.flatMap(messagesOf) : [];
}
