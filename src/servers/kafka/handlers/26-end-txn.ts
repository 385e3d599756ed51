/** EndTxn, versions 0–4: all of it, or nothing. Answered once that is safe. */

import { END_TXN } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';
import { epochError } from './24-add-partitions-to-txn.ts';

const FENCED_SINCE = 2;

export const END_TXN_HANDLER: Handler = handler(END_TXN, async (request, call) => {
  try {
    const errorCode = await call.door.transactions.end(call.engine, call.peer.principal, request, request.committed);
    return { errorCode: epochError(errorCode, call, FENCED_SINCE) };
  } catch (error) {
    return { errorCode: faultOf(error, call).errorCode };
  }
});
