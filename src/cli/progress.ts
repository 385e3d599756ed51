/** A bar that moves while something long goes on, for whoever watches; nothing at all for programs and files. */

import { grouped } from './terminal.ts';

const WIDTH = 28;
const EVERY_MS = 100;

export class Progress {
  readonly #stream: NodeJS.WriteStream | undefined;
  /** Bytes in all; undefined when nobody knows. */
  readonly #total: number | undefined;
  readonly #startedMs: number = performance.now();
  #shownMs = 0;
  #isShown = false;

  /** `attended`: is somebody there to see it? */
  constructor(attended: boolean, total: number | undefined) {
    this.#stream = attended ? process.stderr : undefined;
    this.#total = total;
  }

  /** So many are done, and so many bytes of the input with them. */
  update(count: number, bytes: number): void {
    const nowMs = performance.now();
    if (this.#stream === undefined || nowMs - this.#shownMs < EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#isShown = true;
    const seconds = (nowMs - this.#startedMs) / 1000;
    this.#stream.write(`\r\x1b[2K${progressLine(count, bytes, this.#total, seconds)}`);
  }

  /** Takes the bar away; the cursor stands where it began. */
  end(): void {
    if (this.#isShown) this.#stream?.write('\r\x1b[2K');
    this.#isShown = false;
  }
}

/** `[############------]  42%  12,345  98,765/s` */
export function progressLine(count: number, bytes: number, total: number | undefined, seconds: number): string {
  const rate = seconds > 0 ? `  ${grouped(count / seconds)}/s` : '';
  if (total === undefined || total === 0) return `${grouped(count)}${rate}`;
  const share = Math.min(1, bytes / total);
  const full = Math.round(share * WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${`${Math.floor(share * 100)}%`.padStart(4)}  ${grouped(count)}${rate}`;
}
