/** What can be declared, as JSON Schema: read by OpenAPI and checked on the way in. Mirrors `model/declaration.ts`; a test holds them together. */

import { ACCESS_TARGETS, ACCESS_VERBS } from '../../model/access.ts';
import type { Schema } from './schema.ts';

const MS_MAX = Number.MAX_SAFE_INTEGER;
const ms = (description: string): Schema => ({ type: 'number', minimum: 0, maximum: MS_MAX, description: `${description} Milliseconds.` });
const count = (description: string, maximum: number = MS_MAX): Schema => ({ type: 'integer', minimum: 0, maximum, description });
const bool = (description: string): Schema => ({ type: 'boolean', description });
const name = (description: string): Schema => ({ type: 'string', maxLength: 255, description });

const LABELS: Schema = {
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 8192 },
  description: 'What doors noted in their own words; at most 8 KiB. Not compared when it is declared again.',
};

const DEAD_LETTER: Schema = {
  type: 'object',
  description: 'Where dead letters go.',
  properties: {
    exchange: name('An exchange; "" means a queue by its name, given as address.'),
    address: name('Default: the address the message was published to.'),
  },
  required: ['exchange'],
  additionalProperties: false,
};

const SCHEMA: Schema = {
  type: 'object',
  description: 'What every message must fit.',
  properties: {
    jsonSchema: { description: 'A JSON Schema.' },
    onFault: { anyOf: [{ type: 'string', enum: ['refuse'] }, DEAD_LETTER], description: 'Default: refused to the publisher.' },
  },
  required: ['jsonSchema'],
  additionalProperties: false,
};

export const TOPIC_SPEC: Schema = {
  type: 'object',
  properties: {
    labels: LABELS,
    partitions: { type: 'integer', minimum: 1, maximum: 10_000, description: 'Default 1. May be raised later.' },
    retentionMs: ms('How long records are kept.'),
    retentionBytes: count('How many bytes of records each partition keeps.'),
    compact: bool('Keep only the last record of each key; an empty body removes its key.'),
    schema: SCHEMA,
    messageBytesMax: count('A larger message is refused.'),
  },
  additionalProperties: false,
};

export const QUEUE_SPEC: Schema = {
  type: 'object',
  properties: {
    labels: LABELS,
    durable: bool('Default true. False: gone at restart.'),
    autoDelete: bool('Removed when its last consumer has gone.'),
    expiresMs: ms('Removed after this long unused.'),
    leaseMs: ms('How long a delivery may go unsettled before it goes back.'),
    ttlMs: ms('How long a message may wait.'),
    delayMs: ms('Every message waits this long before its first delivery.'),
    countMax: count('Most messages.'),
    sizeBytesMax: count('Most bytes.'),
    overflow: {
      type: 'string',
      enum: ['refuse', 'drop-head', 'dead-letter-head', 'refuse-dead-letter'],
      description: 'What happens at countMax or sizeBytesMax. Default refuse.',
    },
    deadLetter: DEAD_LETTER,
    retry: {
      type: 'object',
      description: 'What happens to a message that came back.',
      properties: {
        attempts: { type: 'integer', minimum: 1, maximum: 65_535, description: 'Deliveries in all; after the last it is dead-lettered.' },
        backoffMs: ms('Wait before the second delivery.'),
        factor: { type: 'number', minimum: 1, maximum: 1000, description: 'Each further wait is this much longer. Default 2.' },
        backoffMaxMs: ms('Longest wait.'),
        jitter: { type: 'number', minimum: 0, maximum: 1, description: 'Each wait is drawn from [wait * (1 - jitter), wait].' },
      },
      required: ['attempts'],
      additionalProperties: false,
    },
    priorityMax: count('Highest priority that counts; 0 (default) is a plain FIFO.', 255),
    priorityAgeMs: ms('A message counts one level higher for each such time it has waited.'),
    singleActiveConsumer: bool('One consumer at a time gets everything.'),
    grouped: bool('Messages of one group are delivered one at a time, in order.'),
    dedupWindowMs: ms('A message whose dedup id was seen within this window is confirmed and not stored.'),
    schema: SCHEMA,
    messageBytesMax: count('A larger message is refused.'),
  },
  additionalProperties: false,
};

