/** The checkers: the invariants of the broker, judged from what its clients saw. Each is one pass over the history. */

import type { QueueSpec } from '../../src/model/declaration.ts';
import { checkRoutes } from './check-routes.ts';
import { checkTopics, isKept } from './check-topics.ts';
import type { Delivered, History, Sent } from './history.ts';
import type { Plan } from './plan.ts';

/** What the final drain found: ids per queue, records per partition. */
export interface Drained {
  readonly queues: ReadonlyMap<string, readonly string[]>;
  readonly topics: ReadonlyMap<string, readonly Partition[]>;
  /** The broker's time by then. */
  readonly nowMs: number;
}

export interface Partition {
  /** By offset, in order. */
  readonly ids: ReadonlyMap<number, string>;
  readonly start: number;
  readonly end: number;
}

/** Where each message has been seen: queues and topics by its id. */
export type Where = ReadonlyMap<string, ReadonlySet<string>>;

/** How long a full disk may hold back what was decided in time: a publish before its time begins, a delivery after it. */
const DECIDED_MS = 8000;

export function checkAll(history: History, plan: Plan, drained: Drained): Where {
  const { queues: specs, deadLetters } = plan;
  const byQueue = group(history.delivered);
  const where = whereOf(history, drained);
  checkRoutes(history, plan, where);
  for (const [name, spec] of specs) checkQueue(history, spec, byQueue.get(name) ?? [], drained.queues.get(name) ?? []);
  checkLoss(history, specs, deadLetters, byQueue, drained);
  checkTogether(history, plan, drained, where);
  checkTopics(history, plan, drained);
  return where;
}

function whereOf(history: History, drained: Drained): Map<string, Set<string>> {
  const where = new Map<string, Set<string>>();
  const note = (id: string, place: string) => where.set(id, (where.get(id) ?? new Set()).add(place));
  for (const { id, queue } of history.delivered) note(id, queue);
  for (const { id, topic } of history.read) note(id, topic);
  for (const [name, ids] of drained.queues) for (const id of ids) note(id, name);
  for (const [topic, partitions] of drained.topics) for (const { ids } of partitions) for (const id of ids.values()) note(id, topic);
  return where;
}

function group(delivered: readonly Delivered[]): Map<string, Delivered[]> {
  const by = new Map<string, Delivered[]>();
  for (const one of delivered) {
    const list = by.get(one.queue);
    if (list === undefined) by.set(one.queue, [one]);
    else list.push(one);
  }
  return by;
}

/** Phantoms, bodies, times, holders, order, dedup: what one queue's deliveries alone can show. */
function checkQueue(history: History, spec: QueueSpec, delivered: readonly Delivered[], drained: readonly string[]): void {
  const name = spec.name;
  const holders = new Map<string, Delivered>();
  const ackedFor = new Map<string, number>();
  const numbers = new Map<string, Set<number>>();
  const lastTurn = new Map<string, number>();
  const seen = new Set<string>();
  for (const d of delivered) {
    const sent = history.sent.get(d.id);
    if (sent === undefined) {
      history.fault('Q2 phantom', `${name} delivered ${d.id}, which nobody sent`);
      continue;
    }
    if (sent.outcome === 'refused') history.fault('Q3 refused', `${name} delivered ${d.id}, whose publish was refused`);
    if (ackedFor.has(`${d.id}/${d.number}`)) history.fault('Q4 after ack', `${name} delivered ${d.id} again after its ack was confirmed`);
    if (d.acked === 'ok') ackedFor.set(`${d.id}/${d.number}`, d.atMs);
    const holder = holders.get(`${d.id}/${d.number}`);
    if (holder !== undefined && holder.life === d.life && holder.heldUntilMs > d.atMs) {
      history.fault(
        'Q5 two holders',
        `${name} gave ${d.id} to ${d.consumer} at ${d.atMs}, held by ${holder.consumer} until ${holder.heldUntilMs}`,
      );
    }
    holders.set(`${d.id}/${d.number}`, d);
    if (!isDeadLetterQueue(name) && d.atMs < sent.dueMs)
      history.fault('Q8 early', `${name} delivered ${d.id} at ${d.atMs}, due ${sent.dueMs}`);
    // A publish may wait behind a checkpoint before it is decided: its time runs from then.
    const expiresMs = sent.lastSentMs + Math.min(sent.ttlMs, spec.ttlMs ?? Number.POSITIVE_INFINITY) + DECIDED_MS;
    if (sent.queues.includes(name) && d.atMs > expiresMs)
      history.fault('Q8 late', `${name} delivered ${d.id} at ${d.atMs}, expired ${expiresMs}`);
    const known = numbers.get(d.id) ?? new Set<number>();
    numbers.set(d.id, known.add(d.number));
    checkOrder(history, spec, d, sent, seen, lastTurn);
    seen.add(d.id);
  }
  for (const [id, set] of numbers)
    if (set.size > 1 && !isDeadLetterQueue(name)) history.fault('Q11 twice', `${name} stored ${id} ${set.size} times`);
  for (const id of drained) if (!history.sent.has(id)) history.fault('Q2 phantom', `${name} held ${id} at the end, which nobody sent`);
  checkDedup(history, spec, new Set([...numbers.keys(), ...drained]));
}

