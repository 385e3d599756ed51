/**
 * Where the registry of one tenant is kept: the compacted topic `_schemas`, in the original's form. What is known is what was read from there;
 * who writes does so after reading all there is, one after another, and reads its own record back.
 */

import type { Engine } from '../../../model/engine.ts';
import { type Offset, offset } from '../../../model/lines.ts';
import { MAIN_LINE, NO_HEADERS } from '../../../model/message.ts';
import { type Language, RecordWriter, readMessage } from '../../../model/record.ts';
import { Refused } from '../../../model/refusal.ts';
import { type Note, RegistryState } from './state.ts';

export const SCHEMAS_TOPIC = '_schemas';

export class Store {
  /** Unrestricted, in its tenant. */
  readonly #engine: Engine;
  readonly #languages: ReadonlyMap<number, Language>;
  #state = new RegistryState();
  /** Of the topic that was read: another of the same name is read anew. */
  #topicId: number | undefined;
  #next: Offset = offset(0);
  #turn: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, languages: ReadonlyMap<number, Language>) {
    this.#engine = engine;
    this.#languages = languages;
  }

  /** Looks at all there is. */
  read<T>(look: (state: RegistryState) => T): Promise<T> {
    return this.#inTurn(async () => {
      await this.#catchUp();
      return look(this.#state);
    });
  }

  /** What is decided of all there is, is written before anything else is: as `writer` may. Resolves with the answer once that is safe. */
  write<T>(writer: Engine, decide: (state: RegistryState) => { readonly notes: readonly Note[]; readonly answer: T }): Promise<T> {
    return this.#inTurn(async () => {
      await this.#catchUp();
      const { notes, answer } = decide(this.#state);
      if (notes.length > 0) await this.#publish(writer, notes);
      await this.#catchUp();
      return answer;
    });
  }

  #inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(fn);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #publish(writer: Engine, notes: readonly Note[]): Promise<void> {
    const timestampMs = this.#engine.nowMs();
    const records = new RecordWriter();
    for (const { key, value } of notes) {
      const message = { exchange: MAIN_LINE, address: SCHEMAS_TOPIC, timestampMs, headers: NO_HEADERS, contentType: 'application/json' };
      records.write({ ...message, key: Buffer.from(key), body: Buffer.from(value ?? '') });
    }
    const columns = { partition: new Int32Array(notes.length) };
    const publish = { address: SCHEMAS_TOPIC, toTopic: true, records: records.take(), columns } as const;
    try {
      await writer.publish(publish);
    } catch (error) {
      // Who may write there is asked first; only then it turns out that it is not there yet.
      if (!(error instanceof Refused) || error.code !== 'unknown') throw error;
      await this.#engine.declare({ kind: 'topic', name: SCHEMAS_TOPIC, partitions: 1, compact: true });
      await writer.publish(publish);
    }
  }

  async #catchUp(): Promise<void> {
    const topic = await this.#engine.describe('topic', SCHEMAS_TOPIC, { brief: true });
    const partition = topic?.kind === 'topic' ? topic.partitions[0] : undefined;
    if (topic?.kind !== 'topic' || topic.id !== this.#topicId) this.#begin(topic?.kind === 'topic' ? topic.id : undefined);
    const end = partition?.end ?? 0;
    if (partition !== undefined && this.#next < partition.start) this.#next = partition.start;
    while (this.#next < end) {
      const { records, next } = await this.#engine.fetch({ topic: SCHEMAS_TOPIC, partition: 0, offset: this.#next });
      const { bytes, start, ends, count } = records;
      for (let i = 0; i < count; i++) this.#apply(bytes, i === 0 ? start : (ends[i - 1] ?? 0));
      if (next <= this.#next) return;
      this.#next = next;
    }
  }

  #begin(topicId: number | undefined): void {
    this.#state = new RegistryState();
    this.#topicId = topicId;
    this.#next = offset(0);
  }

  #apply(bytes: Uint8Array, at: number): void {
    try {
      const { key, body } = readMessage(bytes, at, this.#languages);
      this.#state.apply(key, body);
    } catch (error) {
      // Somebody else wrote to the topic what is no message; the registry is none the wiser.
      if (!(error instanceof Refused)) throw error;
    }
  }
}
