/** What an entry does to the state: the only writer of it, the same when live and when replayed. */

import type { Declaration, TopicSpec } from '../model/declaration.ts';
import type { Position } from '../model/lines.ts';
import { MAIN_LINE } from '../model/message.ts';
import type { RecordColumns } from '../model/packs.ts';
import { copyOf, type Records } from '../model/record.ts';
import type { Entry, MessagesEntry, PlainEntry } from './entry.ts';
import { messagesIn, recordColumns } from './packs.ts';
import { Queue } from './queue/queue.ts';
import { admit, remember } from './sequence.ts';
import { cursorKey, isDurable, type State, type Tenant, Topic } from './state.ts';
import { appendWithin, end, forgetTopic, include, restoreUncommitted } from './transaction.ts';

/** What applying an entry asks of the world. */
export interface Effects {
  /** The queue may have something to deliver, or something to throw away, or a new next time. `sinceMs`: since when; absent: now. */
  touched(queue: Queue, sinceMs?: number): void;
  /** These records, those of them that are picked, belong to this partition's log, from `base` on. */
  append(
    topic: Topic,
    partition: number,
    base: number,
    timeMs: number,
    records: Records,
    picks: Uint32Array | undefined,
    columns: RecordColumns | undefined,
  ): void;
  removed(gone: Queue | Topic): void;
  trimmed(topic: Topic, partition: number): void;
}

export function apply(state: State, entry: Entry, effects: Effects): void {
  switch (entry.kind) {
    case 'messages':
      applyMessages(state, entry, effects);
      return;
    case 'leased':
      return onQueue(state, entry.queue, effects, (queue) => {
        queue.lease(entry.runs, entry.lease, entry.untilMs);
        state.nextLease = Math.max(state.nextLease, entry.lease + 1);
      });
    case 'settled':
      return onQueue(state, entry.queue, effects, (queue) => queue.settle(entry.runs, entry.as));
    case 'returned':
      return onQueue(state, entry.queue, effects, (queue) => queue.back(entry.runs, entry.dueMs, entry.as));
    case 'extended':
      return onQueue(state, entry.queue, effects, (queue) => {
        queue.extend(entry.runs, entry.lease, entry.untilMs);
        state.nextLease = Math.max(state.nextLease, entry.lease + 1);
      });
    case 'due':
      return onQueue(state, entry.queue, effects, (queue) => {
        queue.due(entry.nowMs);
        state.nowMs = Math.max(state.nowMs, entry.nowMs);
      });
    case 'carried':
      for (let i = 0; i < entry.numbers.length; i++) {
        const record = entry.of[i] ?? 0;
        const { start, ends } = entry.records;
        const from = record === 0 ? start : (ends[record - 1] ?? 0);
        state.queues.get(entry.queues[i] ?? 0)?.relocate(entry.numbers[i] ?? 0, (entry.recordsAt + from - start) as Position);
      }
      return;
    case 'transaction':
      for (const inner of entry.entries) apply(state, inner, effects);
      return;
    case 'counters':
      state.nextId = entry.nextId;
      state.nextLease = entry.nextLease;
      state.nextProducer = entry.nextProducer;
      state.nowMs = entry.nowMs;
      state.identity = entry.identity;
      return;
    case 'partition': {
      const ends = state.topics.get(entry.topic)?.partitions[entry.partition];
      if (ends !== undefined) Object.assign(ends, { start: entry.start, end: entry.end });
      return;
    }
    case 'uncommitted':
      restoreUncommitted(state, entry);
      return;
    case 'sequences': {
      const producer = state.producers.get(entry.id);
      for (const { line, next, recent } of entry.lines) producer?.lines.set(line, { next, recent: [...recent] });
      return;
    }
    case 'queue-state':
      return onQueue(state, entry.queue, effects, (queue) => queue.restore(entry.piece));
    case 'retained':
      state.tenant(entry.tenant).retained.set(entry.address, entry.record);
      return;
    default:
      applyPlain(state, entry, effects);
  }
}

function onQueue(state: State, id: number, effects: Effects, change: (queue: Queue) => void): void {
  const queue = state.queues.get(id);
  if (queue === undefined) return;
  change(queue);
  effects.touched(queue);
}