/** First deliveries to one consumer in one life follow the order of sending, per publisher (and priority, and group). */
function checkOrder(
  history: History,
  spec: QueueSpec,
  d: Delivered,
  sent: Sent,
  seen: ReadonlySet<string>,
  lastTurn: Map<string, number>,
): void {
  if (isDeadLetterQueue(spec.name) || (spec.delayMs ?? 0) > 0 || sent.dueMs > 0 || d.attempts > 1 || seen.has(d.id)) return;
  // A transaction that buries reads first: what the publisher sends without waiting for it may come before.
  if (sent.transaction !== undefined && history.endedIn.get(sent.transaction)?.outcome === 'reject') return;
  if (spec.priorityAgeMs !== undefined || history.cancelled.has(`${d.life}/${spec.name}`)) return;
  const line = `${d.life}/${d.consumer}/${sent.publisher}/${sent.isCopy}/${spec.priorityMax ? Math.min(sent.priority, spec.priorityMax) : 0}/${spec.grouped ? sent.key : ''}`;
  const last = lastTurn.get(line) ?? -1;
  if (sent.turn < last)
    history.fault('Q6 order', `${spec.name} gave ${d.id} (turn ${sent.turn}) to consumer ${d.consumer} after turn ${last}`);
  lastTurn.set(line, Math.max(last, sent.turn));
}

function checkDedup(history: History, spec: QueueSpec, stored: ReadonlySet<string>): void {
  if (spec.dedupWindowMs === undefined) return;
  const byDedup = new Map<string, string>();
  for (const id of stored) {
    const dedupId = history.sent.get(id)?.dedupId;
    if (dedupId === undefined) continue;
    const other = byDedup.get(dedupId);
    if (other !== undefined && other !== id)
      history.fault('Q7 dedup', `${spec.name} stored ${other} and ${id}, both with dedup id ${dedupId}`);
    byDedup.set(dedupId, id);
  }
}

function isDeadLetterQueue(name: string): boolean {
  return name.startsWith('dead-');
}

/** Every confirmed message is in each of its queues, acked, dead-lettered, or gone by a declared policy. */
function checkLoss(
  history: History,
  specs: ReadonlyMap<string, QueueSpec>,
  deadLetters: ReadonlyMap<string, string>,
  byQueue: ReadonlyMap<string, readonly Delivered[]>,
  drained: Drained,
): void {
  const present = new Map<string, Set<string>>();
  for (const name of specs.keys()) {
    const ids = new Set(drained.queues.get(name) ?? []);
    // Delivered and its ack asked for, with whatever outcome: it may rightly be gone.
    for (const d of byQueue.get(name) ?? []) if (d.acked !== undefined && d.acked !== 'refused') ids.add(d.id);
    present.set(name, ids);
  }
  for (const sent of history.sent.values()) {
    if (sent.outcome !== 'ok' || sent.duplicate) continue;
    for (const name of sent.queues) {
      const spec = specs.get(name);
      if (spec === undefined || present.get(name)?.has(sent.id) === true) continue;
      if (spec.overflow === 'drop-head' || history.once.has(name)) continue;
      const dead = deadLetters.get(name);
      if (dead !== undefined && history.once.has(dead)) continue;
      if (
        dead !== undefined ? present.get(dead)?.has(sent.id) === true : sent.mortal || spec.ttlMs !== undefined || spec.retry !== undefined
      )
        continue;
      history.fault('Q1 lost', `${sent.id} was confirmed for ${name} and is nowhere`);
    }
  }
}

