/** EndTxn, versions 0–5: all of it, or nothing. Answered once that is safe. */

import { END_TXN } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';
import { epochError } from './24-add-partitions-to-txn.ts';

const FENCED_SINCE = 2;
/** Every transaction has an epoch of its own: nothing late can end another [KIP-890]. */
const BUMPS_SINCE = 5;

export const END_TXN_HANDLER: Handler = handler(END_TXN, async (request, call) => {
  try {
    const { door, engine, peer, version } = call;
    const bumps = version >= BUMPS_SINCE;
    const ended = await door.transactions.end(engine, peer.principal, request, request.committed ? 'commit' : 'abort', bumps);
    if (typeof ended === 'number') return { errorCode: epochError(ended, call, FENCED_SINCE) };
    return bumps ? { producerId: ended.id, producerEpoch: ended.epoch } : {};
  } catch (error) {
    return { errorCode: faultOf(error, call).errorCode };
  }
});
