/** What `subscribe` does with messages, wherever they come from: chooses, counts and prints them. */

import { compileExpression } from '../core/core.ts';
import type { Message } from '../model/message.ts';
import { Refused } from '../model/refusal.ts';
import { decodeDraft, memberBytes } from '../wire/http/http.ts';
import { Failure } from './exits.ts';
import { linesOf, propertiesOf } from './messages.ts';
import type { Terminal } from './terminal.ts';

export class Printer {
  readonly #terminal: Terminal;
  readonly #isWanted: ((message: Uint8Array) => boolean) | undefined;
  #left: number;

  /** `count`: after so many it is done. `filter`: JMESPath, where the door does not filter by itself. */
  constructor(terminal: Terminal, count: number | undefined, filter: string | undefined) {
    this.#terminal = terminal;
    this.#left = count ?? Number.POSITIVE_INFINITY;
    this.#isWanted = filter === undefined ? undefined : filterOf(filter);
  }

  get isDone(): boolean {
    return this.#left <= 0;
  }

  /** How many it still wants. */
  get left(): number {
    return this.#left;
  }

  /** Resolves when they are out of this process, with how many of them were dealt with: all, unless it is done before. */
  async take(messages: readonly Uint8Array[]): Promise<number> {
    const wanted: Uint8Array[] = [];
    let dealt = 0;
    while (dealt < messages.length && this.#left > 0) {
      const message = messages[dealt] as Uint8Array;
      dealt += 1;
      if (this.#isWanted?.(message) === false) continue;
      wanted.push(message);
      this.#left -= 1;
    }
    if (wanted.length > 0) await this.#terminal.print(linesOf(wanted, this.#terminal));
    return dealt;
  }
}

/** The broker's own filter, for streams to which the door applies none. */
function filterOf(text: string): (message: Uint8Array) => boolean {
  const expression = compileExpression(text);
  if ('refused' in expression) throw new Failure('usage', expression.message);
  return (message) => {
    try {
      return expression.test(messageOf(message));
    } catch (error) {
      if (error instanceof Refused) return false; // of a language that the door could not read: it says so instead of the message
      throw error;
    }
  };
}

function messageOf(json: Uint8Array): Message {
  const parsed: unknown = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8'));
  const { address, timestamp } = propertiesOf(json);
  const { exchange = 'amq.topic' } = parsed as { exchange?: string };
  return {
    ...decodeDraft(parsed, memberBytes(json, 'body'), { headers: new Map() }, 'This message'),
    exchange,
    address,
    timestampMs: timestamp,
  };
}

/** Runs `session` again while the broker is away, at most `patienceMs` in a row and never after `signal`. A session calls `alive` when it is connected. */
export async function persist(
  patienceMs: number,
  terminal: Terminal,
  session: (alive: () => void) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let awaySinceMs: number | undefined;
  for (;;) {
    try {
      return await session(() => {
        awaySinceMs = undefined;
      });
    } catch (error) {
      if (!(error instanceof Failure && error.exit === 'unreachable') || signal.aborted) throw error;
      if (awaySinceMs === undefined && patienceMs > 0) terminal.note(`${error.message} Waiting for it to come back.`);
      awaySinceMs ??= performance.now();
      if (performance.now() - awaySinceMs >= patienceMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      if (signal.aborted) throw error;
    }
  }
}

const AGAIN_MS = 200;
