/** What a check of the conformance suite works with: a fresh engine, its TypeScript face, its time, and the ways to look at it. */

import assert from 'node:assert/strict';
import { decodeValue, type QueueHandle, Received, Signalbox } from '../../api/api.ts';
import type { QueueSpec } from '../../model/declaration.ts';
import type { Capabilities, Consumer, Engine } from '../../model/engine.ts';
import { offset } from '../../model/lines.ts';
import { readMessage } from '../../model/record.ts';
import { type RefusalCode, Refused } from '../../model/refusal.ts';

/** An engine under test. Each check is given one of its own, in which nothing is declared yet. */
export interface ConformanceSubject {
  readonly engine: Engine;
  /** Turns the engine's clock this far and resolves when what follows has happened. Absent: its time cannot be turned. */
  advance?(ms: number): Promise<void>;
  /**
   * Ends the engine, by closing it or as a crash of its process would, and opens it again over the same data. `crashed`: calls that were
   * under way stay unanswered. Absent: it keeps nothing (`capabilities.durable` is false).
   */
  reopen?(how: 'closed' | 'crashed'): Promise<ConformanceSubject>;
  close(): Promise<void>;
}

/** What can be missing by the capability record. */
export type Feature = Exclude<keyof Capabilities, 'name'>;

export interface Check {
  /** The promise that is checked, in the present tense. */
  readonly says: string;
  readonly needs?: readonly Feature[];
  /** Needs a clock that can be turned. */
  readonly turns?: true;
  /** Needs an engine that can be opened again. */
  readonly reopens?: true;
  run(trial: Trial): Promise<void>;
}

/** Looks at a condition that others bring about before a check is given up. */
const LOOKS_MAX = 2000;
const LOOK_MS = 5;

export class Trial {
  #subject: ConformanceSubject;
  #box: Signalbox;

  constructor(subject: ConformanceSubject) {
    this.#subject = subject;
    this.#box = new Signalbox(subject.engine);
  }

  get box(): Signalbox {
    return this.#box;
  }

  get engine(): Engine {
    return this.#subject.engine;
  }

  async advance(ms: number): Promise<void> {
    assert.ok(this.#subject.advance, 'this check needs a clock that can be turned');
    await this.#subject.advance(ms);
  }

  async reopen(how: 'closed' | 'crashed'): Promise<void> {
    assert.ok(this.#subject.reopen, 'this check needs an engine that can be opened again');
    this.#subject = await this.#subject.reopen(how);
    this.#box = new Signalbox(this.#subject.engine);
  }

  close(): Promise<void> {
    return this.#subject.close();
  }

  /** Resolves once it holds. Time does not pass by it where the clock can be turned. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let look = 0; look < LOOKS_MAX; look++) {
      if (await holds()) return;
      if (this.#subject.advance !== undefined) await this.#subject.advance(0);
      else await new Promise<void>((resolve) => void this.engine.after(LOOK_MS, resolve));
    }
    assert.fail(`it never came about that ${what}`);
  }

  /** Lets everything happen that needs no time and nobody's call. */
  async settle(): Promise<void> {
    if (this.#subject.advance !== undefined) await this.#subject.advance(0);
    else await new Promise<void>((resolve) => void this.engine.after(20 * LOOK_MS, resolve));
  }

  queue(name: string, spec: Omit<QueueSpec, 'kind' | 'name'> = {}): Promise<QueueHandle> {
    return this.box.declareQueue(name, spec);
  }
}

/** Exactly so many messages, held. */
export async function take(queue: QueueHandle, count: number): Promise<Received[]> {
  const taken: Received[] = [];
  while (taken.length < count) taken.push(...(await queue.receive({ max: count - taken.length, wait: '10s', lease: '1h' })));
  return taken;
}

/** The values of so many messages, acked. */
export async function drain(queue: QueueHandle, count: number): Promise<unknown[]> {
  const taken = await take(queue, count);
  for (const message of taken) assert.equal(await message.ack(), true, 'a message just received is held');
  return taken.map((message) => message.value);
}

/** Nothing can be received now. */
export async function empty(queue: QueueHandle): Promise<void> {
  const found = await queue.receive({ max: 1 });
  assert.deepEqual(
    found.map((message) => message.value),
    [],
    `queue "${queue.name}" should have nothing to give`,
  );
}

/** The refusal that `attempt` ends with: its code is this one, and its sentence names what it is about. */
export async function refused(code: RefusalCode, about: string, attempt: () => unknown): Promise<Refused> {
  let error: unknown;
  try {
    await attempt();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error !== undefined, `this should have been refused as "${code}"`);
  assert.ok(error instanceof Refused, `refusals are Refused, this is ${String(error)}`);
  assert.equal(error.code, code, error.message);
  assert.ok(error.message.includes(about), `the refusal should speak of ${about}: ${error.message}`);
  assert.match(error.message, /^\S.*[.?]$/s, 'a refusal is a sentence');
  return error;
}

/** Numbers from 0, for sending. */
export function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** A consumer on the port that only collects. */
export async function holding(
  { engine }: Trial,
  queue: string,
  prefetch: number,
  options: { priority?: number; exclusive?: boolean } = {},
): Promise<{ readonly held: Received[]; readonly consumer: Consumer; readonly ends: string[] }> {
  const held: Received[] = [];
  const ends: string[] = [];
  const consumer = await engine.consume(
    { queue, prefetch, ...options },
    {
      deliver: (deliveries) => {
        // What is delivered is borrowed: messages that are kept need bytes of their own.
        const own = { ...deliveries, bytes: deliveries.bytes.slice(), at: deliveries.at.slice(), numbers: deliveries.numbers.slice() };
        for (let i = 0; i < own.count; i++) held.push(new Received(engine, own, i));
      },
      cancelled: (reason) => ends.push(reason),
    },
  );
  return { held, consumer, ends };
}

/** The values of all records of a partition from an offset on. */
export async function readAll({ engine }: Trial, topic: string, partition = 0, from = 0): Promise<{ offset: number; value: unknown }[]> {
  const found: { offset: number; value: unknown }[] = [];
  for (let next = offset(from); ; ) {
    const { records, offsets, next: after, end } = await engine.fetch({ topic, partition, offset: next });
    for (let i = 0; i < records.count; i++) {
      const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
      found.push({ offset: offsets[i] ?? -1, value: decodeValue(readMessage(records.bytes, at)) });
    }
    if (after >= end) return found;
    next = after;
  }
}