/** A fan-out, a batch and a transaction are whole or not at all, whatever their publisher was told. */
function checkTogether(history: History, plan: Plan, drained: Drained, where: Where): void {
  const { queues: specs, deadLetters } = plan;
  const wholes = new Map<string, { seen: number; all: number; ids: string[]; transaction: number | undefined }>();
  for (const sent of history.sent.values()) {
    if (sent.duplicate) continue;
    const safe = sent.queues.filter((name) => !history.once.has(name) && keepsAll(specs.get(name), sent));
    const places = [...safe, ...sent.topics.filter((name) => isKept(history, plan, name))];
    const seen = places.filter((name) => where.get(sent.id)?.has(name) === true).length;
    if (seen > 0 && seen < places.length) history.fault('Q11 torn', `${sent.id} reached ${seen} of ${places.length}: ${places.join(' ')}`);
    if (places.length === 0) continue;
    const { together, transaction } = sent;
    const t = wholes.get(together) ?? { seen: 0, all: 0, ids: [], transaction };
    wholes.set(together, { seen: t.seen + (seen > 0 ? 1 : 0), all: t.all + 1, ids: [...t.ids, sent.id], transaction });
  }
  for (const [name, { seen, all, ids, transaction }] of wholes) {
    if (seen > 0 && seen < all) history.fault('T1 torn', `${name} is there by ${seen} of ${all} messages: ${ids.join(' ')}`);
    const ended = transaction === undefined ? undefined : history.endedIn.get(transaction);
    if (ended !== undefined && transaction !== undefined)
      checkEnded(history, specs, deadLetters, drained, where, { number: transaction, isThere: seen > 0 }, ended);
  }
}

/** What a transaction took from a queue is gone from it if the transaction is there, and not otherwise; a dead letter is in one place. */
function checkEnded(
  history: History,
  specs: ReadonlyMap<string, QueueSpec>,
  deadLetters: ReadonlyMap<string, string>,
  drained: Drained,
  where: Where,
  { number, isThere }: { readonly number: number; readonly isThere: boolean },
  { delivered: d, outcome }: { readonly delivered: Delivered; readonly outcome: 'ack' | 'reject' },
): void {
  const left = (drained.queues.get(d.queue) ?? []).includes(d.id);
  const dead = outcome === 'reject' ? deadLetters.get(d.queue) : undefined;
  const buried = dead === undefined || history.once.has(dead) ? undefined : where.get(d.id)?.has(dead) === true;
  const fault = (text: string) =>
    history.fault('T1 torn', `transaction ${number} is ${isThere ? '' : 'not '}there, but ${d.id}, which it ${outcome}ed, ${text}`);
  if (isThere && left) fault(`is still in ${d.queue}`);
  if (isThere && buried === false) fault(`is not in ${dead}`);
  // Somebody else may have ended it since.
  const ofOthers = history.delivered.some((x) => x !== d && x.queue === d.queue && x.number === d.number && x.acked !== undefined);
  if (isThere || d.acked !== 'unknown' || ofOthers || history.once.has(d.queue) || !keepsAll(specs.get(d.queue), history.sent.get(d.id)))
    return;
  if (!left) fault(`is gone from ${d.queue}`);
}

/** Whether no policy of the queue, and no word of the publisher, may take this message away: only then does its absence prove anything. */
function keepsAll(spec: QueueSpec | undefined, sent: Sent | undefined): boolean {
  if (spec === undefined || sent === undefined || sent.mortal) return false;
  return spec.overflow !== 'drop-head' && spec.ttlMs === undefined && spec.retry === undefined && spec.dedupWindowMs === undefined;
}