function applyMessages(state: State, entry: MessagesEntry, effects: Effects): void {
  state.nowMs = Math.max(state.nowMs, entry.nowMs);
  for (const target of entry.queues) {
    const queue = state.queues.get(target.queue);
    if (queue === undefined) continue;
    pushAll(queue, entry, target.picks);
    // By the time it was decided at: what may live for no time was alive then.
    effects.touched(queue, entry.nowMs);
  }
  for (let i = 0; i < entry.partitions.length; i++) {
    const target = entry.partitions[i];
    const topic = target && state.topics.get(target.topic);
    const ends = topic?.partitions[target?.partition ?? 0];
    if (target === undefined || topic === undefined || ends === undefined) continue;
    const base = ends.end;
    entry.bases[i] = base;
    ends.end += messagesIn(entry.records.count, target.picks, entry.packs);
    if (entry.within) appendWithin(state, entry, target, base, ends.end);
    effects.append(topic, target.partition, base, entry.nowMs, entry.records, target.picks, recordColumns(entry));
  }
  if (entry.producer !== undefined) remember(state, entry);
  if (entry.retain !== undefined) retain(state, entry);
}

function pushAll(queue: Queue, entry: MessagesEntry, picks: Uint32Array | undefined): void {
  const { records, recordsAt, nowMs, columns, deaths } = entry;
  if (picks === undefined && columns === undefined && deaths === undefined) {
    queue.pushRun(recordsAt, records.start, records.ends, records.count, nowMs);
    return;
  }
  const count = picks?.length ?? records.count;
  for (let k = 0; k < count; k++) {
    const i = picks?.[k] ?? k;
    const from = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    const number = queue.push(
      (recordsAt + from - records.start) as Position,
      (records.ends[i] ?? 0) - from,
      nowMs,
      columns?.priority?.[i] ?? 0,
      columns?.dueMs?.[i] ?? 0,
      nowMs + (columns?.ttlMs?.[i] ?? Number.POSITIVE_INFINITY),
      columns?.group?.[i] || undefined,
    );
    const dedupId = columns?.dedupId?.[i];
    if (dedupId) queue.remember(dedupId, number, nowMs);
    const died = deaths?.[i];
    if (died !== undefined && died.length > 0) queue.setDeaths(number, died);
  }
}

function retain(state: State, { retain, records }: MessagesEntry): void {
  if (retain === undefined || records.count === 0) return;
  const { bytes, ends, count, start } = records;
  const from = count === 1 ? start : (ends[count - 2] ?? 0);
  const record = copyOf(bytes, from, ends[count - 1]);
  const head = (record[5] ?? 0) | ((record[6] ?? 0) << 8) | ((record[7] ?? 0) << 16);
  const { retained } = state.tenant(retain.tenant);
  // [size 4][language 1][head 3][head][body]: nothing behind the head means "forget it".
  if (8 + head === record.length) retained.delete(retain.address);
  else retained.set(retain.address, record);
}

function applyPlain(state: State, entry: PlainEntry, effects: Effects): void {
  switch (entry.kind) {
    case 'declared':
      state.nowMs = Math.max(state.nowMs, entry.nowMs);
      state.nextId = Math.max(state.nextId, entry.id + 1);
      return declare(state, entry.id, entry.tenant, entry.spec);
    case 'removed':
      return remove(state, entry.tenant, entry.what, entry.name, effects);
    case 'bound':
      state.tenant(entry.tenant).router.bind(entry.binding);
      return;
    case 'unbound':
      state.tenant(entry.tenant).router.unbind(entry.binding);
      return;
    case 'moved': {
      const { groups } = state.tenant(entry.tenant);
      let cursors = groups.get(entry.group);
      if (cursors === undefined) {
        cursors = new Map();
        groups.set(entry.group, cursors);
      }
      for (const { topic, partition, offset, note } of entry.moves) {
        if (offset < 0) cursors.delete(cursorKey(topic, partition));
        else cursors.set(cursorKey(topic, partition), note === undefined ? { offset } : { offset, note });
      }
      return;
    }
    case 'producer':
      admit(state, entry);
      return;
    case 'included':
      include(state, entry);
      return;
    case 'ended':
      end(state, entry);
      return;
    case 'trimmed': {
      const topic = state.topics.get(entry.topic);
      const ends = topic?.partitions[entry.partition];
      if (topic === undefined || ends === undefined) return;
      ends.start = Math.max(ends.start, Math.min(entry.start, ends.end));
      ends.uncommitted?.trim(ends.start);
      effects.trimmed(topic, entry.partition);
      return;
    }
    case 'opened':
      if (state.identity === '') state.identity = entry.identity;
      return opened(state, entry.nowMs, effects);
    default:
      entry satisfies never;
  }
}

