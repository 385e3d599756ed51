/** Looks at a data directory that no broker has open: the journal, what replaying it gives, and the log of every partition. Changes nothing. */

import { apply, decodeEntry, type Effects, ofCheckpoint, State } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import { ShadowDisk } from '../host/shadow-disk.ts';
import { type Durability, examine, Journal, type Report as JournalReport } from '../journal/journal.ts';
import { examineLog, type LogFinding, type LogReport } from '../log/log.ts';

export interface Partition {
  /** Undefined when the journal knows no such topic. */
  readonly topic: string | undefined;
  readonly partition: number;
  /** Records that only the journal has so far: the log takes them over when the broker is opened. */
  readonly inJournal: number;
  readonly log: LogReport;
  /** The log's own, and what the journal says was made safe and is not there. */
  readonly findings: readonly LogFinding[];
}

export interface Examination {
  readonly journal: JournalReport;
  /** Why replaying the journal ends in an error, when it does though every byte of it is whole. */
  readonly unreplayable: string | undefined;
  readonly partitions: readonly Partition[];
}

export async function examineDirectory(host: Host, directory: string): Promise<Examination> {
  const journal = await examine(host.disk, `${directory}/journal`);
  let knowledge: Knowledge | undefined;
  let unreplayable: string | undefined;
  if (journal.state === 'sound' || journal.state === 'cut') {
    try {
      knowledge = await replay(host, directory);
    } catch (error) {
      unreplayable = (error as Error).message;
    }
  }
  const partitions = new Map<string, Partition>();
  for (const name of await logsIn(host, directory)) partitions.set(name, await examinePartition(host, directory, name, knowledge));
  for (const name of knowledge?.keys() ?? []) {
    if (!partitions.has(name)) partitions.set(name, await examinePartition(host, directory, name, knowledge));
  }
  return { journal, unreplayable, partitions: [...partitions.values()] };
}

/** What a journal knows of a partition. */
export interface Known {
  readonly topic: string;
  readonly start: number;
  readonly end: number;
  /** The log has to reach up to here: what is behind can still be taken from the journal. */
  readonly logEnd: number;
}

/** By the name of the log's directory: `topicId-partition`. */
export type Knowledge = ReadonlyMap<string, Known>;

/** What replaying a journal gives, and the journal, open. */
export interface Replayed {
  readonly journal: Journal;
  readonly state: State;
  readonly knowledge: Knowledge;
}

/** Replays on a shadow of the disk. Rejects with `Refused`, or with whatever an entry that makes no sense throws. */
async function replay(host: Host, directory: string): Promise<Knowledge> {
  const { journal, knowledge } = await openJournal({ ...host, disk: new ShadowDisk(host.disk) }, directory, 'memory');
  await journal.close();
  return knowledge;
}

/** Opens the journal of a data directory as a broker would. */
export async function openJournal(host: Host, directory: string, durability: Durability): Promise<Replayed> {
  const state = new State();
  /** Where the batches begin that replay met, and the log may lack. */
  const replayed = new Map<string, number>();
  const effects: Effects = {
    touched: () => undefined,
    append: (topic, partition, base) => {
      const name = `${topic.id}-${partition}`;
      if (!replayed.has(name)) replayed.set(name, base);
    },
    removed: () => undefined,
    trimmed: () => undefined,
  };
  let restoring = true;
  const journal = await Journal.open(
    host,
    { directory: `${directory}/journal`, durability, onSafe: () => undefined, onFailure: () => undefined },
    (bytes, at, sizeBytes, position) => {
      // A checkpoint restates what is known already, unless replay begins with it.
      const restated = ofCheckpoint(bytes, at);
      if (restated && !restoring) return;
      if (!restated) restoring = false;
      apply(state, decodeEntry(bytes, at, sizeBytes, position), effects);
    },
  );
  const knowledge = new Map<string, Known>();
  for (const { id, spec, partitions } of state.topics.values()) {
    for (const [partition, { start, end }] of partitions.entries()) {
      const name = `${id}-${partition}`;
      knowledge.set(name, { topic: spec.name, start, end, logEnd: replayed.get(name) ?? end });
    }
  }
  return { journal, state, knowledge };
}

/** Names of the directories that hold logs. */
export async function logsIn({ disk }: Host, directory: string): Promise<string[]> {
  return (await disk.list(`${directory}/topics`)).filter((name) => /^\d+-\d+$/.test(name));
}

async function examinePartition(host: Host, directory: string, name: string, knowledge: Knowledge | undefined): Promise<Partition> {
  const path = `${directory}/topics/${name}`;
  const log = await examineLog(host.disk, path);
  const known = knowledge?.get(name);
  const findings = [...log.findings];
  if (known !== undefined && log.end < known.logEnd) {
    const from = Math.max(log.end, known.start);
    const says = `${path}: the log ends with offset ${log.end}, where the journal knows of ${known.logEnd}; offsets ${from} to ${known.logEnd - 1} are lost.`;
    findings.push({ path, byte: 0, from, to: known.logEnd, says });
  }
  const inJournal = known === undefined ? 0 : Math.max(0, known.end - Math.max(log.end, known.logEnd));
  return { topic: known?.topic, partition: Number(name.split('-')[1]), inJournal, log, findings };
}
