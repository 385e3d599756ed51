/** One line of logfmt per event, to stderr. What others chose (names, error texts) can neither break the line nor turn it round. */

import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';

export type LogLevel = 'info' | 'warn' | 'error' | 'silent';

const RANK: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2, silent: 3 };

export interface TextLoggerOptions {
  /** The least that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Takes a whole line, its end included. Default: stderr. */
  readonly write?: (line: string) => void;
}

export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** `time=2026-01-31T12:00:00.000Z level=warn event=disk-full free=1048576 path="/a b"`; fields that are `undefined` are left out. */
export function textLogger(clock: Clock, options: TextLoggerOptions = {}): Logger {
  const least = RANK[options.level ?? 'info'];
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const line = (level: LogLevel) => (event: string, fields?: LogFields) => {
    if (RANK[level] < least) return;
    let text = `time=${new Date(clock.wallMs()).toISOString()} level=${level} event=${quoted(event)}`;
    for (const name in fields) {
      const value = fields[name];
      if (value !== undefined) text += ` ${escaped(name).replace(/[\s="]/g, '_')}=${quoted(String(value))}`;
    }
    write(`${text}\n`);
  };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

function quoted(text: string): string {
  const safe = escaped(text);
  return safe === '' || safe !== text || /[\s="\\]/.test(safe) ? `"${safe}"` : safe;
}

/** Controls (C0, C1), line separators, bidirectional marks, invisible marks, halves of surrogates; and, so that it reads back, `"` and `\`. */
const UNSAFE = /["\\]|[\p{Cc}\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\p{Cs}/gu;

function escaped(text: string): string {
  return text.replace(UNSAFE, (c) => (c === '"' || c === '\\' ? `\\${c}` : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`));
}
