/** Arguments of a queue's declaration and what they are in the broker's words; checked as clients expect, and back for comparing. */

import type { DeadLetterSpec, Overflow, QueueSpec, TopicSpec } from '../../model/declaration.ts';
import type { Headers, HeaderValue } from '../../model/message.ts';
import { TYPE_LABEL } from './door.ts';
import { AmqpFault } from './faults.ts';
import { typeName } from './type-names.ts';

export interface QueueWish {
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Headers;
}

type Check = (value: HeaderValue) => string | undefined;

const QUEUE_TYPES: readonly unknown[] = ['classic', 'quorum', 'stream'];
const OVERFLOWS: readonly unknown[] = ['drop-head', 'reject-publish', 'reject-publish-dlx'];
const STRATEGIES: readonly unknown[] = ['at-most-once', 'at-least-once'];
const MODES: readonly unknown[] = ['default', 'lazy'];
const PRIORITY_MAX = 255;

/** Every argument with a meaning here, in the order in which clients are told of differences. What is not named is taken and means nothing. */
const ARGUMENTS: Readonly<Record<string, Check>> = {
  'x-expires': (value) => whole(value) ?? (value === 0 ? '{value_zero,0}' : undefined),
  'x-message-ttl': whole,
  'x-max-length': whole,
  'x-max-length-bytes': whole,
  'x-max-priority': (value) => whole(value) ?? (Number(value) > PRIORITY_MAX ? `{max_value_exceeded,${value}}` : undefined),
  'x-overflow': (value) => text(value) ?? (OVERFLOWS.includes(value) ? undefined : 'invalid_overflow'),
  'x-dead-letter-exchange': text,
  'x-dead-letter-routing-key': text,
  'x-dead-letter-strategy': (value) => text(value) ?? (STRATEGIES.includes(value) ? undefined : 'invalid_dlx_strategy'),
  'x-single-active-consumer': flag,
  'x-queue-type': (value) => text(value) ?? (QUEUE_TYPES.includes(value) ? undefined : `"unsupported queue type '${value}'"`),
  'x-queue-mode': (value) => text(value) ?? (MODES.includes(value) ? undefined : `"unsupported queue mode '${value}'"`),
  'x-delivery-limit': whole,
  'x-max-age': text,
  'x-stream-max-segment-size-bytes': whole,
};

function whole(value: HeaderValue): string | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return `"expected integer, got ${typeName(value)}"`;
  return value < 0 ? `{value_negative,${value}}` : undefined;
}

function text(value: HeaderValue): string | undefined {
  return typeof value === 'string' ? undefined : `{unacceptable_type,${typeName(value)}}`;
}

function flag(value: HeaderValue): string | undefined {
  return typeof value === 'boolean' ? undefined : `{unacceptable_type,${typeName(value)}}`;
}

/** Throws `AmqpFault` 406 for an argument that cannot be. */
export function checkArguments({ name, arguments: given, durable, exclusive, autoDelete }: QueueWish, vhost: string): void {
  const letters = given.get('x-dead-letter-exchange');
  if (letters !== undefined && typeof letters !== 'string') {
    const says = `invalid type '${typeName(letters)}' for arg 'x-dead-letter-exchange' in queue '${name}' in vhost '${vhost}'`;
    throw new AmqpFault(406, says);
  }
  for (const [argument, check] of Object.entries(ARGUMENTS)) {
    const value = given.get(argument);
    if (value === undefined) continue;
    const fault = check(value);
    if (fault !== undefined) throw new AmqpFault(406, `invalid arg '${argument}' for queue '${name}' in vhost '${vhost}': ${fault}`);
  }
  if (given.has('x-dead-letter-routing-key') && !given.has('x-dead-letter-exchange')) {
    const says = 'routing_key_but_no_dlx_defined';
    throw new AmqpFault(406, `invalid arg 'x-dead-letter-routing-key' for queue '${name}' in vhost '${vhost}': ${says}`);
  }
  const type = given.get('x-queue-type');
  if (type !== 'quorum' && type !== 'stream') return;
  if (!durable) throw new AmqpFault(406, `invalid property 'non-durable' for queue '${name}' in vhost '${vhost}'`);
  if (autoDelete) throw new AmqpFault(406, `invalid property 'auto-delete' for queue '${name}' in vhost '${vhost}'`);
  if (exclusive) throw new AmqpFault(406, `invalid property 'exclusive-owner' for queue '${name}' in vhost '${vhost}'`);
}

/** Whether a stream is wanted: here a topic with one partition. */
export function isStream({ arguments: given }: QueueWish): boolean {
  return given.get('x-queue-type') === 'stream';
}

export function streamSpecOf({ name, arguments: given }: QueueWish, vhost: string): TopicSpec {
  const age = given.get('x-max-age');
  const sizeBytes = given.get('x-max-length-bytes');
  const retentionMs = age === undefined ? undefined : ageMs(String(age));
  if (age !== undefined && retentionMs === undefined)
    throw new AmqpFault(406, `invalid arg 'x-max-age' for queue '${name}' in vhost '${vhost}': invalid_max_age`);
  return {
    kind: 'topic',
    name,
    ...(retentionMs !== undefined && { retentionMs }),
    ...(typeof sizeBytes === 'number' && { retentionBytes: sizeBytes }),
  };
}

/** The arguments that would declare such a stream. */
export function argumentsOfStream({ retentionMs, retentionBytes }: TopicSpec): Map<string, HeaderValue> {
  const found = new Map<string, HeaderValue>([['x-queue-type', 'stream']]);
  if (retentionMs !== undefined) found.set('x-max-age', `${Math.ceil(retentionMs / 1000)}s`);
  if (retentionBytes !== undefined) found.set('x-max-length-bytes', retentionBytes);
  return found;
}

