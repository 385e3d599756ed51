/** Patterns of event types: words between dots, `*` for one word, `#` for any number of them, none included. */

export type Matches = (type: string) => boolean;

/** True when a text is a pattern and not a type: one of its words is `*` or `#`. */
export function isPattern(text: string): boolean {
  return /(?:^|\.)[*#](?:\.|$)/.test(text);
}

export function matcherOf(pattern: string): Matches {
  if (pattern === '#') return () => true;
  const wanted = pattern.split('.');
  const last = wanted.length - 1;
  // By far the most: one `#`, at the end. `order.#` is `order` and all that begins with `order.`.
  if (wanted[last] === '#' && !isPattern(wanted.slice(0, last).join('.'))) {
    const stem = wanted.slice(0, last).join('.');
    const beginning = `${stem}.`;
    return (type) => type === stem || type.startsWith(beginning);
  }
  return (type) => fits(wanted, type.split('.'));
}

/**
 * Compares word by word. When it fails behind a `#`, that one takes a word more and the rest is tried again; only the last `#` need ever
 * do so, so the time is at most the product of both lengths.
 */
function fits(wanted: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let word = 0;
  let back = -1;
  let taken = 0;
  while (word < words.length) {
    const want = wanted[at];
    if (want === '#') {
      back = at++;
      taken = word;
    } else if (want === '*' || (want !== undefined && want === words[word])) {
      at++;
      word++;
    } else if (back >= 0) {
      at = back + 1;
      word = ++taken;
    } else {
      return false;
    }
  }
  while (wanted[at] === '#') at++;
  return at === wanted.length;
}