function declare(state: State, id: number, tenantName: string, spec: Declaration): void {
  const tenant = state.tenant(tenantName);
  switch (spec.kind) {
    case 'queue': {
      const known = tenant.queues.get(spec.name);
      if (known !== undefined) {
        known.spec = spec;
        return;
      }
      const queue = new Queue(id, tenantName, spec, state.segmentLive);
      tenant.queues.set(spec.name, queue);
      state.queues.set(id, queue);
      return;
    }
    case 'topic': {
      const known = tenant.topics.get(spec.name);
      if (known !== undefined) {
        known.spec = spec;
        known.grow(spec.partitions ?? 1);
        return;
      }
      const topic = new Topic(id, tenantName, spec);
      tenant.topics.set(spec.name, topic);
      state.topics.set(id, topic);
      // One address space: whatever is published to its name, by any door, is appended to it.
      tenant.router.bind(ownBinding(spec));
      return;
    }
    case 'exchange':
      tenant.router.declare(spec);
      return;
    case 'user':
      state.users.set(spec.name, spec);
      return;
    case 'tenant':
      state.tenantSpecs.set(spec.name, spec);
      return;
    default:
      spec satisfies never;
  }
}

export function ownBinding(spec: TopicSpec): { exchange: string; to: { kind: 'topic'; name: string }; pattern: string } {
  return { exchange: MAIN_LINE, to: { kind: 'topic', name: spec.name }, pattern: spec.name };
}

function remove(state: State, tenantName: string, what: string, name: string, effects: Effects): void {
  const tenant = state.tenant(tenantName);
  if (what === 'queue') {
    const queue = tenant.queues.get(name);
    if (queue !== undefined) removeQueue(state, queue, effects);
  } else if (what === 'topic') removeTopic(state, tenant, name, effects);
  else if (what === 'exchange') tenant.router.remove(name);
  else if (what === 'group') tenant.groups.delete(name);
  else if (what === 'user') state.users.delete(name);
  else if (what === 'tenant') removeTenant(state, tenant, effects);
}

function removeTopic(state: State, tenant: Tenant, name: string, effects: Effects): void {
  const topic = tenant.topics.get(name);
  if (topic === undefined) return;
  tenant.topics.delete(name);
  state.topics.delete(topic.id);
  forgetTopic(state, topic.id);
  tenant.router.forget('topic', name);
  tenant.forget(topic);
  for (const cursors of tenant.groups.values()) for (const key of cursors.keys()) if (key.startsWith(`${topic.id}/`)) cursors.delete(key);
  effects.removed(topic);
}

/** The object stays, emptied: who is still connected to it holds it. */
function removeTenant(state: State, tenant: Tenant, effects: Effects): void {
  const { name, queues, topics, groups, retained, router } = tenant;
  for (const queue of [...queues.values()]) removeQueue(state, queue, effects);
  for (const topic of [...topics.keys()]) removeTopic(state, tenant, topic, effects);
  groups.clear();
  retained.clear();
  for (const binding of router.bindings()) router.unbind(binding);
  for (const { name: exchange } of router.exchanges()) if (!router.isBuiltin(exchange)) router.remove(exchange);
  state.tenantSpecs.delete(name);
  for (const user of [...state.users.values()]) {
    if (user.tenants === undefined || !Object.hasOwn(user.tenants, name)) continue;
    const { [name]: _left, ...tenants } = user.tenants;
    state.users.set(user.name, { ...user, tenants });
  }
}

function removeQueue(state: State, queue: Queue, effects: Effects): void {
  const tenant = state.tenant(queue.tenant);
  queue.settle(Float64Array.of(queue.oldest, queue.tail - queue.oldest), 'purged');
  tenant.queues.delete(queue.spec.name);
  state.queues.delete(queue.id);
  tenant.router.forget('queue', queue.spec.name);
  tenant.forget(queue);
  effects.removed(queue);
}

/** Consumers of the former process are gone: what they held goes back in its place, and what was not meant to last is removed. */
function opened(state: State, nowMs: number, effects: Effects): void {
  state.nowMs = Math.max(state.nowMs, nowMs);
  for (const queue of [...state.queues.values()]) {
    if (!isDurable(queue.spec)) removeQueue(state, queue, effects);
    else if (queue.inFlight > 0) {
      queue.back(queue.held(), 0, 'failed');
      effects.touched(queue);
    }
  }
  for (const tenant of state.tenants.values()) {
    for (const spec of tenant.router.exchanges()) if (spec.durable === false) tenant.router.remove(spec.name);
  }
}
