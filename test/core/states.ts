/** States for tests of deciding: made by applying entries, as replay makes them. */

import { apply, type Effects } from '../../src/core/apply.ts';
import type { Rules } from '../../src/core/batch.ts';
import { type Queue, State, type Tenant, type Topic } from '../../src/core/core.ts';
import type { Entry } from '../../src/core/entry.ts';
import type { Binding, Declaration } from '../../src/model/declaration.ts';
import type { Columns, Publish } from '../../src/model/engine.ts';
import type { Position } from '../../src/model/lines.ts';
import { MAIN_LINE, type Message, NO_HEADERS } from '../../src/model/message.ts';
import { type Records, RecordWriter, readMessage } from '../../src/model/record.ts';
import { isRefusal, type Refusal } from '../../src/model/refusal.ts';

export const QUIET: Effects = { touched: () => {}, append: () => {}, removed: () => {}, trimmed: () => {} };

/** Faulty is a JSON body without the property the schema names as `needs`. */
export const RULES: Rules = {
  messageBytesMax: 100_000,
  languages: new Map(),
  fault: (schema, message) => {
    const { needs } = schema.jsonSchema as { needs: string };
    const body = JSON.parse(new TextDecoder().decode(message.body)) as Record<string, unknown>;
    return needs in body ? undefined : { message: `there is no ${needs}`, path: '' };
  },
};

export class World {
  readonly state: State = new State();
  #position = 0;

  get tenant(): Tenant {
    return this.state.tenant();
  }

  declare(...specs: readonly Declaration[]): this {
    for (const spec of specs) this.apply({ kind: 'declared', id: this.state.nextId, tenant: '/', spec, nowMs: 0 });
    return this;
  }

  bind(...bindings: readonly Binding[]): this {
    for (const binding of bindings) this.apply({ kind: 'bound', tenant: '/', binding });
    return this;
  }

  /** Applies entries as the ledger does: each has its place in the journal. */
  apply(...entries: readonly Entry[]): this {
    for (const entry of entries) {
      if ('recordsAt' in entry) {
        entry.recordsAt = this.#position as Position;
        const { ends, count, start } = entry.records;
        this.#position += (ends[count - 1] ?? 0) - start;
      }
      apply(this.state, entry, QUIET);
    }
    return this;
  }

  queue(name: string): Queue {
    const queue = this.tenant.queues.get(name);
    if (queue === undefined) throw new Error(`the test has no queue ${name}`);
    return queue;
  }

  topic(name: string): Topic {
    const topic = this.tenant.topics.get(name);
    if (topic === undefined) throw new Error(`the test has no topic ${name}`);
    return topic;
  }
}

export function recordsOf(address: string, values: readonly unknown[], message: Partial<Message> = {}): Records {
  const writer = new RecordWriter();
  const encoder = new TextEncoder();
  for (const value of values) {
    const body = value instanceof Uint8Array ? value : encoder.encode(JSON.stringify(value));
    writer.write({ exchange: MAIN_LINE, address, timestampMs: 0, contentType: 'application/json', headers: NO_HEADERS, ...message, body });
  }
  return writer.take();
}

export function publishOf(address: string, values: readonly unknown[], rest: Partial<Publish> = {}): Publish {
  return { address, records: recordsOf(address, values, { exchange: rest.exchange ?? MAIN_LINE }), ...rest };
}

export function sendOf(queue: string, values: readonly unknown[], columns?: Columns): Publish {
  return publishOf(queue, values, { exchange: '', ...(columns && { columns }) });
}

export function valuesOf({ bytes, start, ends, count }: Records): unknown[] {
  return Array.from({ length: count }, (_, i) =>
    JSON.parse(new TextDecoder().decode(readMessage(bytes, i === 0 ? start : (ends[i - 1] ?? 0)).body)),
  );
}

/** What was decided; throws when it was a refusal. */
export function taken<T extends object>(decided: T | Refusal): T {
  if (isRefusal(decided)) throw new Error(`refused as ${decided.refused}: ${decided.message}`);
  return decided as T;
}

/** The code of the refusal; throws when it was none. */
export function refusedAs(decided: object): string {
  if (!isRefusal(decided)) throw new Error('this was not refused');
  return decided.refused;
}
