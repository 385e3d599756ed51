/** Where the command writes: results to stdout, words about them to stderr; colour only on a terminal that wants it. */

import { EXIT } from './exits.ts';

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export type Style = keyof typeof CODES;

export class Terminal {
  /** Whether results are to be JSON, one value to a line. */
  readonly json: boolean;
  readonly #wantsColour: boolean;
  #isOpen = false;

  constructor(json: boolean) {
    this.json = json;
    this.#wantsColour = !json && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
  }

  /**
   * Gets the streams ready. Done by itself before anything is written; whoever has a moment to wait may do it before, as it takes
   * milliseconds. A reader that has seen enough (`… | head -1`) is no failure: then the process ends without a word.
   */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        process.exit(EXIT.done);
      });
    }
  }

  /** Is somebody looking at the results? */
  get isWatched(): boolean {
    return process.stdout.isTTY === true && !this.json;
  }

  /** Is somebody there to watch progress, and to be asked? */
  get isAttended(): boolean {
    return process.stderr.isTTY === true && !this.json;
  }

  get columns(): number {
    return process.stdout.columns ?? 80;
  }

  /** Resolves when the system has taken it. */
  print(text: string | Uint8Array): Promise<void> {
    this.open();
    return new Promise((resolve) => {
      // An error is the listener's business: there is nothing to be done about it here.
      process.stdout.write(text, () => resolve());
    });
  }

  line(text: string): Promise<void> {
    return this.print(`${text}\n`);
  }

  /** One JSON value on one line. */
  value(value: unknown): Promise<void> {
    return this.print(`${JSON.stringify(value)}\n`);
  }

  /** Words about the results, for people: to stderr, and not when the results are for a program. */
  note(text: string): void {
    if (!this.json) this.#say(text);
  }

  /** Something the reader of the results must know, whoever it is. */
  warn(text: string): void {
    this.#say(this.json ? JSON.stringify({ warning: text }) : `${this.#styled('yellow', 'note:', process.stderr)} ${text}`);
  }

  style(style: Style, text: string): string {
    return this.#styled(style, text, process.stdout);
  }

  /** How it ended, when that was not well. */
  fail(code: string, message: string): void {
    this.#say(this.json ? JSON.stringify({ error: { code, message } }) : `${this.#styled('red', 'signalbox:', process.stderr)} ${message}`);
  }

  #say(text: string): void {
    this.open();
    process.stderr.write(`${text}\n`);
  }

  #styled(style: Style, text: string, stream: NodeJS.WriteStream): string {
    const [on, off] = CODES[style];
    return this.#wantsColour && stream.isTTY === true ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  }
}

/** Text of strangers on a terminal: what would move its cursor or colour it is shown, not done. */
export function harmless(text: string): string {
  return text.replace(
    /[^\P{Cc}\t]|[\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `12,345` */
export function grouped(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `12 B`, `3.4 kB`, `5.6 MB` */
export function sized(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1 event`, `2 events` */
export function counted(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? '' : 's'}`;
}
