/**
 * InitProducerId, versions 0–5: an id for a producer that wants its batches counted. One with a name for its transactions gets the next
 * epoch of that name, which ends what former producers of it have under way.
 */

import { ERROR, INIT_PRODUCER_ID } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';

/** Before, there is no word for it but this. */
const FENCED_SINCE = 4;

export const INIT_PRODUCER_ID_HANDLER: Handler = handler(INIT_PRODUCER_ID, async (request, call) => {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request;
  const { engine, door, peer, version } = call;
  const none = { producerId: -1, producerEpoch: -1 };
  try {
    if (transactionalId === null) {
      const { id, epoch } = await engine.producer();
      return { producerId: id, producerEpoch: epoch };
    }
    const speaker = { transactionalId, producerId, producerEpoch };
    const given = await door.transactions.begin(engine, peer.principal, speaker, transactionTimeoutMs);
    if (typeof given !== 'number') return { producerId: given.id, producerEpoch: given.epoch };
    if (given === ERROR.producerFenced && version < FENCED_SINCE) return { ...none, errorCode: ERROR.invalidProducerEpoch };
    // What is not allowed is the name, not a topic.
    return { ...none, errorCode: given === ERROR.topicAuthorizationFailed ? ERROR.transactionalIdAuthorizationFailed : given };
  } catch (error) {
    return { ...none, errorCode: faultOf(error, call).errorCode };
  }
});
