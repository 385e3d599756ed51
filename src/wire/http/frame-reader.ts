/** Reading WebSocket frames: JSON text to one of the shapes in `frames.ts`, every member checked, none passed over. */

import { Refused } from '../../model/refusal.ts';
import { Fields } from './fields.ts';
import { type ClientFrame, FrameFault, type PublishFrame, type Ref, type SettleFrame, type SubscribeFrame } from './frames.ts';
import { parseJson } from './json.ts';
import { quoted } from './scalars.ts';

export const CREDIT_MAX = 65_535;

/** Throws `FrameFault`. */
export function decodeFrame(bytes: Uint8Array): ClientFrame {
  let ref: Ref;
  try {
    const json = parseJson(bytes, 'This frame');
    const fields = new Fields(json, 'This frame');
    ref = fields.ref();
    const op = fields.text('op');
    const read = READERS.get(op);
    if (read === undefined)
      throw new Refused('invalid', `This frame has the op ${quoted(op)}; there are ${[...READERS.keys()].join(', ')}.`);
    const frame = read(fields, ref, bytes);
    fields.done();
    return frame;
  } catch (error) {
    if (error instanceof Refused) throw new FrameFault(ref, error);
    throw error;
  }
}

type Read = (fields: Fields, ref: Ref, bytes: Uint8Array) => ClientFrame;

const settle = (op: SettleFrame['op']): [string, Read] => [
  op,
  (fields, ref) => ({ op, ref, sub: fields.sub(), receipts: fields.texts('receipts'), delayMs: fields.duration('delay') }),
];

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['publish', readPublish],
  ['subscribe', readSubscribe],
  settle('ack'),
  settle('nack'),
  settle('requeue'),
  settle('reject'),
  [
    'move',
    (fields, ref) => ({
      op: 'move',
      ref,
      sub: fields.sub(),
      partition: fields.integer('partition', 0, 0x7fff_ffff),
      offset: fields.integer('offset', 0, Number.MAX_SAFE_INTEGER - 1),
    }),
  ],
  [
    'extend',
    (fields, ref) => {
      const leaseMs = fields.duration('lease');
      if (leaseMs === undefined) throw new Refused('invalid', 'This frame has no "lease"; give the new time, such as "30s".');
      return { op: 'extend', ref, sub: fields.sub(), receipts: fields.texts('receipts'), leaseMs };
    },
  ],
  ['credit', (fields, ref) => ({ op: 'credit', ref, sub: fields.sub(), credit: fields.integer('credit', 0, CREDIT_MAX) })],
  ['unsubscribe', (fields, ref) => ({ op: 'unsubscribe', ref, sub: fields.sub() })],
  ['ping', (_fields, ref) => ({ op: 'ping', ref })],
]);

function readPublish(fields: Fields, ref: Ref, bytes: Uint8Array): PublishFrame {
  return {
    op: 'publish',
    ref,
    exchange: fields.optional('exchange'),
    address: fields.text('address'),
    drafts: fields.drafts(bytes),
    mandatory: fields.flag('mandatory'),
    retain: fields.flag('retain'),
    transient: fields.flag('transient'),
  };
}

function readSubscribe(fields: Fields, ref: Ref): SubscribeFrame {
  const sub = fields.sub();
  const credit = fields.optionalInteger('credit', 0, CREDIT_MAX);
  const base = { op: 'subscribe', ref, sub, credit } as const;
  const pattern = fields.optional('pattern');
  const queue = fields.optional('queue');
  const topic = fields.optional('topic');
  if ([pattern, queue, topic].filter((target) => target !== undefined).length !== 1) {
    throw new Refused('invalid', 'A subscribe frame has exactly one of "pattern", "queue" and "topic".');
  }
  if (pattern !== undefined) {
    const filter = fields.optional('filter');
    return { ...base, kind: 'pattern', pattern, exchange: fields.optional('exchange'), filter, retained: fields.flag('retained') };
  }
  if (queue !== undefined) {
    return {
      ...base,
      kind: 'queue',
      queue,
      settle: fields.choice('settle', ['by-consumer', 'on-delivery']) ?? 'by-consumer',
      leaseMs: fields.duration('lease'),
      priority: fields.optionalInteger('priority', 0, 255),
      exclusive: fields.flag('exclusive'),
    };
  }
  const group = fields.optional('group');
  if (group !== undefined)
    return { ...base, kind: 'group', topic: topic ?? '', group, from: fields.choice('from', ['earliest', 'latest']) };
  return { ...base, kind: 'topic', topic: topic ?? '', from: fields.optional('from'), partitions: fields.integers('partitions') };
}
