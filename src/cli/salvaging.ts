/** Saves what can be read of a data directory into a new one, and opens that to be sure of it. */

import { openBroker } from '../broker/broker.ts';
import { type Entry, encodeEntry, type Queue, runsOf, sizeMax } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import { type Salvage, salvage } from '../journal/journal.ts';
import { examineLog, salvageLog } from '../log/log.ts';
import { Refused } from '../model/refusal.ts';
import { type Knowledge, logsIn, openJournal } from './examination.ts';
import { counted } from './terminal.ts';

export interface Saved {
  readonly journal: Salvage;
  /** What is lost of queues and topics, a sentence for each place. */
  readonly lost: readonly string[];
  /** Where logs were saved of topics that the saved journal does not know. */
  readonly unknown: readonly string[];
}

/** Rejects with `Refused`: `conflict` when the target holds anything, `damaged` when nothing can be saved that opens. */
export async function salvageDirectory(host: Host, directory: string, target: string): Promise<Saved> {
  if ((await host.disk.list(target)).length > 0) {
    throw new Refused('conflict', `${target} is not empty; name a directory that is, or that does not exist.`);
  }
  const journal = await salvage(host.disk, `${directory}/journal`, `${target}/journal`);
  const lost: string[] = [];
  const knowledge = await dropLost(host, target, journal, lost).catch((error: unknown) => {
    throw unusable(target, error);
  });
  const unknown: string[] = [];
  for (const name of new Set([...(await logsIn(host, directory)), ...knowledge.keys()])) {
    const from = `${directory}/topics/${name}`;
    const known = knowledge.get(name);
    // The broker sweeps away what belongs to no topic, so that is kept beside.
    const to = known === undefined ? `${target}/unknown-topics/${name}` : `${target}/topics/${name}`;
    const wanted = known === undefined ? await examineLog(host.disk, from) : { start: known.start, end: known.logEnd };
    const findings = await salvageLog(host, from, to, wanted);
    lost.push(...findings.map(({ says }) => says));
    if (known === undefined) unknown.push(to);
  }
  try {
    const broker = await openBroker(host, { directory: target });
    await broker.close();
  } catch (error) {
    throw unusable(target, error);
  }
  return { journal, lost, unknown };
}

/** Settles the messages whose bytes are lost: nobody could ever be handed them. Answers what the journal knows of the topics. */
async function dropLost(host: Host, target: string, { skipped }: Salvage, lost: string[]): Promise<Knowledge> {
  const { journal, state, knowledge } = await openJournal(host, target, 'fsync');
  for (const queue of state.queues.values()) {
    const gone = unsettled(queue).filter((number) => {
      const position = queue.position(number);
      return skipped.some(({ from, to }) => position >= from && position < to);
    });
    for (let i = 0; i < gone.length; i += BATCH) {
      const entry: Entry = { kind: 'settled', queue: queue.id, as: 'dropped', runs: runsOf(gone.slice(i, i + BATCH)) };
      journal.end(encodeEntry(entry, journal.begin(sizeMax(entry)), false));
    }
    if (gone.length > 0)
      lost.push(`queue ${queue.spec.name}: ${counted(gone.length, 'message')} cannot be read, and the copy does not have them.`);
  }
  await journal.close();
  return knowledge;
}

const BATCH = 4096;

function unsettled(queue: Queue): number[] {
  const numbers: number[] = [];
  const batch = new Float64Array(BATCH);
  for (let from = 0; ; from = (numbers.at(-1) ?? 0) + 1) {
    const count = queue.browse(from, BATCH, batch);
    numbers.push(...batch.subarray(0, count));
    if (count < BATCH) return numbers;
  }
}

function unusable(target: string, cause: unknown): Refused {
  const words = `What could be copied to ${target} does not make a broker that opens: ${(cause as Error).message}`;
  return new Refused('damaged', words, { cause });
}
