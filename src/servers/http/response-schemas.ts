/** What this door answers, as JSON Schema for OpenAPI. */

import type { Schema } from './schema.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const whole = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const BODY: Readonly<Record<string, Schema>> = {
  body: { description: 'The body, when it is JSON.' },
  text: text('The body, when it is UTF-8 text.'),
  base64: text('The body otherwise.'),
};

const PROPERTIES: Readonly<Record<string, Schema>> = {
  key: text('What decides its partition, when that is UTF-8.'),
  keyBase64: text('The key otherwise.'),
  id: text('Its id.'),
  type: text('What kind of event it is.'),
  source: text('Where it comes from.'),
  subject: text('What it is about.'),
  contentType: text('Of the body. Default: application/json for `body`, text/plain for `text`.'),
  contentEncoding: text('Of the body; then it is always base64.'),
  correlationId: text('Ties an answer to its question.'),
  replyTo: text('Where the answer should go.'),
  priority: { type: 'integer', minimum: 0, maximum: 255, description: 'Higher is delivered first.' },
  headers: {
    type: 'object',
    description: 'Headers. Bytes are {"base64": "…"}, large integers {"bigint": "…"}.',
    additionalProperties: true,
  },
};

export const RESPONSE_SCHEMAS: Readonly<Record<string, Schema>> = {
  NewMessage: {
    type: 'object',
    description: 'A message to publish. At most one of body, text and base64.',
    properties: {
      ...PROPERTIES,
      ...BODY,
      ttl: { description: 'How long it may wait: milliseconds, or such as "5s".', anyOf: [{ type: 'number' }, { type: 'string' }] },
      delay: { description: 'Deliver no earlier than this much later.', anyOf: [{ type: 'number' }, { type: 'string' }] },
      due: { description: 'Deliver no earlier than this time.', anyOf: [{ type: 'number' }, { type: 'string' }] },
      group: text('Queues with groups deliver the messages of one group one at a time.'),
      dedupId: text('Known already to the queue: confirmed, and not stored again.'),
      partition: whole('The partition, instead of choosing it by key.'),
    },
  },
  Message: {
    type: 'object',
    properties: {
      address: text('What it was published to.'),
      exchange: text('By which exchange, when not the main line; "" for straight to a queue.'),
      timestamp: { type: 'number', description: 'When it was published, milliseconds since 1970.' },
      ...PROPERTIES,
      ttl: { type: 'number', description: 'How long it may wait, as its publisher said, milliseconds.' },
      ...BODY,
      receipt: text('Settles it: give it back with ack, nack, requeue, reject or extend.'),
      attempts: whole('How often it was delivered, this time included.'),
      partition: whole('Of a topic.'),
      offset: whole('Of a topic.'),
      number: whole('Its number in its queue (peek).'),
      state: { type: 'string', enum: ['ready', 'delayed', 'in-flight'], description: 'Peek only.' },
      retained: { type: 'boolean', description: 'It was published before, and kept for its address.' },
      deaths: { type: 'array', items: { type: 'object' }, description: 'Why it was dead-lettered, newest first.' },
      unreadable: text('Why its properties cannot be shown; then base64 is its body.'),
    },
    required: ['address'],
  },
  Messages: {
    type: 'object',
    properties: { messages: { type: 'array', items: { $ref: '#/components/schemas/Message' } } },
    required: ['messages'],
  },
  Records: {
    type: 'object',
    properties: {
      records: { type: 'array', items: { $ref: '#/components/schemas/Message' } },
      next: whole('Where to read next.'),
      start: whole('First offset still there.'),
      end: whole('First offset not there yet.'),
    },
    required: ['records', 'next', 'start', 'end'],
  },
  Published: {
    type: 'object',
    properties: {
      count: whole('How many messages were taken.'),
      routed: whole('How many queues and partitions took the last batch. 0: nothing was bound.'),
      duplicates: whole('How many were known already, and not stored again.'),
      partition: whole('Of a single message, where a topic has the address’s name.'),
      offset: whole('Of a single message.'),
      offsets: {
        type: 'array',
        description: 'Of several, both ends included; empty when there would be more than 10,000.',
        items: {
          type: 'object',
          properties: { partition: whole('Partition.'), first: whole('First offset.'), last: whole('Last offset.') },
        },
      },
    },
    required: ['count', 'routed'],
  },
  Transacted: {
    type: 'object',
    properties: {
      results: {
        type: 'array',
        items: {
          anyOf: [
            { $ref: '#/components/schemas/Published' },
            { $ref: '#/components/schemas/Settled' },
            { type: 'object', properties: { moved: whole('How many cursors.') }, required: ['moved'] },
          ],
        },
      },
    },
    required: ['results'],
  },
  Settled: { type: 'object', properties: { settled: whole('How many.') }, required: ['settled'] },
  Description: {
    type: 'object',
    description: 'The declaration as it was made, and under `state` how the thing is doing.',
    properties: { kind: text('topic, queue, exchange, group or user.'), name: text('Its name.'), state: { type: 'object' } },
    required: ['kind', 'name'],
    additionalProperties: true,
  },
  List: {
    type: 'object',
    properties: { items: { type: 'array', items: { type: 'object' } }, next: text('There are more: ask again with after=this.') },
    required: ['items'],
  },
  Problem: {
    type: 'object',
    description: 'RFC 9457.',
    properties: {
      title: text('The status in words.'),
      status: { type: 'integer', minimum: 400, maximum: 599 },
      code: text('What went wrong, for programs: stable.'),
      detail: text('What happened, to what, and what to do next.'),
      path: text('Where in the message or body the fault is: a JSON pointer.'),
      published: { description: 'Of a stream that ended early: what had been published.', $ref: '#/components/schemas/Published' },
    },
    required: ['title', 'status', 'code', 'detail'],
  },
};
