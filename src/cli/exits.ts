/** How the command ends: one table of exit codes, for the code, the help and docs/cli.md. */

import { type RefusalCode, Refused } from '../model/refusal.ts';
import type { DoorCode } from '../wire/http/http.ts';

/** A program killed by a signal is known to shells as 128 and the signal's number. */
const SIGNAL_BASE = 128;
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  forbidden: 5,
  nothing: 6,
  taken: 7,
  damaged: 8,
} as const;

export type ExitName = keyof typeof EXIT;

/** What each code says, in one sentence. */
export const EXIT_ABOUT: Readonly<Record<ExitName, string>> = {
  done: 'It did what was asked. Also when the program that reads its output has stopped reading.',
  failed: 'It failed: an error nobody expected, or a disk that could not be written.',
  usage:
    'The command line, the configuration or the input is wrong. What was read before the fault may have been published; then it says how much.',
  unreachable: 'No broker answers: none is running there, or it went away.',
  refused: 'The broker refused: a name that is not there, a conflict, a full queue, a body that does not fit its schema …',
  forbidden: 'The broker asks for a token, or this user may not do that; or a door would be open to strangers.',
  nothing: 'Nothing came in the time given.',
  taken: 'Somebody else has it: the port asked for, or the data directory.',
  damaged: 'A file in the data directory is damaged, or was written by a newer version.',
};

export type Signal = keyof typeof SIGNAL_NUMBERS;

export function exitOfSignal(signal: Signal): number {
  return SIGNAL_BASE + SIGNAL_NUMBERS[signal];
}

/** An end that was foreseen: a sentence for people, a code for programs. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly exit: ExitName;
  /** A stable word for programs: a refusal's code, or the name of the exit. */
  readonly code: string;

  constructor(exit: ExitName, message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
    this.code = options.code ?? exit;
  }
}

/** Total over both tables: a new code does not compile until it has its exit here. */
const EXIT_OF: Readonly<Record<RefusalCode | DoorCode, ExitName>> = {
  unknown: 'refused',
  conflict: 'refused',
  invalid: 'refused',
  'too-large': 'refused',
  full: 'refused',
  'disk-full': 'refused',
  schema: 'refused',
  unrouted: 'refused',
  exclusive: 'refused',
  stale: 'refused',
  'out-of-order': 'refused',
  fenced: 'refused',
  'out-of-range': 'refused',
  unsupported: 'refused',
  forbidden: 'forbidden',
  closed: 'unreachable',
  aborted: 'unreachable',
  locked: 'taken',
  damaged: 'damaged',
  format: 'damaged',
  unauthorized: 'forbidden',
  'too-many-attempts': 'forbidden',
  'forbidden-host': 'forbidden',
  'forbidden-origin': 'forbidden',
  'no-such-route': 'refused',
  'method-not-allowed': 'refused',
  'unsupported-media-type': 'refused',
  'url-too-long': 'refused',
  'headers-too-large': 'refused',
  'bad-request': 'refused',
  'request-timeout': 'unreachable',
  'body-too-slow': 'unreachable',
  'upgrade-required': 'refused',
  overloaded: 'unreachable',
  internal: 'failed',
};

export function exitOfCode(code: string): ExitName {
  return Object.hasOwn(EXIT_OF, code) ? EXIT_OF[code as RefusalCode | DoorCode] : 'failed';
}

/** A no that came as a code and a sentence. */
export function refusedAs(code: string, detail: string): Failure {
  return new Failure(exitOfCode(code), detail, { code });
}

/** Any error as a foreseen end; one that nobody foresaw is `failed`, with its own words. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof Refused) return new Failure(exitOfCode(error.code), error.message, { code: error.code, cause: error });
  return new Failure('failed', error instanceof Error ? error.message : String(error), { cause: error });
}
