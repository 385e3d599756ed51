/** The refusals of this room, worded in one place. */

import { Refused } from '../model/refusal.ts';

export function damaged(path: string, at: number, what: string, cause?: unknown): Refused {
  const todo = 'Put back a copy of the file, or let `signalbox doctor` save what can be read.';
  return new Refused('damaged', `The log file ${path} is damaged at byte ${at}: ${what}. ${todo}`, { cause });
}

export function newerFormat(path: string, at: number): Refused {
  return new Refused(
    'format',
    `The log file ${path} holds a batch of another format at byte ${at}. Open it with the version that wrote it.`,
  );
}

export function outOfRange(directory: string, from: number, start: number, end: number): Refused {
  return new Refused('out-of-range', `Offset ${from} is not in the log ${directory}, which holds ${start} up to ${end}; ask from within.`);
}

export function diskFull(path: string, cause?: unknown): Refused {
  return new Refused('disk-full', `There is no room to write ${path}. Free some space; what is kept in memory is written then.`, { cause });
}

/**
 * What to throw for an error that passes: the disk is full, or the process has no descriptor left. Nothing is lost by it, and the same may
 * be tried again. `undefined`: it is another error, and after a write or a sync that is final.
 */
export function passing(error: unknown, path: string): Error | undefined {
  if (error instanceof Refused && error.code === 'disk-full') return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, error);
  return error instanceof Error && (code === 'EMFILE' || code === 'ENFILE') ? error : undefined;
}

export function isDamaged(error: unknown): boolean {
  return error instanceof Refused && error.code === 'damaged';
}
