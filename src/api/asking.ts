/** Request and reply: answers come to a queue of the asker's own, told apart by correlation id. */

import type { Consumer, Deliveries, Engine } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { readMessage } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import { outgoing } from './outgoing.ts';
import { QueueHandle, type Running } from './queue-handle.ts';
import type { Received } from './received.ts';
import { decodeValue, type Languages, type MessageOptions } from './value.ts';

interface Waiting {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

export class Asking {
  readonly #engine: Engine;
  readonly #queue: string;
  readonly #languages: Languages | undefined;
  readonly #waiting = new Map<string, Waiting>();
  #consumer: Consumer | undefined;
  #next = 0;
  #ended: string | undefined;

  private constructor(engine: Engine, queue: string, languages: Languages | undefined) {
    this.#engine = engine;
    this.#languages = languages;
    this.#queue = queue;
  }

  /** `queue`: a name nobody else has. */
  static async open(engine: Engine, queue: string, languages?: Languages): Promise<Asking> {
    const asking = new Asking(engine, queue, languages);
    await engine.declare({ kind: 'queue', name: asking.#queue, durable: false, autoDelete: true });
    asking.#consumer = await engine.consume(
      { queue: asking.#queue, exclusive: true, settle: 'on-delivery' },
      { deliver: (deliveries) => asking.#answers(deliveries), cancelled: (reason) => asking.#end(reason) },
    );
    return asking;
  }

  /** Its queue is gone: answers can come no more, and another must be opened to ask again. */
  get over(): boolean {
    return this.#ended !== undefined;
  }

  async ask(
    address: string,
    value: unknown,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    options: MessageOptions,
  ): Promise<Message> {
    if (this.#ended !== undefined) throw new Refused('closed', this.#ended);
    const correlationId = String(this.#next++);
    const answer = Promise.withResolvers<Message>();
    this.#waiting.set(correlationId, answer);
    const giveUp = (when: string) => answer.reject(new Refused('aborted', `No answer from "${address}" ${when}. Is a responder running?`));
    const onAbort = () => giveUp('before the signal');
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    const stopTimer = this.#engine.after(timeoutMs, () => giveUp(`within ${timeoutMs} ms`));
    try {
      if (signal?.aborted !== true) this.#send(address, value, timeoutMs, { ...options, correlationId }).catch(answer.reject);
      return await answer.promise;
    } finally {
      stopTimer();
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.delete(correlationId);
    }
  }

  async #send(address: string, value: unknown, timeoutMs: number, options: MessageOptions): Promise<void> {
    // A request nobody waits for any more need not be answered.
    const all: MessageOptions = { ttl: timeoutMs, ...options, replyTo: this.#queue };
    const out = outgoing([value], MAIN_LINE, address, this.#engine.nowMs(), () => all);
    await this.#engine.publish({ address, records: out.records, mandatory: true, ...(out.columns && { columns: out.columns }) });
  }

  async close(): Promise<void> {
    await this.#consumer?.cancel();
    this.#end('The asker was closed.');
  }

  #answers({ bytes, at, count }: Deliveries): void {
    for (let i = 0; i < count; i++) {
      const message = readMessage(bytes, at[i] ?? 0, this.#languages);
      const waiting = this.#waiting.get(message.correlationId ?? '');
      if (waiting === undefined) continue;
      const fault = message.headers.get('signalbox-error');
      if (typeof fault === 'string') waiting.reject(new Refused('invalid', fault));
      else waiting.resolve(message);
    }
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const { reject } of this.#waiting.values()) reject(new Refused('closed', reason));
    this.#waiting.clear();
  }
}

export interface RespondOptions {
  /** Requests answered at once. Default 1. */
  readonly concurrency?: number;
}

/** Responders of one address share a queue: each request is answered once. A handler that throws answers with its message. */
export async function respond(
  engine: Engine,
  address: string,
  handler: (value: unknown, message: Received) => unknown,
  { concurrency = 1 }: RespondOptions,
  languages?: Languages,
): Promise<Running> {
  const name = `respond-${address}`;
  await engine.declare({ kind: 'queue', name, durable: false, autoDelete: true });
  await engine.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name }, pattern: address });
  const answering = async (message: Received): Promise<void> => {
    const { replyTo, correlationId } = message.message;
    let answer: unknown;
    let headers: Record<string, string> | undefined;
    try {
      answer = await handler(decodeValue(message.message), message);
    } catch (error) {
      answer = null;
      headers = { 'signalbox-error': error instanceof Error ? error.message : String(error) };
    }
    if (replyTo === undefined) return;
    const options: MessageOptions = { ...(correlationId !== undefined && { correlationId }), ...(headers && { headers }) };
    const out = outgoing([answer ?? null], '', replyTo, engine.nowMs(), () => options);
    // Who asked may be gone by now: then there is nobody to answer.
    await engine.publish({ exchange: '', address: replyTo, records: out.records, transient: true }).catch((error: unknown) => {
      if (!(error instanceof Refused) || error.code !== 'unknown') throw error;
    });
  };
  // No more than it works on: what it cannot answer yet is for other responders, or for nobody once its time is over.
  return new QueueHandle(engine, name, undefined, languages).consume(answering, { concurrency, prefetch: concurrency, ordered: false });
}
