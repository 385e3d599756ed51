/** Messages on their way to a simulated broker: drawn, written down with what should become of them, and sent. */

import type { Broker } from '../../src/broker/broker.ts';
import type { Columns, Publish, Published } from '../../src/model/engine.ts';
import type { Message } from '../../src/model/message.ts';
import { murmur2 } from '../../src/model/murmur.ts';
import { RecordWriter } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import type { Sent } from './history.ts';
import { type Expected, expectedOf, type Facts, FITTING_MAX } from './matcher.ts';
import type { Scene } from './scene.ts';

export interface To {
  readonly exchange: string;
  readonly address: string;
  readonly also?: readonly string[];
}

export interface Outgoing {
  /** An earlier sending of it had no answer: it may be stored, whatever a later one is told. */
  unanswered?: boolean;
  readonly publish: Publish;
  /** One per record, in order. */
  readonly originals: readonly Sent[];
  /** Those, and what transforms make of them. */
  readonly sent: readonly Sent[];
  /** What a schema says to it as a whole. */
  readonly mustBeRefused: boolean;
  /** Whether anything should take any of it; undefined: that depends on a queue that comes and goes. */
  readonly reaches: boolean | undefined;
}

export interface Drawing {
  readonly transaction?: number;
  /** The publisher; drawn when absent. */
  readonly by?: number;
  /** The record each is made from. */
  readonly of?: readonly string[];
}

/** The body that a transform makes begins so, and no other. */
const COPY = '{"id":';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Under which id a message stands in the history. */
export function idOf({ id = '', body }: Message): string {
  return isCopy(body) ? `${id}~` : id;
}

export function bodyText({ body }: Message): string {
  return decoder.decode(body);
}

function isCopy(body: Uint8Array): boolean {
  for (let i = 0; i < COPY.length; i++) if (body[i] !== COPY.charCodeAt(i)) return false;
  return true;
}

interface Drawn {
  readonly id: string;
  readonly facts: Facts;
  readonly body: string;
  readonly isFaulty: boolean;
  readonly expected: Expected;
}

export function draw(scene: Scene, broker: Broker, to: To, count: number, drawing: Drawing = {}): Outgoing {
  const { random, plan, history } = scene;
  const { transaction, of } = drawing;
  const publisher = drawing.by ?? random.int(plan.publishers);
  const writer = new RecordWriter();
  const columns = drawColumns(scene, broker.nowMs(), count, drawing);
  const group: string[] = [];
  const keyHash = new Int32Array(count);
  const originals: Sent[] = [];
  const copies: Sent[] = [];
  const together = transaction === undefined ? `batch ${scene.nextId()}` : `transaction ${transaction}`;
  let mustBeRefused = false;
  let reaches: boolean | undefined = false;
  for (let i = 0; i < count; i++) {
    const drawn = drawMessage(scene, to, of !== undefined ? 0 : transaction !== undefined ? 0.5 : 0.1);
    const { id, facts, body, isFaulty, expected } = drawn;
    const key = encoder.encode(facts.key);
    group.push(facts.key);
    keyHash[i] = murmur2(key);
    const { exchange, address } = to;
    const nowMs = broker.nowMs();
    writer.write({ exchange, address, timestampMs: nowMs, headers: facts.headers, id, key, body: encoder.encode(body) });
    mustBeRefused ||= isFaulty && plan.schema?.onFault === 'refuse';
    const { places, draws } = expected;
    if (isFaulty) reaches = true;
    else if (places.size + expected.copies.size + draws.size > 0)
      reaches ||= places.size === 1 && [...places].every((name) => isChurned(scene, name)) ? undefined : true;
    // What goes to where faults go is not what was published, but a dead letter: it has no times of its own.
    const plain = isFaulty
      ? { queues: ['faulty'], topics: [], dueMs: 0, dedupId: undefined, mortal: false, ttlMs: Number.POSITIVE_INFINITY, priority: 0 }
      : {
          queues: [...places].filter((name) => !isTopic(scene, name)),
          topics: [...places].filter((name) => isTopic(scene, name)),
          dueMs: columns.dueMs?.[i] ?? 0,
          dedupId: columns.dedupId?.[i],
          mortal: columns.ttlMs !== undefined,
          ttlMs: columns.ttlMs?.[i] ?? Number.POSITIVE_INFINITY,
          priority: columns.priority?.[i] ?? 0,
        };
    const original: Sent = {
      ...plain,
      id,
      isCopy: false,
      publisher,
      turn: scene.nextTurn(publisher),
      draws: isFaulty ? new Map() : draws,
      key: facts.key,
      body,
      sizeBytes: body.length + 100,
      sentMs: nowMs,
      lastSentMs: nowMs,
      transaction,
      together,
      of: of?.[i],
      askedAt: history.step(),
      confirmedAt: undefined,
      outcome: 'unknown',
      duplicate: false,
      place: undefined,
    };
    originals.push(original);
    if (!isFaulty && expected.copies.size > 0) copies.push(copyOf(scene, original, [...expected.copies]));
  }
  for (const one of [...originals, ...copies]) history.sent.set(one.id, one);
  const publish: Publish = {
    exchange: to.exchange,
    address: to.address,
    records: writer.take(),
    columns: { ...columns, group, keyHash },
    ...(to.also && { also: to.also }),
    ...(random.chance(0.2) && { mandatory: true }),
  };
  return { publish, originals, sent: [...originals, ...copies], mustBeRefused, reaches };
}

function isChurned({ plan }: Scene, name: string): boolean {
  return plan.churned.some((spec) => spec.name === name);
}