const AGE_UNITS: Readonly<Record<string, number>> = {
  Y: 365 * 86_400_000,
  M: 30 * 86_400_000,
  D: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
};

/** Milliseconds of `7D`, `12h` …; undefined for anything else. */
export function ageMs(age: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([YMDhms])$/.exec(age) ?? [];
  return count === undefined || unit === undefined ? undefined : Number(count) * (AGE_UNITS[unit] ?? 0);
}

/** The queue in the broker's words. An exclusive one goes with its connection, and hence with a restart. */
export function queueSpecOf({ name, durable, exclusive, autoDelete, arguments: given }: QueueWish): QueueSpec {
  const number = (argument: string): number | undefined => {
    const value = given.get(argument);
    return typeof value === 'number' ? value : undefined;
  };
  const exchange = given.get('x-dead-letter-exchange');
  const address = given.get('x-dead-letter-routing-key');
  const deadLetter: DeadLetterSpec | undefined =
    typeof exchange !== 'string' ? undefined : typeof address === 'string' ? { exchange, address } : { exchange };
  const limit = number('x-delivery-limit');
  const priorityMax = number('x-max-priority');
  const overflow = overflowOf(given.get('x-overflow'), deadLetter !== undefined);
  const bounded = given.has('x-max-length') || given.has('x-max-length-bytes');
  const type = given.get('x-queue-type');
  return {
    kind: 'queue',
    name,
    ...(type === 'quorum' && { labels: { [TYPE_LABEL]: type } }),
    durable: durable && !exclusive,
    ...(autoDelete && { autoDelete }),
    ...some('expiresMs', number('x-expires')),
    ...some('ttlMs', number('x-message-ttl')),
    ...some('countMax', number('x-max-length')),
    ...some('sizeBytesMax', number('x-max-length-bytes')),
    ...(bounded || given.has('x-overflow') ? { overflow } : {}),
    ...some('deadLetter', deadLetter),
    ...some('retry', limit === undefined ? undefined : { attempts: limit + 1 }),
    ...some('priorityMax', priorityMax),
    ...(given.get('x-single-active-consumer') === true && { singleActiveConsumer: true }),
  };
}

function some<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]: V });
}

function overflowOf(given: HeaderValue | undefined, hasDeadLetter: boolean): Overflow {
  if (given === 'reject-publish') return 'refuse';
  if (given === 'reject-publish-dlx') return 'refuse-dead-letter';
  return hasDeadLetter ? 'dead-letter-head' : 'drop-head';
}

/** The arguments that would declare such a queue. */
export function argumentsOf(spec: QueueSpec): Map<string, HeaderValue> {
  const found = new Map<string, HeaderValue>();
  const add = (name: string, value: HeaderValue | undefined): void => {
    if (value !== undefined) found.set(name, value);
  };
  add('x-expires', spec.expiresMs);
  add('x-message-ttl', spec.ttlMs);
  add('x-max-length', spec.countMax);
  add('x-max-length-bytes', spec.sizeBytesMax);
  add('x-max-priority', spec.priorityMax === 0 ? undefined : spec.priorityMax);
  if (spec.overflow === 'refuse-dead-letter') add('x-overflow', 'reject-publish-dlx');
  else if (spec.overflow === 'refuse') add('x-overflow', 'reject-publish');
  add('x-dead-letter-exchange', spec.deadLetter?.exchange);
  add('x-dead-letter-routing-key', spec.deadLetter?.address);
  add('x-single-active-consumer', spec.singleActiveConsumer);
  add('x-queue-type', spec.labels?.[TYPE_LABEL]);
  add('x-delivery-limit', spec.retry === undefined ? undefined : spec.retry.attempts - 1);
  return found;
}

/** Says the same whether it is written out or left out. */
const SILENT: Readonly<Record<string, HeaderValue>> = {
  'x-overflow': 'drop-head',
  'x-single-active-consumer': false,
  'x-max-priority': 0,
  'x-queue-type': 'classic',
};

/** Throws `AmqpFault` 406 when what is wished differs from what is there. */
export function checkEqual(wish: QueueWish, known: QueueSpec, keptBy: 'one' | 'all', vhost: string): void {
  const place = `for queue '${wish.name}' in vhost '${vhost}'`;
  const differ = (property: string, wished: boolean, current: boolean): void => {
    if (wished !== current)
      throw new AmqpFault(406, `inequivalent arg '${property}' ${place}: received '${wished}' but current is '${current}'`);
  };
  // An exclusive queue is kept for as long as its connection only; whether it was wished durable is not known any more.
  if (keptBy === 'all') differ('durable', wish.durable, known.durable !== false);
  differ('auto_delete', wish.autoDelete, known.autoDelete === true);
  const current = argumentsOf(known);
  const wished = argumentsOf(queueSpecOf(wish));
  for (const argument of Object.keys(ARGUMENTS)) {
    const [ours, theirs] = [wished.get(argument), current.get(argument)];
    if (ours === theirs || (ours ?? SILENT[argument]) === (theirs ?? SILENT[argument])) continue;
    const both = ours !== undefined && theirs !== undefined;
    const [received, kept] = [ours, theirs].map((value) => (both ? `'${String(value)}'` : told(value)));
    throw new AmqpFault(406, `inequivalent arg '${argument}' ${place}: received ${received} but current is ${kept}`);
  }
}

function told(value: HeaderValue | undefined): string {
  return value === undefined ? 'none' : `the value '${String(value)}' of type '${typeName(value)}'`;
}
