/** JSON as bytes: checked for grammar, depth and UTF-8 without building a value, so that bodies pass through as they came. */

import { isUtf8 } from 'node:buffer';
import { Refused } from '../../model/refusal.ts';

/** Deepest nesting taken from the network. The stack of open brackets is one 32-bit number, so it cannot be more. */
export const JSON_DEPTH_MAX = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;

/**
 * Answers -1 when `bytes[from .. to)` is one JSON value with white space round it at most, else the byte at which it stops being one.
 * Does not look at UTF-8.
 */
export function findJsonFault(bytes: Uint8Array, from: number, to: number): number {
  let at = skipSpace(bytes, from, to);
  let depth = 0;
  let objects = 0; // bit d: is the bracket at depth d a brace?
  for (;;) {
    // A value is due.
    const c = byte(bytes, at, to);
    if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (depth === JSON_DEPTH_MAX) return at;
      const object = c === OPEN_BRACE;
      objects = object ? objects | (1 << depth) : objects & ~(1 << depth);
      depth += 1;
      at = skipSpace(bytes, at + 1, to);
      if (byte(bytes, at, to) === (object ? CLOSE_BRACE : CLOSE_BRACKET)) {
        depth -= 1;
        at += 1;
      } else {
        if (!object) continue;
        const next = skipName(bytes, at, to);
        if (next < 0) return -next - 1;
        at = next;
        continue;
      }
    } else {
      const next = skipScalar(bytes, at, to, c);
      if (next < 0) return -next - 1;
      at = next;
    }
    // A value is complete: close what closes, go on after a comma.
    for (;;) {
      at = skipSpace(bytes, at, to);
      if (depth === 0) return at === to ? -1 : at;
      const object = (objects & (1 << (depth - 1))) !== 0;
      const after = byte(bytes, at, to);
      if (after === COMMA) {
        at = skipSpace(bytes, at + 1, to);
        if (!object) break;
        const next = skipName(bytes, at, to);
        if (next < 0) return -next - 1;
        at = next;
        break;
      }
      if (after !== (object ? CLOSE_BRACE : CLOSE_BRACKET)) return at;
      depth -= 1;
      at += 1;
    }
  }
}

/** Like `findJsonFault`, and the bytes must be UTF-8. Throws `Refused('invalid')` that names `what` and the byte. */
export function checkJson(bytes: Uint8Array, what: string): void {
  const fault = findJsonFault(bytes, 0, bytes.length);
  if (fault >= 0) throw new Refused('invalid', faultSentence(bytes, fault, what));
  if (!isUtf8(bytes)) throw new Refused('invalid', `${what} is not UTF-8.`);
}

/** Parses JSON from the network: at most 32 levels deep, UTF-8. Throws `Refused('invalid')`. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  checkJson(bytes, what);
  return JSON.parse(textOf(bytes));
}

export function faultSentence(bytes: Uint8Array, fault: number, what: string): string {
  if (bytes.length === 0) return `${what} is empty where JSON is due.`;
  if (fault >= bytes.length) return `${what} is JSON that breaks off at byte ${fault}.`;
  return `${what} is not JSON of at most ${JSON_DEPTH_MAX} levels: the fault is at byte ${fault}.`;
}

/**
 * The elements of an array as `from, to, from, to …`, or the members of an object as `name from, name to, value from, value to …`
 * (names with their quotes). The text must have passed `findJsonFault`; anything else answers no spans.
 */
export function spansOf(bytes: Uint8Array, from: number, to: number): number[] {
  const spans: number[] = [];
  let at = skipSpace(bytes, from, to);
  const open = bytes[at];
  if (open !== OPEN_BRACE && open !== OPEN_BRACKET) return spans;
  const close = open === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
  at = skipSpace(bytes, at + 1, to);
  while (at < to && bytes[at] !== close) {
    if (open === OPEN_BRACE) {
      const end = skipValue(bytes, at, to);
      spans.push(at, end);
      at = skipSpace(bytes, skipSpace(bytes, end, to) + 1, to); // past the colon
    }
    const end = skipValue(bytes, at, to);
    spans.push(at, end);
    at = skipSpace(bytes, end, to);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1, to);
  }
  return spans;
}

/** The bytes of the member called `name` (the last, as `JSON.parse` has it), exactly as they were written; undefined when there is none. */
export function memberBytes(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const spans = spansOf(bytes, 0, bytes.length);
  for (let i = spans.length - 4; i >= 0; i -= 4) {
    const [nameFrom = 0, nameTo = 0, from = 0, to = 0] = spans.slice(i, i + 4);
    if (JSON.parse(textOf(bytes.subarray(nameFrom, nameTo))) === name) return bytes.subarray(from, to);
  }
  return undefined;
}

