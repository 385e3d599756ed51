/** Reads server-sent events as the HTTP door writes them (WHATWG HTML, "Server-sent events"), as bytes. */

import type { IncomingMessage } from 'node:http';

export interface ServerEvent {
  /** Absent for messages. */
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: Uint8Array;
}

const NEWLINE = 0x0a;
const BLANK = Buffer.from('\n\n');

/** All events of each piece that comes, together. Ends with the stream; throws what ended it before. */
export async function* eventsOf(reply: IncomingMessage): AsyncGenerator<ServerEvent[], void> {
  let carried: Buffer = Buffer.alloc(0);
  for await (const chunk of reply) {
    const bytes = carried.length === 0 ? (chunk as Buffer) : Buffer.concat([carried, chunk as Buffer]);
    const events: ServerEvent[] = [];
    let from = 0;
    for (let end = bytes.indexOf(BLANK); end >= 0; end = bytes.indexOf(BLANK, from)) {
      const event = eventOf(bytes.subarray(from, end));
      if (event !== undefined) events.push(event);
      from = end + BLANK.length;
    }
    carried = bytes.subarray(from);
    if (events.length > 0) yield events;
  }
}

/** Undefined for what carries no data: comments that keep the connection awake, and the opening. */
function eventOf(block: Buffer): ServerEvent | undefined {
  let event: string | undefined;
  let id: string | undefined;
  let data: Uint8Array | undefined;
  for (let from = 0; from < block.length; ) {
    const newline = block.indexOf(NEWLINE, from);
    const end = newline < 0 ? block.length : newline;
    const colon = block.indexOf(': ', from);
    if (colon > from && colon < end) {
      const value = block.subarray(colon + 2, end);
      const name = block.toString('latin1', from, colon);
      if (name === 'data') data = value;
      else if (name === 'id') id = value.toString('utf8');
      else if (name === 'event') event = value.toString('utf8');
    }
    from = end + 1;
  }
  return data === undefined ? undefined : { event, id, data };
}
