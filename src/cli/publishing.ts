/** Publishes lines: gathered into bounded batches, one on its way at a time, the input read no faster than the broker confirms. */

import { createReadStream, statSync } from 'node:fs';
import { findJsonFault, MEDIA } from '../wire/http/http.ts';
import { type Client, type Query, Refusal } from './client.ts';
import { EventLines, type Format } from './event-lines.ts';
import { EXIT, Failure, failureOf } from './exits.ts';
import { Lines } from './lines.ts';
import { Progress } from './progress.ts';
import { counted, grouped, type Terminal } from './terminal.ts';

/** What the door still takes as one batch, all or nothing. */
const BATCH_BYTES_MAX = 1024 * 1024;

interface Target {
  readonly client: Client;
  /** Where to: `/v1/topics/orders/records`. */
  readonly path: string;
  readonly query: Query;
  /** Where to, in words: `topic orders`. */
  readonly to: string;
}

export interface TextsWish extends Target {
  /** The bodies. */
  readonly texts: readonly string[];
}

export interface LinesWish extends Target {
  /** A file's path, or `-` for stdin. */
  readonly input: string;
  readonly format: Format;
  readonly key: string | undefined;
  /** Lines at the beginning that are passed over. */
  readonly skip: number;
}

/** What the door answers. */
interface Published {
  readonly count: number;
  readonly routed: number;
  readonly duplicates?: number;
  readonly partition?: number;
  readonly offset?: number;
  readonly offsets?: readonly Range[];
}

interface Range {
  readonly partition: number;
  readonly first: number;
  readonly last: number;
}

/** Throws what went wrong, with how much had been published before: lines are safe or not, never unknown but for one batch. */
export async function publishLines(wish: LinesWish, terminal: Terminal): Promise<number> {
  const startedMs = performance.now();
  const sizeBytes = wish.input === '-' ? undefined : sizeOf(wish.input);
  const progress = new Progress(terminal.isAttended, sizeBytes);
  const what = wish.input === '-' ? 'stdin' : wish.input;
  const lines = new Lines();
  const events = new EventLines(what, wish.format, wish.key);
  const sender = new Sender(wish, events, progress);
  try {
    for await (const chunk of wish.input === '-' ? process.stdin : createReadStream(wish.input, { highWaterMark: 256 * 1024 })) {
      for (const line of lines.push(chunk as Buffer)) await sender.take(line, lines.number);
      sender.launch();
    }
    for (const line of lines.end()) await sender.take(line, lines.number);
    await sender.finish();
  } catch (error) {
    progress.end();
    throw await sender.told(error, what);
  }
  progress.end();
  await tell(sender.tally.answer(), (performance.now() - startedMs) / 1000, wish.to, terminal);
  return EXIT.done;
}

function sizeOf(path: string): number | undefined {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) throw new Failure('usage', `${path} is a directory; give a file of lines.`);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('usage', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Messages said on the command line, one after the other. */
export async function publishTexts({ client, path, query, to, texts }: TextsWish, terminal: Terminal): Promise<number> {
  const startedMs = performance.now();
  const tally = new Tally();
  for (const text of texts) {
    const body = Buffer.from(text);
    const type = findJsonFault(body, 0, body.length) < 0 ? MEDIA.json : MEDIA.text;
    tally.add(await client.ask<Published>('POST', path, { query, body, type }));
  }
  await tell(tally.answer(), (performance.now() - startedMs) / 1000, to, terminal);
  return EXIT.done;
}

/** What is there already stays as it was declared. */
export async function declareIfMissing(client: Client, path: string): Promise<void> {
  try {
    await client.ask('GET', path);
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'unknown')) throw error;
    await client.ask('PUT', path, { body: {} });
  }
}

async function tell(published: Published, seconds: number, to: string, terminal: Terminal): Promise<void> {
  const { count, routed, duplicates = 0 } = published;
  if (terminal.json) {
    await terminal.value({ ...published, seconds: Math.round(seconds * 1000) / 1000 });
    return;
  }
  const rate = count > 1 && seconds > 0 ? ` in ${seconds.toFixed(2)} s (${grouped(count / seconds)}/s)` : '';
  const known = duplicates > 0 ? `, ${grouped(duplicates)} of them known already and not stored again` : '';
  await terminal.line(`Published ${counted(count, 'event')} to ${to}${rate}${known}.`);
  if (count > 0 && routed === 0) {
    terminal.warn(
      'Nobody was there to take it: an address keeps nothing by itself. Subscribe before, or publish to a topic (--topic NAME --declare).',
    );
  }
}

/** Adds up what the door answers, batch after batch. */
class Tally {
  #last: Published | undefined;
  #count = 0;
  #duplicates = 0;
  readonly #ranges: { partition: number; first: number; last: number }[] = [];

  get count(): number {
    return this.#count;
  }

  add(published: Published): void {
    this.#last = published;
    this.#count += published.count;
    this.#duplicates += published.duplicates ?? 0;
    const { partition, offset, offsets = [] } = published;
    for (const range of partition === undefined || offset === undefined ? offsets : [{ partition, first: offset, last: offset }]) {
      const before = this.#ranges.findLast((one) => one.partition === range.partition);
      if (before !== undefined && before.last + 1 === range.first) before.last = range.last;
      else this.#ranges.push({ ...range });
    }
  }

