/** Reading WebSocket frames: JSON text to one of the shapes in `frames.ts`, every member checked, none passed over. */

import { Refused } from '../../model/refusal.ts';
import { type Draft, decodeDraft, type Properties } from './draft.ts';
import { type ClientFrame, FrameFault, type PublishFrame, type Ref, type SettleFrame, type SubscribeFrame } from './frames.ts';
import { memberBytes, parseJson, spansOf } from './json.ts';
import { checkInteger, parseDuration, quoted } from './scalars.ts';

export const CREDIT_MAX = 65_535;
const SUB_LENGTH_MAX = 100;
const NO_PROPERTIES: Properties = { headers: new Map() };

/** Throws `FrameFault`. */
export function decodeFrame(bytes: Uint8Array): ClientFrame {
  let ref: Ref;
  try {
    const json = parseJson(bytes, 'This frame');
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refused('invalid', 'This frame is not a JSON object.');
    const fields = new Fields(json);
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
  const one = fields.take('message');
  const many = fields.take('messages');
  if ((one === undefined) === (many === undefined)) {
    throw new Refused('invalid', 'A publish frame has either "message" or "messages"; give one of them.');
  }
  let drafts: Draft[];
  if (many === undefined) drafts = [readDraft(one, memberBytes(bytes, 'message'), 'This message')];
  else {
    if (!Array.isArray(many)) throw new Refused('invalid', '"messages" of this frame is not an array.');
    const list = memberBytes(bytes, 'messages') ?? bytes.subarray(0, 0);
    const spans = spansOf(list, 0, list.length);
    drafts = many.map((json, i) => readDraft(json, list.subarray(spans[2 * i], spans[2 * i + 1]), `Message ${i} of this frame`));
  }
  return {
    op: 'publish',
    ref,
    exchange: fields.optional('exchange'),
    address: fields.text('address'),
    drafts,
    mandatory: fields.flag('mandatory'),
    retain: fields.flag('retain'),
    transient: fields.flag('transient'),
  };
}

function readDraft(json: unknown, bytes: Uint8Array | undefined, what: string): Draft {
  return decodeDraft(json, bytes === undefined ? undefined : memberBytes(bytes, 'body'), NO_PROPERTIES, what);
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

/** Members of a frame, taken one by one; `done` refuses what nobody took. */
class Fields {
  readonly #left: Map<string, unknown>;

  constructor(json: object) {
    this.#left = new Map(Object.entries(json));
  }

  take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value === null ? undefined : value;
  }

  ref(): Ref {
    const ref = this.take('ref');
    if (ref === undefined || typeof ref === 'number' || (typeof ref === 'string' && ref.length <= SUB_LENGTH_MAX)) return ref;
    throw new Refused('invalid', `"ref" of this frame is neither a number nor a string of at most ${SUB_LENGTH_MAX} characters.`);
  }

  sub(): string {
    const sub = this.text('sub');
    if (sub.length <= SUB_LENGTH_MAX) return sub;
    throw new Refused('invalid', `"sub" of this frame is longer than ${SUB_LENGTH_MAX} characters.`);
  }

  text(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new Refused('invalid', `This frame has no "${name}".`);
    return value;
  }

  optional(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === 'string') return value;
    throw new Refused('invalid', `"${name}" of this frame is not a string.`);
  }

  texts(name: string): readonly string[] {
    const value = this.take(name);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw new Refused('invalid', `"${name}" of this frame is not a list of strings.`);
  }

  integers(name: string): readonly number[] | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw new Refused('invalid', `"${name}" of this frame is not a list of numbers.`);
    return value.map((item) => checkInteger(item, `"${name}" of this frame`, 0, 0x7fff_ffff));
  }

  integer(name: string, min: number, max: number): number {
    return checkInteger(this.take(name), `"${name}" of this frame`, min, max);
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : checkInteger(value, `"${name}" of this frame`, min, max);
  }

  flag(name: string): boolean {
    const value = this.take(name);
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    throw new Refused('invalid', `"${name}" of this frame is neither true nor false.`);
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.optional(name);
    const found = choices.find((choice) => choice === value);
    if (value !== undefined && found === undefined)
      throw new Refused('invalid', `"${name}" of this frame is not one of ${choices.join(', ')}.`);
    return found;
  }

  /** Milliseconds as a number, or `"5s"`. */
  duration(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
    return parseDuration(String(value), `"${name}" of this frame`);
  }

  done(): void {
    const [name] = this.#left.keys();
    if (name !== undefined) throw new Refused('invalid', `This frame has a member ${quoted(name)}, which means nothing here.`);
  }
}
