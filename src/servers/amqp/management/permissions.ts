/** What users may, between the two ways of saying it: regular expressions over there, names with `*` and `?` here. */

import { badRequest } from './ask.ts';

/** Names with wildcards as one regular expression. */
export function regexOf(patterns: readonly string[] | undefined): string {
  const texts = (patterns ?? []).map((pattern) =>
    pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.'),
  );
  if (texts.length === 0) return '^$';
  if (texts.includes('.*')) return '.*';
  return texts.length === 1 ? `^${texts[0]}$` : `^(${texts.join('|')})$`;
}

/**
 * The names with wildcards that say the same. A regular expression that finds a part of a name finds the name. Throws `ApiFault` for one
 * that cannot be said so: nobody gets more or less than was meant.
 */
export function patternsOf(regex: string, what: string): string[] {
  if (regex === '' || regex === '^$') return [];
  const whole = /^\^\((?:\?:)?([^()]*)\)\$$/.exec(regex)?.[1];
  const parts = whole === undefined ? regex.split('|') : whole.split('|').map((part) => `^${part}$`);
  return [...new Set(parts.map((part) => globOf(part, regex, what)))];
}

function globOf(part: string, regex: string, what: string): string {
  let text = part;
  const starts = text.startsWith('^');
  if (starts) text = text.slice(1);
  const ends = text.endsWith('$') && !text.endsWith('\\$');
  if (ends) text = text.slice(0, -1);
  let glob = '';
  for (let at = 0; at < text.length; ) {
    const [token = '', escaped] = /^(?:\.\*|\.\+|\.|\\([^\w\s])|[^\\.^$*+?()[\]{}|])/.exec(text.slice(at)) ?? [];
    if (token === '' || escaped === '*' || escaped === '?')
      throw badRequest(`${what} is ${JSON.stringify(regex)}, which cannot be said here: give names with .* for any run of characters`);
    glob += escaped ?? (token === '.*' ? '*' : token === '.+' ? '?*' : token === '.' ? '?' : token);
    at += token.length;
  }
  return `${starts ? '' : '*'}${glob}${ends ? '' : '*'}`.replace(/\*+/g, '*');
}