  /** As the door would answer all of it at once. */
  answer(): Published {
    if (this.#count === 1 && this.#last !== undefined) return this.#last;
    return {
      count: this.#count,
      routed: this.#last?.routed ?? 0,
      ...(this.#duplicates > 0 ? { duplicates: this.#duplicates } : {}),
      ...(this.#ranges.length > 0 ? { offsets: this.#ranges } : {}),
    };
  }
}

/** A batch being gathered and a batch on its way. */
class Sender {
  readonly tally: Tally = new Tally();
  readonly #wish: LinesWish;
  readonly #events: EventLines;
  readonly #progress: Progress;
  #gathered: Uint8Array[] = [];
  /** The line of each. */
  #numbers: number[] = [];
  #gatheredBytes = 0;
  /** Of the input, those gathered included. */
  #inputBytes = 0;
  #lastLine = 0;
  #flight: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;
  /** The last line of the input that is published, or blank, and all before it too. */
  #safeLine = 0;
  /** The first and last line of the batch that did not land. */
  #lost: readonly [number, number] | undefined;
  /** The line that was refused. */
  #refused: number | undefined;

  constructor(wish: LinesWish, events: EventLines, progress: Progress) {
    this.#wish = wish;
    this.#events = events;
    this.#progress = progress;
  }

  /** Resolves when there is room for another line. */
  async take(line: Uint8Array, number: number): Promise<void> {
    this.#check();
    this.#inputBytes += line.length + 1;
    if (number <= this.#wish.skip) {
      this.#safeLine = number;
      return;
    }
    const bytes = this.#events.encode(line, number);
    if (bytes !== undefined) {
      // The answer to the batch on its way sends off the one gathered, and makes room.
      this.#launchWhenFull(bytes.length);
      while (this.#flight !== undefined && this.#isFull(bytes.length)) await this.#flight;
      this.#check();
      this.#gathered.push(bytes);
      this.#numbers.push(number);
      this.#gatheredBytes += bytes.length;
    }
    this.#lastLine = number;
  }

  #isFull(more: number): boolean {
    return this.#gatheredBytes > 0 && this.#gatheredBytes + more > BATCH_BYTES_MAX;
  }

  #launchWhenFull(more: number): void {
    if (this.#isFull(more)) this.launch();
  }

  /** Sends what is gathered, unless a batch is on its way: then that one's answer does. */
  launch(): void {
    if (this.#flight !== undefined || this.#failed !== undefined || this.#gathered.length === 0) return;
    this.#flight = this.#send().then(
      () => {
        this.#flight = undefined;
        this.launch();
      },
      (error: unknown) => {
        this.#failed = { error };
        this.#flight = undefined;
      },
    );
  }

  async finish(): Promise<void> {
    this.launch();
    while (this.#flight !== undefined) await this.#flight;
    this.#check();
  }

  #check(): void {
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  /** The good lines before a faulty one still land; and then the error says where the input stands. */
  async told(error: unknown, what: string): Promise<Failure> {
    const failure = failureOf(error);
    if (this.#failed === undefined) {
      try {
        await this.finish();
      } catch (late) {
        return this.told(late, what);
      }
    }
    const { count } = this.tally;
    const safe =
      count === 0
        ? `Nothing of ${what} had been published.`
        : `${counted(count, 'event')} of ${what} had been published, up to line ${grouped(this.#safeLine)}.`;
    // Of a refusal it is known that nothing of the batch was kept; of a connection that broke off, nothing is known.
    const unknown =
      this.#lost !== undefined && !(error instanceof Refusal)
        ? ` Lines ${this.#lost[0]} to ${this.#lost[1]} may have been published, too.`
        : '';
    const resume = count > 0 || unknown !== '' ? ` To go on behind them: --skip ${this.#safeLine}.` : '';
    const faulty =
      this.#refused === undefined
        ? failure.message
        : // What became of the lines before it is said by ourselves: they were sent again without it.
          failure.message.replace(NTH, `Line ${grouped(this.#refused)} of ${what}`).replace(NONE_TAKEN, '. Correct it.');
    return new Failure(failure.exit, `${faulty.replace(/[^.!?)]$/, '$&.')} ${safe}${unknown}${resume}`, {
      code: failure.code,
      cause: error,
    });
  }

  async #send(): Promise<void> {
    const gathered = this.#gathered;
    const numbers = this.#numbers;
    const last = this.#lastLine;
    const inputBytes = this.#inputBytes;
    this.#gathered = [];
    this.#numbers = [];
    this.#gatheredBytes = 0;
    try {
      await this.#post(gathered, last);
    } catch (error) {
      // A batch is kept whole or not at all: those before the faulty one are as good as ever.
      const nth = error instanceof Refusal ? Number(NTH.exec(error.message)?.[1]) : Number.NaN;
      this.#refused = numbers[nth];
      if (nth > 0 && this.#refused !== undefined) await this.#post(gathered.slice(0, nth), this.#refused - 1);
      throw error;
    }
    this.#progress.update(this.tally.count, inputBytes);
  }

  /** `last`: the last line of the input that is then published. */
  async #post(lines: readonly Uint8Array[], last: number): Promise<void> {
    const { client, path, query } = this.#wish;
    let published: Published;
    try {
      published = await client.ask<Published>('POST', path, { query, body: Buffer.concat(lines), type: this.#events.type });
    } catch (error) {
      this.#lost = [this.#safeLine + 1, last];
      throw error;
    }
    this.#safeLine = last;
    this.tally.add(published);
  }
}

/** How the broker names a message that it refuses; counted from 0. */
const NTH = /^Message (\d+) of this batch/;
/** And what it then says of the others. */
const NONE_TAKEN = /\. Nothing of the batch was taken; correct it\.$/;
