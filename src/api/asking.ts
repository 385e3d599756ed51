/** Request and reply: answers come to a queue of the asker's own, told apart by correlation id. */

import type { Consumer, Deliveries, Engine } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { readMessage } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import { outgoing } from './outgoing.ts';
import { QueueHandle, type Running } from './queue-handle.ts';
import type { Received } from './received.ts';
import { decodeValue, type MessageOptions } from './value.ts';

interface Waiting {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

let opened = 0;

export class Asking {
  readonly #engine: Engine;
  readonly #queue: string;
  readonly #waiting = new Map<string, Waiting>();
  #consumer: Consumer | undefined;
  #next = 0;

  private constructor(engine: Engine, queue: string) {
    this.#engine = engine;
    this.#queue = queue;
  }

  static async open(engine: Engine): Promise<Asking> {
    const asking = new Asking(engine, `reply-${engine.nowMs().toString(36)}-${process.pid.toString(36)}-${opened++}`);
    await engine.declare({ kind: 'queue', name: asking.#queue, durable: false, autoDelete: true });
    asking.#consumer = await engine.consume(
      { queue: asking.#queue, exclusive: true, settle: 'on-delivery' },
      { deliver: (deliveries) => asking.#answers(deliveries), cancelled: (reason) => asking.#end(reason) },
    );
    return asking;
  }

  async ask(
    address: string,
    value: unknown,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    options: MessageOptions,
  ): Promise<Message> {
    const correlationId = String(this.#next++);
    const answer = Promise.withResolvers<Message>();
    this.#waiting.set(correlationId, answer);
    const late = AbortSignal.timeout(timeoutMs);
    const over = signal === undefined ? late : AbortSignal.any([signal, late]);
    const onOver = () =>
      answer.reject(
        new Refused(
          'aborted',
          `No answer from "${address}" ${signal?.aborted === true ? 'before the signal' : `within ${timeoutMs} ms`}. Is a responder running?`,
        ),
      );
    over.addEventListener('abort', onOver, { once: true });
    try {
      const out = outgoing([value], MAIN_LINE, address, this.#engine.nowMs(), () => ({ ...options, correlationId, replyTo: this.#queue }));
      const published = this.#engine.publish({
        address,
        records: out.records,
        mandatory: true,
        ...(out.columns && { columns: out.columns }),
      });
      published.catch(answer.reject);
      return await answer.promise;
    } finally {
      over.removeEventListener('abort', onOver);
      this.#waiting.delete(correlationId);
    }
  }

  async close(): Promise<void> {
    await this.#consumer?.cancel();
    this.#end('The asker was closed.');
  }

  #answers({ bytes, at, count }: Deliveries): void {
    for (let i = 0; i < count; i++) {
      const message = readMessage(bytes, at[i] ?? 0);
      const waiting = this.#waiting.get(message.correlationId ?? '');
      if (waiting === undefined) continue;
      const fault = message.headers.get('signalbox-error');
      if (typeof fault === 'string') waiting.reject(new Refused('invalid', fault));
      else waiting.resolve(message);
    }
  }

  #end(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Refused('closed', reason));
    this.#waiting.clear();
  }
}

/** Responders of one address share a queue: each request is answered once. A handler that throws answers with its message. */
export async function respond(engine: Engine, address: string, handler: (value: unknown, message: Received) => unknown): Promise<Running> {
  const name = `respond-${address}`;
  await engine.declare({ kind: 'queue', name, durable: false, autoDelete: true });
  await engine.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name }, pattern: address });
  return new QueueHandle(engine, name).consume(async (message) => {
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
  });
}
