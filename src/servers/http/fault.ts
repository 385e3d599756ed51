/** What is wrong with a request, as an error: refusals of the engine, the door's own, and everything else, made into problems. */

import { Refused } from '../../model/refusal.ts';
import { type DoorCode, encodeProblem, isPassing, MEDIA, type Problem, STATUS_OF, STATUS_OF_DOOR } from '../../wire/http/http.ts';
import type { Answer } from './answer.ts';

/** An error of the door itself. */
export class HttpFault extends Error {
  override readonly name: string = 'HttpFault';
  readonly code: DoorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: DoorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

/** A publish that ended early: what had been confirmed before it did. */
export class PublishFault extends Error {
  override readonly name: string = 'PublishFault';
  readonly published: unknown;

  constructor(cause: unknown, published: unknown) {
    super('The publish ended early.', { cause });
    this.published = published;
  }
}

/** Any error as a problem. One that nobody expected says nothing of its inside; `problemOf` leaves the telling of it to the log. */
export function problemOf(error: unknown): Problem {
  if (error instanceof PublishFault) return { ...problemOf(error.cause), more: { published: error.published } };
  if (error instanceof Refused) return { status: STATUS_OF[error.code], code: error.code, detail: error.message, path: error.path };
  if (error instanceof HttpFault) return { status: STATUS_OF_DOOR[error.code], code: error.code, detail: error.message };
  return { status: 500, code: 'internal', detail: 'Something went wrong inside the broker; its log has more.' };
}

export function answerOf(error: unknown): Answer {
  const problem = problemOf(error);
  const cause = error instanceof PublishFault ? error.cause : error;
  return {
    status: problem.status,
    type: MEDIA.problem,
    body: encodeProblem(problem),
    headers: {
      ...(isPassing(problem.status) ? { 'retry-after': '1' } : {}),
      ...(problem.code === 'bad-request' ? { connection: 'close' } : {}), // who speaks so may mean the next bytes otherwise too
      ...(cause instanceof HttpFault ? cause.headers : {}),
    },
  };
}
