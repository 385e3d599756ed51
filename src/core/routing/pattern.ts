/** Patterns over names: topic patterns word by word, globs character by character. Both in time that grows with the length, not faster. */

/** Most words a pattern with wildcards may have. What every door can send fits, and a trie of patterns stays shallow. */
export const PATTERN_WORDS_MAX: number = 128;

/** The words of an address or pattern: split at `.`; the empty text has none. */
export function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split('.');
}

/** True when no word is a wildcard: the pattern is taken by one address only, itself. */
export function isExact(pattern: string): boolean {
  if (!pattern.includes('*') && !pattern.includes('#')) return true;
  return !wordsOf(pattern).some((word) => word === '*' || word === '#');
}

/** Whether a topic pattern takes an address: `*` stands for one word, `#` for any number of words, none included. */
export function matches(pattern: string, address: string): boolean {
  if (pattern === '#' || pattern === address) return true;
  if (isExact(pattern)) return false;
  return fits(wordsOf(pattern), wordsOf(address), '*', '#');
}

/** Whether a glob takes a text: `*` stands for any run of characters, the empty one included, `?` for one. Nothing escapes them. */
export function glob(pattern: string, text: string): boolean {
  if (pattern === '*' || pattern === text) return true;
  const star = pattern.indexOf('*');
  if (!pattern.includes('?')) {
    if (star < 0) return false;
    if (star === pattern.length - 1) return text.startsWith(pattern.slice(0, star));
  }
  return fits([...pattern], [...text], '?', '*');
}

/**
 * The pattern is cut at its `many`s. What stands before the first and after the last is tied to the ends of the text; each piece
 * between goes to the leftmost place after the one before it: if the pattern fits at all, it fits so. Nothing is ever tried twice.
 */
function fits(pattern: readonly string[], text: readonly string[], one: string, many: string): boolean {
  const first = pattern.indexOf(many);
  if (first < 0) return pattern.length === text.length && stands(pattern, 0, text, 0, text.length, one);
  const last = pattern.lastIndexOf(many);
  const tail = pattern.length - last - 1;
  const end = text.length - tail;
  if (first > end) return false;
  if (!stands(pattern, 0, text, 0, first, one) || !stands(pattern, last + 1, text, end, tail, one)) return false;
  let at = first;
  for (let from = first + 1; from < last; ) {
    const to = pattern.indexOf(many, from);
    if (to > from) {
      at = endOfFirst(pattern.slice(from, to), text, at, end, one);
      if (at < 0) return false;
    }
    from = to + 1;
  }
  return true;
}

function stands(pattern: readonly string[], from: number, text: readonly string[], at: number, length: number, one: string): boolean {
  for (let i = 0; i < length; i++) {
    const item = pattern[from + i];
    if (item !== one && item !== text[at + i]) return false;
  }
  return true;
}

/**
 * Where the leftmost place of `piece` in `text[at, end)` ends; -1: nowhere. Bit i of `state` says that the first i + 1 items of the
 * piece stand just before here (the shift-and method), so a piece that repeats itself costs no more than another.
 */
function endOfFirst(piece: readonly string[], text: readonly string[], at: number, end: number, one: string): number {
  let any = 0n;
  for (let i = 0; i < piece.length; i++) if (piece[i] === one) any |= 1n << BigInt(i);
  const places = new Map<string, bigint>();
  for (let i = 0; i < piece.length; i++) {
    const item = piece[i] ?? one;
    places.set(item, (places.get(item) ?? any) | (1n << BigInt(i)));
  }
  const whole = 1n << BigInt(piece.length - 1);
  let state = 0n;
  for (let i = at; i < end; i++) {
    state = ((state << 1n) | 1n) & (places.get(text[i] ?? '') ?? any);
    if ((state & whole) !== 0n) return i + 1;
  }
  return -1;
}
