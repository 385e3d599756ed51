/** Reading a transaction: a JSON list of steps, every member of each checked. What is done with them is the door's work. */

import { type Offset, offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import { type Draft, PARTITION_MAX } from './draft.ts';
import { Fields } from './fields.ts';
import { memberBytes, parseJson, spansOf } from './json.ts';
import { decodeReceipt, type Receipt } from './receipt.ts';

export const STEPS_MAX = 1000;

export interface PublishStep {
  readonly op: 'publish';
  readonly exchange: string | undefined;
  readonly address: string;
  readonly drafts: readonly Draft[];
  readonly mandatory: boolean;
  readonly retain: boolean;
}

export interface SettleStep {
  readonly op: 'ack' | 'nack' | 'requeue' | 'reject';
  readonly queue: string;
  readonly receipts: readonly Receipt[];
  readonly delayMs: number | undefined;
}

/** The next offset to read in a partition of a topic. */
export interface Cursor {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
}

export interface MoveStep {
  readonly op: 'move';
  readonly group: string;
  /** Whose cursors they are; undefined: nobody's, by hand. */
  readonly member: string | undefined;
  readonly cursors: readonly Cursor[];
}

export type Step = PublishStep | SettleStep | MoveStep;

/** Throws `Refused('invalid')`. */
export function decodeTransaction(bytes: Uint8Array): Step[] {
  const fields = new Fields(parseJson(bytes, 'The body'), 'The body');
  const steps = fields.take('operations');
  fields.done();
  if (!Array.isArray(steps)) throw new Refused('invalid', 'The body has no list of "operations".');
  if (steps.length > STEPS_MAX)
    throw new Refused('invalid', `The body has ${steps.length} operations; one transaction has at most ${STEPS_MAX}.`);
  const list = memberBytes(bytes, 'operations') ?? bytes.subarray(0, 0);
  const spans = spansOf(list, 0, list.length);
  return steps.map((json, i) => {
    const step = new Fields(json, `Operation ${i}`);
    const read = readStep(step, list.subarray(spans[2 * i], spans[2 * i + 1]), i);
    step.done();
    return read;
  });
}

const OPS = ['publish', 'ack', 'nack', 'requeue', 'reject', 'move'] as const;

function readStep(fields: Fields, bytes: Uint8Array, i: number): Step {
  const op = fields.choice('op', OPS);
  switch (op) {
    case undefined:
      throw new Refused('invalid', `Operation ${i} has no "op"; there are ${OPS.join(', ')}.`);
    case 'publish':
      return {
        op,
        exchange: fields.optional('exchange'),
        address: fields.text('address'),
        drafts: fields.drafts(bytes),
        mandatory: fields.flag('mandatory'),
        retain: fields.flag('retain'),
      };
    case 'move':
      return { op, group: fields.text('group'), member: fields.optional('member'), cursors: cursorsOf(fields.take('cursors'), i) };
    default:
      return {
        op,
        queue: fields.text('queue'),
        receipts: fields.texts('receipts').map(decodeReceipt),
        delayMs: fields.duration('delay'),
      };
  }
}

function cursorsOf(json: unknown, step: number): Cursor[] {
  if (!Array.isArray(json)) throw new Refused('invalid', `Operation ${step} has no list of "cursors".`);
  return json.map((one, i) => {
    const fields = new Fields(one, `Cursor ${i} of operation ${step}`);
    const cursor = {
      topic: fields.text('topic'),
      partition: fields.integer('partition', 0, PARTITION_MAX),
      offset: offset(fields.integer('offset', 0, Number.MAX_SAFE_INTEGER)),
    };
    fields.done();
    return cursor;
  });
}
