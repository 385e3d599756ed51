/** How a line of input becomes a message: the line itself as JSON, as text, or as a message with all its properties. */

import { isUtf8 } from 'node:buffer';
import { findJsonFault, MEDIA } from '../wire/http/http.ts';
import { Failure } from './exits.ts';

/** `json`: each line is the body of one message · `text`: the same, of any text · `messages`: as `subscribe --json` prints them. */
export const FORMATS = ['auto', 'json', 'text', 'messages'] as const;

export type Format = (typeof FORMATS)[number];

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** Encodes lines for the HTTP door. What it takes is checked, so that a fault is told with the line's own number. */
export class EventLines {
  readonly #what: string;
  readonly #key: readonly string[] | undefined;
  #format: Format;

  /** `what` names the input; `key` is the way to the field whose value becomes the key, such as `customer.id`. */
  constructor(what: string, format: Format, key: string | undefined) {
    this.#what = what;
    this.#format = format;
    this.#key = key?.split('.');
    if (key !== undefined && format !== 'auto' && format !== 'json') {
      throw new Failure('usage', `--key takes a field of each line's JSON; lines read as ${format} have none.`);
    }
  }

  /** What the door is to read the encoded lines as. Known once a line has been encoded. */
  get type(): string {
    return this.#format === 'json' && this.#key === undefined ? MEDIA.ndjson : MEDIA.messages;
  }

  /** The line for the request, with its newline; undefined when it is blank. Throws `Failure('usage')` naming the line. */
  encode(line: Uint8Array, number: number): Uint8Array | undefined {
    const first = line.find((c) => c !== 0x20 && c !== 0x09);
    if (first === undefined) return undefined;
    if (this.#format === 'auto') this.#format = this.#formatOf(line, first);
    if (this.#format === 'text') return textMessage(line);
    this.#check(line, number);
    if (this.#format === 'messages' || this.#key === undefined) return Buffer.concat([line, NEWLINE]);
    return keyedMessage(line, this.#keyOf(line, number, this.#key));
  }

  /** The first line decides for all: JSON when it is an object or a list. */
  #formatOf(line: Uint8Array, first: number): Format {
    if ((first === OPEN_BRACE || first === OPEN_BRACKET) && findJsonFault(line, 0, line.length) < 0) return 'json';
    if (this.#key === undefined) return 'text';
    throw new Failure('usage', `The first line of ${this.#what} is no JSON object, so --key finds no field in it.`);
  }

  #check(line: Uint8Array, number: number): void {
    const fault = findJsonFault(line, 0, line.length);
    if (fault < 0 && isUtf8(line)) return;
    const place = fault < 0 ? 'it is not UTF-8' : `the fault is at byte ${fault}`;
    throw new Failure(
      'usage',
      `Line ${number} of ${this.#what} is not JSON (${place}). Lines that are plain text are published with --format text.`,
    );
  }

  #keyOf(line: Uint8Array, number: number, way: readonly string[]): string {
    let value: unknown = JSON.parse(Buffer.from(line).toString('utf8'));
    for (const name of way) {
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    }
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new Failure('usage', `Line ${number} of ${this.#what} has no text or number at ${way.join('.')}, where --key looks for it.`);
  }
}

const NEWLINE = Buffer.from('\n');

/** The line stands in it as it came, so the numbers in it keep their digits. */
function keyedMessage(line: Uint8Array, key: string): Uint8Array {
  return Buffer.concat([Buffer.from(`{"key":${JSON.stringify(key)},"body":`), line, Buffer.from('}\n')]);
}

function textMessage(line: Uint8Array): Uint8Array {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.length);
  if (isUtf8(bytes)) return Buffer.from(`{"text":${JSON.stringify(bytes.toString('utf8'))}}\n`);
  return Buffer.from(`{"base64":"${bytes.toString('base64')}"}\n`);
}
