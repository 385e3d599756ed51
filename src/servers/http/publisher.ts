/** Publishes a request's body: one message, a batch of them, or a stream of lines of any length, in order and one batch at a time. */

import type { Publish } from '../../model/engine.ts';
import { Refused } from '../../model/refusal.ts';
import {
  Batch,
  type BodyForm,
  bodyForm,
  type Destination,
  type Draft,
  decodeBatch,
  decodeBinary,
  decodeDraft,
  decodeStructured,
  essence,
  LineReader,
  Lines,
  MEDIA,
  memberBytes,
  type Properties,
  type PublishedAnswer,
  parseJson,
  quoted,
  type TakenBatch,
  Tally,
  textOf,
} from '../../wire/http/http.ts';
import type { Call } from './call.ts';
import { HttpFault, PublishFault } from './fault.ts';

export interface PublishWish {
  readonly to: Destination;
  readonly properties: Properties;
  readonly mandatory: boolean;
  readonly transient: boolean;
  readonly retain: boolean;
  /** Lines: all in one batch, or nothing. */
  readonly atomic: boolean;
}

/** What `curl -d` says of any body: taken for saying nothing. */
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Answers once all of it is safe. Throws `PublishFault` when a part had been published before it failed. */
export async function publishBody(call: Call, wish: PublishWish): Promise<PublishedAnswer> {
  await relieved(call);
  const type = call.header('content-type');
  const encoding = call.header('content-encoding');
  const form = bodyForm(type, call.header('ce-specversion'));
  const isEncoded = encoding !== undefined && encoding !== 'identity';
  if (isEncoded && form !== 'raw' && form !== 'cloud-binary') {
    throw new HttpFault(
      'unsupported-media-type',
      `A body of ${essence(type)} cannot be read with the encoding ${quoted(encoding)}; send it plain.`,
    );
  }
  if (form === 'lines' || form === 'messages') return publishLines(call, wish, form);
  const properties = { ...wish.properties, ...(isEncoded ? { contentEncoding: encoding } : {}) };
  const bytes = await call.body.whole();
  const batch = new Batch();
  const nowMs = call.engine.nowMs();
  for (const draft of draftsOf(call, form, type, bytes, properties)) batch.add(draft, wish.to, nowMs);
  const tally = new Tally();
  if (batch.count > 0) await publishOnce(call, wish, batch.take(), tally);
  return tally.answer();
}

function draftsOf(call: Call, form: BodyForm, type: string | undefined, bytes: Buffer, properties: Properties): Draft[] {
  switch (form) {
    case 'cloud-binary':
      return [decodeBinary(headersOf(call), type, bytes, properties)];
    case 'cloud-event':
      return [decodeStructured(bytes, properties)];
    case 'cloud-events':
      return decodeBatch(bytes, properties);
    case 'message':
      return [decodeDraft(parseJson(bytes, 'The body'), memberBytes(bytes, 'body'), properties, 'The message')];
    default:
      return [{ ...properties, ...(type === undefined || essence(type) === FORM_TYPE ? {} : { contentType: type }), body: bytes }];
  }
}

function headersOf(call: Call): [string, string][] {
  return Object.entries(call.request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]);
}

async function publishOnce(call: Call, wish: PublishWish, { records, columns }: TakenBatch, tally: Tally): Promise<void> {
  const { to, mandatory, transient, retain } = wish;
  const publish: Publish = { exchange: to.exchange, address: to.address, records, columns, mandatory, transient, retain };
  tally.add(await call.engine.publish(publish), 0, records.count);
  call.door.figures.published += records.count;
}

/** Too much is on its way to the disk: the body is not read until it is less, so the sender's socket fills. */
async function relieved(call: Call): Promise<void> {
  if (call.engine.pressed) await call.engine.relief();
}

/**
 * A body with a length of at most one batch is one batch. A longer one, and one in chunks, is a stream: its lines are published as they
 * come, one batch at a time, so that what has been published is always the first lines of it; while a batch is on its way to the disk the
 * next is gathered, and when that is full the socket is not read.
 */
