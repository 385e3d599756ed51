/** A stored message made ready to leave by this door: names, properties and body as deliveries carry them. */

import type { Writer } from '../../bytes/writer.ts';
import type { Death, DeathReason } from '../../model/engine.ts';
import { LANGUAGES } from '../../model/message.ts';
import { type Language, languageOf, readMessage } from '../../model/record.ts';
import {
  type Content,
  changeProperties,
  keptHeaders,
  letter,
  namesOf,
  PropertyScan,
  propertiesOf,
  RecordScan,
  writeEntry,
  writeLongEntry,
  writeTimestampEntry,
} from '../../wire/amqp/amqp.ts';

const REASONS: Readonly<Record<DeathReason, string>> = {
  rejected: 'rejected',
  expired: 'expired',
  overflow: 'maxlen',
  attempts: 'delivery_limit',
  schema: 'rejected',
};

/** Headers that tell of deaths; what a message brought under these names gives way. */
const DEATH_HEADERS: ReadonlySet<string> = new Set([
  'x-death',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
]);

/** What a message says of its way here besides what it brought. */
export interface Way {
  readonly deaths: readonly Death[] | undefined;
  /** Headers to add. */
  readonly more: ReadonlyMap<string, number> | undefined;
}

/** Looks at one message after another. What it shows points into the bytes it was given, unless they had to be made anew. */
export class Outgoing implements Content {
  readonly #languages: ReadonlyMap<number, Language>;
  readonly #record = new RecordScan();
  readonly #scan = new PropertyScan();
  names: Buffer = EMPTY;
  namesFrom = 0;
  namesTo = 0;
  properties: Buffer = EMPTY;
  propertiesFrom = 0;
  propertiesTo = 0;
  body: Buffer = EMPTY;
  bodyFrom = 0;
  bodyTo = 0;

  constructor(languages: ReadonlyMap<number, Language>) {
    this.#languages = languages;
  }

  /** The record at `at`. Throws `Refused` for one that cannot be read. */
  look(bytes: Buffer, at: number, way: Way | undefined): void {
    this.body = bytes;
    if (languageOf(bytes, at) === LANGUAGES.amqp) {
      const record = this.#record;
      record.scan(bytes, at);
      this.names = bytes;
      this.namesFrom = record.namesAt;
      this.namesTo = record.propertiesAt;
      this.properties = bytes;
      this.propertiesFrom = record.propertiesAt;
      this.propertiesTo = record.bodyAt;
      this.bodyFrom = record.bodyAt;
      this.bodyTo = record.end;
    } else this.#translate(bytes, at);
    if (way !== undefined) this.#tell(way);
  }

  /** Exchange and routing key as text. */
  get texts(): readonly [string, string] {
    const { names, namesFrom, namesTo } = this;
    const keyAt = namesFrom + 1 + (names[namesFrom] ?? 0);
    return [names.toString('utf8', namesFrom + 1, keyAt), names.toString('utf8', keyAt + 1, namesTo)];
  }

  #translate(bytes: Buffer, at: number): void {
    const message = readMessage(bytes, at, this.#languages);
    this.names = asBuffer(namesOf(message.exchange, message.address));
    this.namesFrom = 0;
    this.namesTo = this.names.length;
    this.properties = asBuffer(propertiesOf(message));
    this.propertiesFrom = 0;
    this.propertiesTo = this.properties.length;
    this.body = asBuffer(message.body);
    this.bodyFrom = 0;
    this.bodyTo = message.body.length;
  }

  #tell({ deaths, more }: Way): void {
    const to = deaths?.[0]?.to;
    if (to !== undefined) {
      this.names = asBuffer(namesOf(to.exchange, to.address));
      this.namesFrom = 0;
      this.namesTo = this.names.length;
    }
    const { properties } = this;
    const scan = this.#scan;
    scan.scan(
      properties,
      new DataView(properties.buffer, properties.byteOffset, properties.length),
      this.propertiesFrom,
      this.propertiesTo,
    );
    const expiration = deaths === undefined ? undefined : scan.text('expiration');
    const changed = changeProperties(scan, {
      headers: (writer) =>
        keptHeaders(scan, writer, deaths === undefined ? NOTHING : DEATH_HEADERS, (into) => {
          if (deaths !== undefined) writeDeaths(into, deaths, expiration);
          for (const [name, value] of more ?? []) writeLongEntry(into, name, value);
        }),
      // A dead letter does not expire by what its first life was granted.
      ...(deaths !== undefined && { expiration: undefined }),
    });
    this.properties = asBuffer(changed);
    this.propertiesFrom = 0;
    this.propertiesTo = changed.length;
  }
}

const EMPTY = Buffer.alloc(0);
const NOTHING: ReadonlySet<string> = new Set();

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** `x-death`, newest first, and the texts for the first and the last. */
function writeDeaths(writer: Writer, deaths: readonly Death[], expiration: string | undefined): void {
  const oldest = firstOf(deaths);
  writer.text8('x-death');
  letter(writer, 'A');
  const listAt = writer.skip(4);
  for (const death of deaths) {
    letter(writer, 'F');
    const at = writer.skip(4);
    writeLongEntry(writer, 'count', death.count);
    writeEntry(writer, 'reason', REASONS[death.reason]);
    writeEntry(writer, 'queue', death.queue);
    writeTimestampEntry(writer, 'time', Math.floor(death.atMs / 1000));
    writeEntry(writer, 'exchange', death.exchange);
    writeEntry(writer, 'routing-keys', [death.address]);
    if (death === oldest && expiration !== undefined) writeEntry(writer, 'original-expiration', expiration);
    writer.setU32(at, writer.at - at - 4);
  }
  writer.setU32(listAt, writer.at - listAt - 4);
  for (const [which, death] of [
    ['first', oldest],
    ['last', deaths[0]],
  ] as const) {
    // biome-ignore format: two pairs
    if (death === undefined) continue;
    writeEntry(writer, `x-${which}-death-exchange`, death.exchange);
    writeEntry(writer, `x-${which}-death-queue`, death.queue);
    writeEntry(writer, `x-${which}-death-reason`, REASONS[death.reason]);
  }
}

function firstOf(deaths: readonly Death[]): Death | undefined {
  let first: Death | undefined;
  for (const death of deaths) if (first === undefined || death.atMs <= first.atMs) first = death;
  return first;
}
