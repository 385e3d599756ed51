/** A record of a topic as a subscriber gets it. */

import type { Offset } from '../model/lines.ts';
import type { Message } from '../model/message.ts';
import { readMessage } from '../model/record.ts';
import type { Fresh } from './partition-reader.ts';
import { decodeValue, type Languages } from './value.ts';

export class TopicEvent<T = unknown> {
  readonly #fresh: Fresh;
  readonly #languages: Languages | undefined;
  #view: Message | undefined;

  constructor(fresh: Fresh, languages?: Languages) {
    this.#fresh = fresh;
    this.#languages = languages;
  }

  get topic(): string {
    return this.#fresh.reader.topic;
  }

  get partition(): number {
    return this.#fresh.reader.partition;
  }

  get offset(): Offset {
    return this.#fresh.offset;
  }

  /** When it was published. */
  get timestampMs(): number {
    return this.#fresh.fetched.timestamps[this.#fresh.i] ?? 0;
  }

  get message(): Message {
    const { fetched, i } = this.#fresh;
    const at = i === 0 ? fetched.records.start : (fetched.records.ends[i - 1] ?? 0);
    this.#view ??= readMessage(fetched.records.bytes, at, this.#languages);
    return this.#view;
  }

  get value(): T {
    return decodeValue(this.message) as T;
  }
}
