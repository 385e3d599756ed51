/** Transactions that are open in the log: what belongs to one, how it ends, and what ending it does to the state. */

import type { ProducerClaim } from '../model/engine.ts';
import type { Position } from '../model/lines.ts';
import { markRecord } from '../model/mark.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Entry, MessagesEntry, PartitionTarget, PlainEntry } from './entry.ts';
import { type Cursor, cursorKey, type OpenGroup, type Producer, type State } from './state.ts';
import { Uncommitted } from './uncommitted.ts';

type Outcome = 'commit' | 'abort';
type Included = Extract<PlainEntry, { kind: 'included' }>;
type Ended = Extract<PlainEntry, { kind: 'ended' }>;

/** Epochs have 15 bits: a producer that has used up its own goes on as another. */
const EPOCH_MAX = 0x7fff;

/** How a transaction ends, and what its producer goes on as. */
export interface EndDecision {
  readonly entries: readonly Entry[];
  readonly id: number;
  readonly epoch: number;
}

/** Who claims to be this producer is the one who was given the name last. */
export function claimed(state: State, { name, id, epoch }: ProducerClaim): Producer | Refusal {
  const producer = state.producerNamed(name);
  if (producer === undefined || producer.id !== id)
    return refuse('unknown', `Producer ${id} does not bear the name "${name}". Ask for a producer id first.`);
  if (producer.epoch === epoch) return producer;
  return refuse(
    'fenced',
    `Producer ${id} goes on with epoch ${producer.epoch}; epoch ${epoch} has been taken over and may do nothing more.`,
  );
}

/** A name is given out, again or for the first time: what is open under it is aborted in the same step. */
export function decideProducer(
  state: State,
  name: string | undefined,
  options: { readonly openMs?: number; readonly former?: { readonly id: number; readonly epoch: number } },
  nowMs: number,
): EndDecision | Refusal {
  const known = name === undefined ? undefined : state.producerNamed(name);
  const { former, openMs } = options;
  if (former !== undefined && known !== undefined && (known.id !== former.id || known.epoch !== former.epoch))
    return refuse('fenced', `Producer ${former.id} with epoch ${former.epoch} has been taken over. Begin anew, without naming it.`);
  const told = openMs === undefined ? {} : { openMs };
  if (known === undefined) {
    const given = { id: state.nextProducer, epoch: 0 };
    return { ...given, entries: [{ kind: 'producer', ...given, name, ...told }] };
  }
  const ended = known.open === undefined ? [] : endEntries(state, known, 'abort', known.epoch + 1, undefined, nowMs);
  const given = nextOf(state, known);
  const fenced: Entry[] = given.id === known.id ? [] : [{ kind: 'producer', id: known.id, epoch: known.epoch + 1, name: undefined }];
  return { ...given, entries: [...ended, ...fenced, { kind: 'producer', ...given, name, ...told }] };
}

/** Ends the transaction this producer has open. */
export function decideEnd(state: State, claim: ProducerClaim, outcome: Outcome, bump: boolean, nowMs: number): EndDecision | Refusal {
  const producer = state.producerNamed(claim.name);
  const { ended } = producer ?? {};
  // Asked again, because the answer was lost: it is the same.
  if (producer?.id === claim.id && producer.open === undefined && ended?.epoch === claim.epoch && ended.outcome === outcome)
    return { entries: [], id: producer.id, epoch: producer.epoch };
  const mine = claimed(state, claim);
  if (isRefusal(mine)) return mine;
  // An abort of nothing is granted to who goes on with the next epoch: it cannot meet another transaction.
  if (mine.open === undefined && (outcome === 'commit' || !bump))
    return refuse('stale', `Producer ${mine.id} has no transaction open that could ${outcome}.`);
  if (!bump) return { entries: endEntries(state, mine, outcome, mine.epoch, mine.epoch, nowMs), id: mine.id, epoch: mine.epoch };
  const given = nextOf(state, mine);
  const entries: Entry[] = [...endEntries(state, mine, outcome, mine.epoch + 1, mine.epoch, nowMs)];
  if (given.id !== mine.id)
    entries.push(
      { kind: 'producer', id: mine.id, epoch: mine.epoch + 1, name: undefined },
      { kind: 'producer', ...given, name: mine.name, openMs: mine.openMs },
    );
  return { ...given, entries };
}

/** Aborted by the broker, because its time is up or part of it is gone: its producer has to begin anew. */
export function decideAbort(state: State, producer: Producer, nowMs: number): readonly Entry[] {
  return endEntries(state, producer, 'abort', producer.epoch + 1, undefined, nowMs);
}

function nextOf(state: State, { id, epoch }: Producer): { readonly id: number; readonly epoch: number } {
  return epoch < EPOCH_MAX ? { id, epoch: epoch + 1 } : { id: state.nextProducer, epoch: 0 };
}