async function publishLines(call: Call, wish: PublishWish, form: 'lines' | 'messages'): Promise<PublishedAnswer> {
  const { batchBytesMax, bodyBytesMax } = call.door.limits;
  const { length } = call.body;
  const whole = wish.atomic || (length !== undefined && length <= batchBytesMax);
  if (wish.atomic && (length ?? 0) > bodyBytesMax)
    throw new Refused('too-large', `The body is larger than ${bodyBytesMax} bytes, the most that is published at once.`);
  const stream = new LineStream(call, wish, form);
  if (whole) {
    const bytes = await call.body.whole();
    stream.read(bytes);
    stream.readEnd();
    await stream.flush();
    return stream.tally.answer();
  }
  try {
    await call.body.pieces((chunk) => stream.take(chunk));
    stream.readEnd();
  } catch (error) {
    await stream.abandon(error);
    throw new PublishFault(error, stream.tally.answer());
  }
  try {
    await stream.finish();
  } catch (error) {
    throw new PublishFault(error, stream.tally.answer());
  }
  return stream.tally.answer();
}

class LineStream {
  readonly tally = new Tally();
  readonly #call: Call;
  readonly #wish: PublishWish;
  readonly #gathered: Lines | Batch;
  readonly #reader: LineReader;
  #flight: Promise<void> | undefined;
  /** Why a batch did not land. */
  #failed: { readonly error: unknown } | undefined;

  constructor(call: Call, wish: PublishWish, form: 'lines' | 'messages') {
    this.#call = call;
    this.#wish = wish;
    const { to, properties } = wish;
    const max = call.door.limits.bodyBytesMax;
    if (form === 'lines') {
      const lines = new Lines({ ...properties, contentType: MEDIA.json }, to);
      this.#gathered = lines;
      this.#reader = new LineReader(max, (body) => lines.add(body, call.engine.nowMs()));
    } else {
      const batch = new Batch();
      this.#gathered = batch;
      this.#reader = new LineReader(max, (body) => {
        const what = `Line ${this.#reader.number}`;
        batch.add(decodeDraft(JSON.parse(textOf(body)), memberBytes(body, 'body'), properties, what), to, call.engine.nowMs());
      });
    }
  }

  read(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  readEnd(): void {
    this.#reader.end();
  }

  /** Reads a piece; the promise is open while there is enough waiting. */
  take(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failed !== undefined) throw this.#failed.error;
    this.#reader.push(chunk);
    if (this.#flight === undefined) this.#launch();
    return this.#gathered.sizeBytes >= this.#call.door.limits.batchBytesMax ? this.#flight : undefined;
  }

  /** Publishes what is gathered, as one batch. */
  async flush(): Promise<void> {
    if (this.#gathered.count > 0) await publishOnce(this.#call, this.#wish, this.#gathered.take(), this.tally);
  }

  /** The last batches land. */
  async finish(): Promise<void> {
    while (this.#flight !== undefined) await this.#flight;
    if (this.#failed !== undefined) throw this.#failed.error;
    await this.flush();
  }

  /** After a fault in what was read: the good lines before it still land, unless it was a batch that failed. */
  async abandon(error: unknown): Promise<void> {
    try {
      if (error instanceof Refused) await this.finish();
      else while (this.#flight !== undefined) await this.#flight;
    } catch (late) {
      if (late !== error) this.#call.door.machine.logger.warn('http.publish.abandoned', { cause: String(late) });
    }
  }

  #launch(): void {
    if (this.#gathered.count === 0) return;
    this.#flight = this.#fly();
  }

  /** Batch after batch, as long as there is something gathered and nothing has failed. */
  async #fly(): Promise<void> {
    try {
      await relieved(this.#call);
      await this.flush();
    } catch (error) {
      this.#failed = { error };
    }
    this.#flight = undefined;
    if (this.#failed === undefined) this.#launch();
  }
}
