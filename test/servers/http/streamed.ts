/** Server-sent events read as they come. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Opened, until } from './opened.ts';

export interface Event {
  readonly id?: string;
  readonly event?: string;
  // biome-ignore lint/suspicious/noExplicitAny: data of many shapes, looked into by assertions
  readonly data: any;
}

export interface Streamed {
  readonly reply: Response;
  /** What has come and was not taken. */
  readonly events: Event[];
  /** Waits for so many. */
  take(count: number): Promise<Event[]>;
  hangUp(): void;
  hasEnded(): boolean;
}

export async function streamed(t: TestContext, door: Opened, path: string, headers: Record<string, string> = {}): Promise<Streamed> {
  const gone = new AbortController();
  t.after(() => gone.abort());
  const reply = await fetch(`${door.base}${path}`, { headers, signal: gone.signal });
  assert.equal(reply.status, 200, await (reply.ok ? '' : reply.text()));
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  const events: Event[] = [];
  let text = '';
  let ended = false;
  void (async () => {
    for (;;) {
      const part = await reader?.read().catch(() => undefined);
      if (part === undefined || part.done) break;
      text += part.value;
      for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
        const event = parse(text.slice(0, at));
        text = text.slice(at + 2);
        if (event !== undefined) events.push(event);
      }
    }
    ended = true;
  })();
  const take = async (count: number): Promise<Event[]> => {
    await until(() => events.length >= count);
    return events.splice(0, count);
  };
  return { reply, events, take, hangUp: () => gone.abort(), hasEnded: () => ended };
}

function parse(block: string): Event | undefined {
  const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  return fields.data === undefined ? undefined : { ...fields, data: JSON.parse(fields.data) };
}