/** The mark in each partition, the cursors that move with it, and the end itself: all of it one step. */
function endEntries(
  state: State,
  producer: Producer,
  outcome: Outcome,
  epoch: number,
  asked: number | undefined,
  nowMs: number,
): readonly Entry[] {
  const entries: Entry[] = [];
  const targets = targetsOf(state, producer);
  if (targets.length > 0) entries.push(markEntry(producer, targets, outcome, nowMs));
  for (const { tenant, group, cursors } of outcome === 'commit' ? (producer.open?.groups.values() ?? []) : []) {
    const moves = [...cursors].flatMap(([key, cursor]) => {
      const [topic = 0, partition = 0] = key.split('/').map(Number);
      return state.topics.has(topic) ? [{ topic, partition, ...cursor }] : [];
    });
    if (moves.length > 0) entries.push({ kind: 'moved', tenant, group, moves });
  }
  entries.push({ kind: 'ended', producer: producer.id, epoch, outcome, nowMs, ...(asked !== undefined && { asked }) });
  return entries;
}

function targetsOf(state: State, { open }: Producer): PartitionTarget[] {
  return [...(open?.partitions ?? [])].flatMap((key) => {
    const [topic = 0, partition = 0] = key.split('/').map(Number);
    return state.topics.has(topic) ? [{ topic, partition, picks: undefined }] : [];
  });
}

function markEntry({ id, epoch }: Producer, partitions: readonly PartitionTarget[], outcome: Outcome, nowMs: number): MessagesEntry {
  return {
    kind: 'messages',
    nowMs,
    records: markRecord({ producer: id, epoch, committed: outcome === 'commit' }),
    recordsAt: 0 as Position,
    queues: [],
    partitions,
    named: 0,
    bases: new Float64Array(partitions.length),
    columns: undefined,
    packs: undefined,
    deaths: undefined,
    producer: undefined,
    retain: undefined,
    within: false,
  };
}

/** Records within a transaction were put into this partition. */
export function appendWithin(state: State, entry: MessagesEntry, { topic, partition }: PartitionTarget, base: number, end: number): void {
  const producer = state.producers.get(entry.producer?.id ?? -1);
  const ends = state.topics.get(topic)?.partitions[partition];
  if (producer === undefined || ends === undefined) return;
  openOf(state, producer, entry.nowMs).partitions.add(cursorKey(topic, partition));
  ends.uncommitted ??= new Uncommitted();
  ends.uncommitted.add(producer.id, base, end);
}

export function include(state: State, { producer: id, nowMs, tenant, partitions, groups, move, passing }: Included): void {
  state.nowMs = Math.max(state.nowMs, nowMs);
  const producer = state.producers.get(id);
  if (producer === undefined) return;
  const open = openOf(state, producer, nowMs);
  if (passing === true) open.passing = true;
  for (const { topic, partition } of partitions) open.partitions.add(cursorKey(topic, partition));
  for (const group of groups) groupOf(open.groups, tenant, group);
  if (move === undefined) return;
  const { cursors } = groupOf(open.groups, tenant, move.group);
  for (const { topic, partition, offset, note } of move.moves)
    cursors.set(cursorKey(topic, partition), note === undefined ? { offset } : { offset, note });
}

function openOf(state: State, producer: Producer, nowMs: number): NonNullable<Producer['open']> {
  producer.open ??= { beganMs: nowMs, partitions: new Set(), groups: new Map(), passing: false };
  producer.ended = undefined;
  state.open.add(producer);
  return producer.open;
}

function groupOf(groups: Map<string, OpenGroup>, tenant: string, group: string): OpenGroup {
  const key = `${tenant}\n${group}`;
  const known = groups.get(key) ?? { tenant, group, cursors: new Map<string, Cursor>() };
  groups.set(key, known);
  return known;
}

/** The marks have just been appended: they are the last records of their partitions. */
export function end(state: State, { producer: id, epoch, outcome, asked, nowMs }: Ended): void {
  state.nowMs = Math.max(state.nowMs, nowMs);
  const producer = state.producers.get(id);
  if (producer === undefined) return;
  for (const { topic, partition } of targetsOf(state, producer)) {
    const ends = state.topics.get(topic)?.partitions[partition];
    if (ends === undefined) continue;
    ends.uncommitted ??= new Uncommitted();
    ends.uncommitted.end(id, ends.end - 1, outcome);
  }
  producer.open = undefined;
  state.open.delete(producer);
  producer.ended = asked === undefined ? undefined : { epoch: asked, outcome };
  if (epoch === producer.epoch) return;
  producer.epoch = epoch;
  producer.lines.clear();
}

/** The topic is gone, and with it what transactions have there. */
export function forgetTopic(state: State, topic: number): void {
  const isOf = (key: string) => key.startsWith(`${topic}/`);
  for (const { open } of state.open) {
    for (const key of open?.partitions ?? []) if (isOf(key)) open?.partitions.delete(key);
    for (const { cursors } of open?.groups.values() ?? []) for (const key of cursors.keys()) if (isOf(key)) cursors.delete(key);
  }
}

/** A piece of what a checkpoint restates of one partition. */
export function restoreUncommitted(state: State, { topic, partition, aborted, runs, open }: Extract<Entry, { kind: 'uncommitted' }>): void {
  const ends = state.topics.get(topic)?.partitions[partition];
  if (ends === undefined) return;
  ends.uncommitted ??= new Uncommitted();
  ends.uncommitted.restore(aborted, runs);
  for (const of of open)
    for (let i = 0; i < of.runs.length; i += 2) ends.uncommitted.add(of.producer, of.runs[i] ?? 0, of.runs[i + 1] ?? 0);
}
