/** The members of a JSON object that a client sent, taken one by one, each checked and none passed over: frames, and steps of transactions. */

import { Refused } from '../../model/refusal.ts';
import { type Draft, decodeDraft, type Properties } from './draft.ts';
import type { Ref } from './frames.ts';
import { memberBytes, spansOf } from './json.ts';
import { checkInteger, parseDuration, quoted } from './scalars.ts';

const SUB_LENGTH_MAX = 100;
const NO_PROPERTIES: Properties = { headers: new Map() };

/** Members of one JSON object; `done` refuses what nobody took. */
export class Fields {
  readonly #left: Map<string, unknown>;
  readonly #what: string;
  readonly #of: string;

  /** `what`: as it begins a sentence, such as `This frame`. Throws `Refused('invalid')` for what is not an object. */
  constructor(json: unknown, what: string) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refused('invalid', `${what} is not a JSON object.`);
    this.#left = new Map(Object.entries(json));
    this.#what = what;
    this.#of = `of ${what.slice(0, 1).toLowerCase()}${what.slice(1)}`;
  }

  take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value === null ? undefined : value;
  }

  ref(): Ref {
    const ref = this.take('ref');
    if (ref === undefined || typeof ref === 'number' || (typeof ref === 'string' && ref.length <= SUB_LENGTH_MAX)) return ref;
    throw new Refused('invalid', `"ref" ${this.#of} is neither a number nor a string of at most ${SUB_LENGTH_MAX} characters.`);
  }

  sub(): string {
    const sub = this.text('sub');
    if (sub.length <= SUB_LENGTH_MAX) return sub;
    throw new Refused('invalid', `"sub" ${this.#of} is longer than ${SUB_LENGTH_MAX} characters.`);
  }

  text(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new Refused('invalid', `${this.#what} has no "${name}".`);
    return value;
  }

  optional(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === 'string') return value;
    throw new Refused('invalid', `"${name}" ${this.#of} is not a string.`);
  }

  texts(name: string): readonly string[] {
    const value = this.take(name);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw new Refused('invalid', `"${name}" ${this.#of} is not a list of strings.`);
  }

  integers(name: string): readonly number[] | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw new Refused('invalid', `"${name}" ${this.#of} is not a list of numbers.`);
    return value.map((item) => checkInteger(item, `"${name}" ${this.#of}`, 0, 0x7fff_ffff));
  }

  integer(name: string, min: number, max: number): number {
    return checkInteger(this.take(name), `"${name}" ${this.#of}`, min, max);
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : checkInteger(value, `"${name}" ${this.#of}`, min, max);
  }

  flag(name: string): boolean {
    const value = this.take(name);
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    throw new Refused('invalid', `"${name}" ${this.#of} is neither true nor false.`);
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.optional(name);
    const found = choices.find((choice) => choice === value);
    if (value !== undefined && found === undefined)
      throw new Refused('invalid', `"${name}" ${this.#of} is not one of ${choices.join(', ')}.`);
    return found;
  }

  /** The drafts of `message` or `messages`, exactly one of which is there. `bytes`: the object's own. */
  drafts(bytes: Uint8Array): Draft[] {
    const one = this.take('message');
    const many = this.take('messages');
    if ((one === undefined) === (many === undefined))
      throw new Refused('invalid', `${this.#what} publishes either "message" or "messages"; give one of them.`);
    if (many === undefined) return [draftOf(one, memberBytes(bytes, 'message'), `The message ${this.#of}`)];
    if (!Array.isArray(many)) throw new Refused('invalid', `"messages" ${this.#of} is not an array.`);
    const list = memberBytes(bytes, 'messages') ?? bytes.subarray(0, 0);
    const spans = spansOf(list, 0, list.length);
    return many.map((json, i) => draftOf(json, list.subarray(spans[2 * i], spans[2 * i + 1]), `Message ${i} ${this.#of}`));
  }

  /** Milliseconds as a number, or `"5s"`. */
  duration(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
    return parseDuration(String(value), `"${name}" ${this.#of}`);
  }

  done(): void {
    const [name] = this.#left.keys();
    if (name !== undefined) throw new Refused('invalid', `${this.#what} has a member ${quoted(name)}, which means nothing here.`);
  }
}

function draftOf(json: unknown, bytes: Uint8Array | undefined, what: string): Draft {
  return decodeDraft(json, bytes === undefined ? undefined : memberBytes(bytes, 'body'), NO_PROPERTIES, what);
}
