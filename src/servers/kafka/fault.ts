/** Refusals and errors as Kafka's error codes. */

import { BytesError } from '../../bytes/reader.ts';
import { Refused } from '../../model/refusal.ts';
import { ERROR, type ErrorCode } from '../../wire/kafka/kafka.ts';
import { ERROR_OF } from './error-codes.ts';
import type { Call } from './handler.ts';

/** A request that cannot be done, with the code the client is to hear. */
export class KafkaFault extends Error {
  override readonly name: string = 'KafkaFault';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Fault {
  readonly errorCode: ErrorCode;
  readonly errorMessage: string;
}

/** What the client hears of an error. One that nobody expected goes into the log. */
export function faultOf(error: unknown, call: Call): Fault {
  if (error instanceof KafkaFault) return { errorCode: error.code, errorMessage: error.message };
  if (error instanceof Refused) return { errorCode: ERROR_OF[error.code], errorMessage: error.message };
  if (error instanceof BytesError) return { errorCode: ERROR.invalidRecord, errorMessage: error.message };
  call.door.tell(error, { api: call.api });
  return { errorCode: ERROR.unknown, errorMessage: 'Something went wrong inside the broker; its log has more.' };
}

/** The same, where a forbidden group rather than a topic is meant. */
export function groupFaultOf(error: unknown, call: Call): Fault {
  const fault = faultOf(error, call);
  return fault.errorCode === ERROR.topicAuthorizationFailed ? { ...fault, errorCode: ERROR.groupAuthorizationFailed } : fault;
}
