/** Refusals of the engine as Kafka's error codes. */

import type { RefusalCode } from '../../model/refusal.ts';
import { ERROR, type ErrorCode } from '../../wire/kafka/kafka.ts';

/** Every refusal has its code here: a new one does not compile until it is mapped. Handlers say better where they know better. */
export const ERROR_OF: Readonly<Record<RefusalCode, ErrorCode>> = {
  unknown: ERROR.unknownTopicOrPartition,
  conflict: ERROR.invalidRequest,
  invalid: ERROR.invalidRequest,
  'too-large': ERROR.messageTooLarge,
  // Retried by clients, which is what these two ask for.
  full: ERROR.requestTimedOut,
  'disk-full': ERROR.storageError,
  schema: ERROR.invalidRecord,
  unrouted: ERROR.unknownTopicOrPartition,
  forbidden: ERROR.topicAuthorizationFailed,
  exclusive: ERROR.unknownMemberId,
  stale: ERROR.illegalGeneration,
  'out-of-order': ERROR.outOfOrderSequenceNumber,
  fenced: ERROR.invalidProducerEpoch,
  'out-of-range': ERROR.offsetOutOfRange,
  unsupported: ERROR.unsupportedVersion,
  closed: ERROR.storageError,
  locked: ERROR.storageError,
  damaged: ERROR.storageError,
  format: ERROR.storageError,
  aborted: ERROR.requestTimedOut,
};
