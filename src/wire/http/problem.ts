/** Errors as RFC 9457 problem documents: the total table from refusal to status, and the door's own errors. */

import type { RefusalCode } from '../../model/refusal.ts';

/** Every refusal has its status here: a new one does not compile until it is mapped. */
export const STATUS_OF: Readonly<Record<RefusalCode, number>> = {
  unknown: 404,
  conflict: 409,
  invalid: 400,
  'too-large': 413,
  full: 429,
  'disk-full': 507,
  schema: 422,
  unrouted: 404,
  forbidden: 403,
  exclusive: 409,
  stale: 409,
  'out-of-order': 409,
  fenced: 409,
  'out-of-range': 416,
  unsupported: 501,
  closed: 503,
  locked: 503,
  damaged: 500,
  format: 500,
  aborted: 503,
};

/** What can be wrong with a request before any engine is asked. */
export type DoorCode =
  | 'unauthorized'
  | 'too-many-attempts'
  | 'forbidden-host'
  | 'forbidden-origin'
  | 'no-such-route'
  | 'method-not-allowed'
  | 'unsupported-media-type'
  | 'url-too-long'
  | 'headers-too-large'
  | 'bad-request'
  | 'request-timeout'
  | 'body-too-slow'
  | 'upgrade-required'
  | 'overloaded'
  | 'internal';

export const STATUS_OF_DOOR: Readonly<Record<DoorCode, number>> = {
  unauthorized: 401,
  'too-many-attempts': 429,
  'forbidden-host': 403,
  'forbidden-origin': 403,
  'no-such-route': 404,
  'method-not-allowed': 405,
  'unsupported-media-type': 415,
  'url-too-long': 414,
  'headers-too-large': 431,
  'bad-request': 400,
  'request-timeout': 408,
  'body-too-slow': 408,
  'upgrade-required': 426,
  overloaded: 503,
  internal: 500,
};

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [415, 'Unsupported Media Type'],
  [416, 'Range Not Satisfiable'],
  [422, 'Unprocessable Content'],
  [426, 'Upgrade Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [503, 'Service Unavailable'],
  [507, 'Insufficient Storage'],
]);

/** `type` is left out: RFC 9457 then reads `about:blank`, which the title belongs to. */
export interface Problem {
  readonly status: number;
  readonly code: RefusalCode | DoorCode;
  readonly detail: string;
  /** JSON pointer into the message, for `schema`. */
  readonly path?: string | undefined;
  /** Further members, such as what had been published when it failed. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

export function encodeProblem(problem: Problem): string {
  const { status, code, detail, path, more } = problem;
  return JSON.stringify({ title: titleOf(status), status, code, detail, ...(path === undefined ? {} : { path }), ...more });
}

export function titleOf(status: number): string {
  return TITLES.get(status) ?? 'Error';
}

/** May the same request succeed a little later? Such answers carry `Retry-After`. */
export function isPassing(status: number): boolean {
  return status === 429 || status === 503 || status === 507;
}