function isTopic({ plan }: Scene, name: string): boolean {
  return plan.topics.has(name) || plan.churned.some((spec) => spec.kind === 'topic' && spec.name === name);
}

function topicsOf({ plan }: Scene): string[] {
  return [...plan.topics.keys(), ...plan.churned.filter(({ kind }) => kind === 'topic').map(({ name }) => name)];
}

function drawColumns({ random }: Scene, nowMs: number, count: number, { of, by }: Drawing): Columns {
  const delayed = random.chance(0.1) && of === undefined;
  const mortal = random.chance(0.1) && of === undefined;
  // Of a repeat one could not tell whether its dedup id or its sequence was known.
  const deduped = by === undefined;
  return {
    priority: Uint8Array.from({ length: count }, () => random.int(10)),
    dedupId: Array.from({ length: count }, () => (random.chance(0.3) && deduped ? `d${random.int(12)}` : undefined)),
    ...(delayed && { dueMs: Float64Array.from({ length: count }, () => nowMs + random.int(300)) }),
    ...(mortal && { ttlMs: Float64Array.from({ length: count }, () => 50 + random.int(500)) }),
  };
}

/** `large`: how many have a large body. */
function drawMessage(scene: Scene, to: To, large: number): Drawn {
  const { random, plan } = scene;
  const id = `m${scene.nextId()}`;
  const headers = new Map<string, string | number>();
  if (random.chance(0.6)) headers.set('c', random.pick(['a', 'b']));
  if (random.chance(0.6)) headers.set('n', random.int(4));
  if (random.chance(0.2)) headers.set('x-d', 'y');
  const buries = plan.topics.get(to.address)?.compact === true && random.chance(0.15);
  const n = buries ? undefined : random.int(10);
  const facts: Facts = { key: `k${random.int(4)}`, headers, n };
  const filling = 'x'.repeat(random.chance(large) ? random.int(5000) : random.int(60));
  const body = buries ? '' : `{"m":"${id}","n":${n},"p":"${filling}"}`;
  const addresses = [to.address, ...(to.also ?? [])];
  const expected = expectedOf(plan.exchanges, topicsOf(scene), { exchange: to.exchange, addresses }, facts);
  const { schema } = plan;
  const isMet = schema !== undefined && (to.exchange === schema.place || expected.places.has(schema.place));
  return { id, facts, body, isFaulty: isMet && (n === undefined || n > FITTING_MAX), expected };
}

function copyOf(scene: Scene, original: Sent, to: readonly string[]): Sent {
  return {
    ...original,
    id: `${original.id}~`,
    isCopy: true,
    body: `${COPY}"${original.id}"}`,
    sizeBytes: 100,
    queues: to.filter((name) => !isTopic(scene, name)),
    topics: to.filter((name) => isTopic(scene, name)),
    draws: new Map(),
    of: undefined,
  };
}

/** Sends it, and writes down what the broker says to it. */
export async function send(scene: Scene, broker: Broker, out: Outgoing, publish: Publish): Promise<void> {
  const { sent } = out;
  const { life, history } = scene;
  for (const one of sent) one.lastSentMs = broker.nowMs();
  const mayBeStored = out.unanswered === true;
  out.unanswered = true;
  // A batch that is sent again was refused before, and may be taken now.
  for (const one of sent) if (one.outcome === 'refused') one.outcome = 'unknown';
  scene.trace?.(`publish ${sent.map((s) => s.id).join(' ')} to ${publish.exchange}/${publish.address}`);
  try {
    const published = await broker.publish(publish);
    if (scene.life !== life) return;
    scene.trace?.(`confirmed ${sent.map((s) => s.id).join(' ')}`);
    if (scene.failed) history.fault('J6 confirm', `${sent[0]?.id} was confirmed after the broker had failed`);
    confirm(scene, out, published);
  } catch (error) {
    // `closed` after a disk error: it may have reached the disk.
    if (error instanceof Refused && error.code !== 'closed') {
      if (error.code === 'unrouted' && (publish.mandatory !== true || out.reaches === true))
        history.fault('R3 mandatory', `${sent[0]?.id} was refused as unrouted: ${publish.exchange}/${publish.address}`);
      if (error.code === 'schema' && !out.mustBeRefused)
        history.fault('S1 schema', `the batch of ${sent[0]?.id} fits, and was refused: ${error.message}`);
      out.unanswered = mayBeStored;
      if (!mayBeStored) for (const one of sent) one.outcome = 'refused';
    }
    throw error;
  }
}

/** The broker says that it is safe. */
export function confirm({ history }: Scene, out: Outgoing, published: Published): void {
  const { sent, originals, publish } = out;
  if (out.mustBeRefused) history.fault('S1 schema', `the batch of ${sent[0]?.id} was taken, though one of it does not fit`);
  if (out.reaches !== undefined && published.routed > 0 !== out.reaches)
    history.fault('R3 routed', `${sent[0]?.id} went to ${published.routed} places from ${publish.exchange}/${publish.address}`);
  if (out.reaches === false && publish.mandatory === true)
    history.fault('R3 mandatory', `${sent[0]?.id} is mandatory, goes nowhere, and was confirmed`);
  const confirmedAt = history.step();
  for (const one of sent) {
    one.outcome = 'ok';
    one.confirmedAt ??= confirmedAt;
  }
  originals.forEach((one, i) => {
    one.duplicate = published.duplicates !== undefined && ((published.duplicates[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
    const partition = published.partitions?.[i] ?? -1;
    const offset = published.offsets?.[i] ?? -1;
    if (partition >= 0 && offset >= 0) one.place = { partition, offset };
  });
}