export const EXCHANGE_SPEC: Schema = {
  type: 'object',
  properties: {
    labels: LABELS,
    type: { type: 'string', enum: ['direct', 'topic', 'fanout', 'headers', 'consistent-hash'], description: 'How it chooses.' },
    durable: bool('Default true. False: gone at restart.'),
    autoDelete: bool('Removed with its last binding.'),
    internal: bool('Only bindings feed it, not publishers.'),
    alternate: name('Where a message goes that no binding took.'),
    hashHeader: name('consistent-hash: hash this header instead of the address.'),
    schema: SCHEMA,
  },
  required: ['type'],
  additionalProperties: false,
};

const NAMES: Schema = { type: 'array', maxItems: 1000, items: { type: 'string', maxLength: 255 } };

export const USER_SPEC: Schema = {
  type: 'object',
  properties: {
    tenant: name('Its own. Default /.'),
    tenants: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: { configure: NAMES, write: NAMES, read: NAMES },
        additionalProperties: false,
      },
      description: 'What it may in further tenants, by their names; in others, nothing.',
    },
    configure: { ...NAMES, description: 'Names it may declare and remove; * stands for any run of characters.' },
    write: { ...NAMES, description: 'Names it may publish to.' },
    read: { ...NAMES, description: 'Names it may consume from.' },
    admin: bool('May manage users.'),
    rules: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          effect: { enum: ['allow', 'deny'] },
          verb: { enum: [...ACCESS_VERBS, 'all'] },
          on: { enum: [...ACCESS_TARGETS, 'all'] },
          name: { type: 'string', maxLength: 255 },
          match: { enum: ['name', 'prefix'] },
          tenant: { type: 'string', maxLength: 255 },
          note: { type: 'string', maxLength: 255 },
        },
        required: ['effect', 'verb', 'on', 'name', 'match'],
        additionalProperties: false,
      },
      description: 'What it may besides, and what it may not; a rule that denies counts for more. Absent: those it has are kept.',
    },
    secrets: {
      type: 'object',
      additionalProperties: { type: 'string', maxLength: 1000 },
      description: 'Verifiers by purpose (token, password), never the secrets themselves.',
    },
    token: bool('Draw a new token, and answer it this one time.'),
  },
  additionalProperties: false,
};

export const BINDING: Schema = {
  type: 'object',
  properties: {
    to: {
      type: 'object',
      description: 'Where messages go.',
      properties: { kind: { type: 'string', enum: ['queue', 'topic', 'exchange'] }, name: name('Its name.') },
      required: ['kind', 'name'],
      additionalProperties: false,
    },
    pattern: {
      type: 'string',
      maxLength: 255,
      description: 'direct: the address; topic: words with * (one) and # (any number); consistent-hash: the weight.',
    },
    headers: {
      type: 'object',
      description: 'headers exchange: what must be there; null asks only that the header exists.',
      properties: {
        match: { type: 'string', enum: ['all', 'any', 'all-with-x', 'any-with-x'] },
        values: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } },
      },
      required: ['match', 'values'],
      additionalProperties: false,
    },
    filter: { type: 'string', maxLength: 10_000, description: 'JMESPath; taken when the result is truthy.' },
    transform: { type: 'string', maxLength: 10_000, description: 'JMESPath; its result, as JSON, is the body this target gets.' },
    labels: { ...LABELS, description: 'What doors noted in their own words; at most 8 KiB. Two bindings that differ in them are two.' },
  },
  required: ['to'],
  additionalProperties: false,
};

export const RECEIPTS: Schema = {
  type: 'object',
  properties: { receipts: { type: 'array', maxItems: 10_000, items: { type: 'string', maxLength: 64 } } },
  required: ['receipts'],
  additionalProperties: false,
};

export const CURSORS: Schema = {
  type: 'object',
  properties: {
    cursors: {
      type: 'array',
      maxItems: 10_000,
      items: {
        type: 'object',
        properties: {
          topic: name('The topic.'),
          partition: count('Its partition.', 0x7fff_ffff),
          offset: count('The next offset to read.'),
        },
        required: ['topic', 'partition', 'offset'],
        additionalProperties: false,
      },
    },
  },
  required: ['cursors'],
  additionalProperties: false,
};
