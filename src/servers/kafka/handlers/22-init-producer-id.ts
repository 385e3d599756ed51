/** InitProducerId, versions 0–5: an id for a producer that wants its batches counted. */

import { ERROR, INIT_PRODUCER_ID } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';

export const INIT_PRODUCER_ID_HANDLER: Handler = handler(INIT_PRODUCER_ID, async ({ transactionalId }, call) => {
  const none = { producerId: -1, producerEpoch: -1 };
  if (transactionalId !== null) return { ...none, errorCode: ERROR.transactionalIdAuthorizationFailed };
  try {
    const { id, epoch } = await call.engine.producer();
    return { producerId: id, producerEpoch: epoch };
  } catch (error) {
    return { ...none, errorCode: faultOf(error, call).errorCode };
  }
});
