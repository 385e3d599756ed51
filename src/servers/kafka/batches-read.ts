/** Reading batches into memory that is used again and again: new memory for every fetch would have the collector look at everything all the time. */

import type { Fetch, Fetched } from '../../model/engine.ts';
import { type BatchRules, encodeBatches } from '../../wire/kafka/kafka.ts';
import type { Call } from './handler.ts';

/** So few are copied, so that nothing large is held for them while a fetch waits for more. */
const COPIED_BYTES_MAX = 64 * 1024;

export interface BatchesRead {
  readonly fetched: Fetched;
  /** Good until the answer has left. */
  readonly batches: Uint8Array;
}

/** What there is from an offset on, as Kafka's batches. Rejects as `Engine.fetch` does. */
export async function readBatches({ engine, rooms, lent }: Call, fetch: Fetch, rules: BatchRules): Promise<BatchesRead> {
  const room = rooms.largest(fetch.sizeBytesMax ?? 0);
  let fetched: Fetched;
  try {
    fetched = await engine.fetch({ ...fetch, packed: true, ...(room !== undefined && { room }) });
  } catch (error) {
    if (room !== undefined) rooms.give(room);
    throw error;
  }
  const { bytes } = fetched.records;
  if (room !== undefined && bytes !== room) rooms.give(room);
  const batches = encodeBatches(fetched, rules);
  if (batches.buffer === bytes.buffer && batches.length > COPIED_BYTES_MAX) {
    lent(bytes);
    return { fetched, batches };
  }
  const own = batches.buffer === bytes.buffer ? batches.slice() : batches;
  rooms.give(bytes);
  return { fetched, batches: own };
}
