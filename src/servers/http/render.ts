/** Records as JSON text for clients: deliveries, fetched records, peeked and retained messages, in our form or as CloudEvents. */

import type { Death, Deliveries, Fetched, Peeked } from '../../model/engine.ts';
import { bodyAt, readMessage, sizeOf } from '../../model/record.ts';
import { Refused } from '../../model/refusal.ts';
import { encodeMessage, encodeReceipt, encodeStructured } from '../../wire/http/http.ts';
import type { Door } from './door.ts';

export type Form = 'message' | 'cloudevent';

/** One record. What no door of this process can read is passed on as it is, with the reason, and stops nothing. */
export function renderRecord(door: Door, bytes: Uint8Array, at: number, lead: string, place: string, form: Form = 'message'): string {
  try {
    const message = readMessage(bytes, at, door.languages);
    return form === 'message' ? encodeMessage(message, lead) : encodeStructured(message, place);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const body = Buffer.from(bytes.subarray(bodyAt(bytes, at), at + sizeOf(bytes, at))).toString('base64');
    return `{${lead}"unreadable":${JSON.stringify(error.message)},"base64":"${body}"}`;
  }
}

/** Messages of a queue, each with the receipt that settles it (none when they are settled already). */
export function renderDeliveries(door: Door, deliveries: Deliveries, receipts: boolean, form: Form = 'message'): string[] {
  const { count, numbers, at, attempts, deaths, lease, bytes, queue } = deliveries;
  const texts = new Array<string>(count);
  for (let i = 0; i < count; i++) {
    const number = numbers[i] ?? 0;
    let lead = receipts ? `"receipt":"${encodeReceipt(lease, number)}","attempts":${attempts[i] ?? 1},` : '';
    const died = deaths?.[i];
    if (died !== undefined) lead += `"deaths":${renderDeaths(died)},`;
    texts[i] = renderRecord(door, bytes, at[i] ?? 0, lead, `${queue}:${number}`, form);
  }
  return texts;
}

export function renderPeeked(door: Door, peeked: Peeked): string[] {
  const { count, numbers, at, attempts, deaths, bytes, queue, states } = peeked;
  const texts = new Array<string>(count);
  for (let i = 0; i < count; i++) {
    const number = numbers[i] ?? 0;
    let lead = `"number":${number},"state":"${states[i] ?? 'ready'}","attempts":${attempts[i] ?? 0},`;
    const died = deaths?.[i];
    if (died !== undefined) lead += `"deaths":${renderDeaths(died)},`;
    texts[i] = renderRecord(door, bytes, at[i] ?? 0, lead, `${queue}:${number}`);
  }
  return texts;
}

/** Records `from .. to` of one partition, each with its place. */
export function renderFetched(door: Door, fetched: Fetched, partition: number, from: number, to: number, form: Form = 'message'): string[] {
  const { records, offsets } = fetched;
  const texts: string[] = [];
  for (let i = from; i < to; i++) {
    const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    const offset = offsets[i] ?? 0;
    texts.push(renderRecord(door, records.bytes, at, `"partition":${partition},"offset":${offset},`, `${partition}:${offset}`, form));
  }
  return texts;
}

function renderDeaths(deaths: readonly Death[]): string {
  return JSON.stringify(
    deaths.map(({ reason, queue, exchange, address, atMs, count }) => ({ reason, queue, exchange, address, timestamp: atMs, count })),
  );
}
