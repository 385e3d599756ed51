/** AddOffsetsToTxn, versions 0–4: offsets of this group belong to the transaction. */

import { ADD_OFFSETS_TO_TXN, ERROR } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';
import { epochError } from './24-add-partitions-to-txn.ts';

const FENCED_SINCE = 2;

export const ADD_OFFSETS_TO_TXN_HANDLER: Handler = handler(ADD_OFFSETS_TO_TXN, async (request, call) => {
  if (request.groupId === '') return { errorCode: ERROR.invalidGroupId };
  const errorCode = await call.door.transactions.include(call.engine, request, { groups: [request.groupId] });
  return { errorCode: epochError(errorCode, call, FENCED_SINCE) };
});