/** UTF-8 bytes as text. Broken sequences become U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

/** The end of the value at `at` in text known to be JSON. */
function skipValue(bytes: Uint8Array, from: number, to: number): number {
  let depth = 0;
  let at = from;
  while (at < to) {
    const c = bytes[at];
    if (c === QUOTE) at = Math.abs(skipString(bytes, at, to));
    else {
      if (depth === 0 && (c === COMMA || c === COLON || c === CLOSE_BRACE || c === CLOSE_BRACKET || isSpace(c))) return at;
      if (c === OPEN_BRACE || c === OPEN_BRACKET) depth += 1;
      else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) depth -= 1;
      at += 1;
    }
    if (depth === 0 && (c === QUOTE || c === CLOSE_BRACE || c === CLOSE_BRACKET)) return at;
  }
  return at;
}

/** A member's name and its colon; answers where the value begins, or `-1 - fault`. */
function skipName(bytes: Uint8Array, from: number, to: number): number {
  if (byte(bytes, from, to) !== QUOTE) return -1 - from;
  const end = skipString(bytes, from, to);
  if (end < 0) return end;
  const colon = skipSpace(bytes, end, to);
  if (byte(bytes, colon, to) !== COLON) return -1 - colon;
  return skipSpace(bytes, colon + 1, to);
}

/** A string, number or word; answers where it ends, or `-1 - fault`. */
function skipScalar(bytes: Uint8Array, at: number, to: number, c: number): number {
  if (c === QUOTE) return skipString(bytes, at, to);
  if (c === MINUS || isDigit(c)) return skipNumber(bytes, at, to);
  if (c === 0x74) return skipWord(bytes, at, to, 'true');
  if (c === 0x66) return skipWord(bytes, at, to, 'false');
  if (c === 0x6e) return skipWord(bytes, at, to, 'null');
  return -1 - at;
}

function skipString(bytes: Uint8Array, from: number, to: number): number {
  let at = from + 1;
  while (at < to) {
    const c = bytes[at] ?? 0;
    if (c === QUOTE) return at + 1;
    if (c < 0x20) return -1 - at;
    if (c !== BACKSLASH) {
      at += 1;
      continue;
    }
    const escaped = byte(bytes, at + 1, to);
    if (escaped === 0x75) {
      for (let i = 2; i < 6; i++) if (!isHex(byte(bytes, at + i, to))) return -1 - Math.min(at + i, to);
      at += 6;
    } else {
      if (!isEscape(escaped)) return -1 - Math.min(at + 1, to);
      at += 2;
    }
  }
  return -1 - to;
}

function skipNumber(bytes: Uint8Array, from: number, to: number): number {
  let at = byte(bytes, from, to) === MINUS ? from + 1 : from;
  if (!isDigit(byte(bytes, at, to))) return -1 - at;
  if (bytes[at] === 0x30) at += 1;
  else at = skipDigits(bytes, at, to);
  if (byte(bytes, at, to) === 0x2e) {
    if (!isDigit(byte(bytes, at + 1, to))) return -1 - Math.min(at + 1, to);
    at = skipDigits(bytes, at + 1, to);
  }
  if ((byte(bytes, at, to) | 0x20) === 0x65) {
    const sign = byte(bytes, at + 1, to);
    at += sign === 0x2b || sign === MINUS ? 2 : 1;
    if (!isDigit(byte(bytes, at, to))) return -1 - Math.min(at, to);
    at = skipDigits(bytes, at, to);
  }
  return at;
}

function skipDigits(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (isDigit(byte(bytes, at, to))) at += 1;
  return at;
}

function skipWord(bytes: Uint8Array, from: number, to: number, word: string): number {
  for (let i = 0; i < word.length; i++) if (byte(bytes, from + i, to) !== word.charCodeAt(i)) return -1 - Math.min(from + i, to);
  return from + word.length;
}

function skipSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(bytes[at])) at += 1;
  return at;
}

/** The byte at `at`, or 0 past the end: no place in JSON allows a zero byte. */
function byte(bytes: Uint8Array, at: number, to: number): number {
  return at < to ? (bytes[at] ?? 0) : 0;
}

function isSpace(c: number | undefined): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isHex(c: number): boolean {
  return isDigit(c) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66);
}

function isEscape(c: number): boolean {
  return c === QUOTE || c === BACKSLASH || c === 0x2f || c === 0x62 || c === 0x66 || c === 0x6e || c === 0x72 || c === 0x74;
}
