/** House rules about the shape of a file: its opening, its length, the length of its functions, and who may write state and disk. */

import { matches } from './absences.ts';
import { type Project, type Rule, type Violation, violation } from './project.ts';
import { roomOf } from './rooms.ts';
import { lineAt, type Scanned } from './scan.ts';

export const FILE_LINES_MAX = 330;
export const FUNCTION_LINES_MAX = 70;
/** Share of files that may be longer than `FILE_LINES_MAX`, reason or not. */
export const LONG_FILES_SHARE_MAX = 0.1;

/** How a file or function says why it is long. */
const REASON = /\blong(?:er)?\b[^.]*\bbecause\b/i;

const DISK_WRITERS = ['journal', 'log', 'host'];
const DISK_WRITES = /\.\s*(?:makeDirectory|syncDirectory)\s*\(|\bdisk\s*(?:\?\s*)?\.\s*(?:open|rename|remove)\s*\(/gi;

/** An assignment to, or a changing call on, something inside `state`. */
const STATE_WRITES =
  /(?<![\w$])state(?:\??\.#?\w+|\[[^\]\n]*\])+\s*(?:=(?![=>])|(?:[-+*/%|&^]|\*\*|<<|>>>?|&&|\|\||\?\?)=|\+\+|--)|(?<![\w$])state(?:\??\.#?\w+)+\??\.(?:set|delete|clear|add|push|pop|shift|splice|fill)\s*\(/g;

export const shapeRules: readonly Rule[] = [
  {
    name: 'opening',
    says: 'a file opens with a doc comment: one sentence of purpose',
    check: (project) =>
      project.source
        .filter((file) => openingOf(file) === '')
        .map((file) => violation('opening', file, 1, 'say in one sentence what this file is for')),
  },
  {
    name: 'file-size',
    says: `a file of more than ${FILE_LINES_MAX} lines says on its first line "long because …"; at most ${LONG_FILES_SHARE_MAX * 100} % of files are so long`,
    check: (project) => fileSizes(project),
  },
  {
    name: 'function-size',
    says: `a function has at most ${FUNCTION_LINES_MAX} lines, unless the comment above it says "long because …"`,
    check: (project) => project.source.flatMap((file) => functionSizes(file)),
  },
  {
    name: 'disk-writers',
    says: 'only journal, log and host write files',
    check: (project) => project.source.filter((file) => !DISK_WRITERS.includes(roomOf(file.path))).flatMap((file) => diskWrites(file)),
  },
  {
    name: 'state-writers',
    says: "only core's apply functions change broker state: the broker itself never does",
    check: (project) =>
      project.source
        .filter((file) => roomOf(file.path) === 'broker')
        .flatMap((file) =>
          matches(
            'state-writers',
            file,
            file.code,
            STATE_WRITES,
            (found) => `"${found.trim()}" changes state; make it an entry that core applies`,
          ),
        ),
  },
];

/** The text of the doc comment a file begins with; empty when there is none. */
export function openingOf(file: Scanned): string {
  const found = /^(?:#![^\n]*\n)?\s*\/\*\*([\s\S]*?)\*\//.exec(file.text);
  return (found?.[1] ?? '').replace(/^[ \t]*\*[ \t]?/gm, '').trim();
}

function fileSizes(project: Project): Violation[] {
  const long = project.source.filter((file) => linesOf(file.text) > FILE_LINES_MAX);
  const silent = long.filter((file) => !REASON.test(openingOf(file).split('\n')[0] ?? ''));
  const found = silent.map((file) =>
    violation('file-size', file, 1, `${linesOf(file.text)} lines, and its first line does not say "long because …"`),
  );
  const first = long[0];
  if (first !== undefined && long.length > 1 && long.length > project.source.length * LONG_FILES_SHARE_MAX) {
    found.push(
      violation(
        'file-size',
        first,
        1,
        `${long.length} of ${project.source.length} files are longer than ${FILE_LINES_MAX} lines: too many`,
      ),
    );
  }
  return found;
}

function linesOf(text: string): number {
  return text.trimEnd().split('\n').length;
}

function functionSizes(file: Scanned): Violation[] {
  return functionsOf(file.code).flatMap(({ from, to, name }) => {
    const first = lineAt(file.code, from);
    const lines = lineAt(file.code, to) - first + 1;
    if (lines <= FUNCTION_LINES_MAX || REASON.test(commentAbove(file, first))) return [];
    return [violation('function-size', file, first, `${name} has ${lines} lines`)];
  });
}

/** The comment that ends on the line before `line`. */
function commentAbove(file: Scanned, line: number): string {
  const comments = file.comments.split('\n');
  let from = line - 1;
  while (from > 0 && comments[from - 1]?.trim() !== '') from--;
  return comments
    .slice(from, line - 1)
    .join(' ')
    .replace(/\s\*\s/g, ' ');
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly name: string;
}

/** Every function with a body in braces: declarations, methods, accessors and arrows. */
export function functionsOf(code: string): Span[] {
  const spans: Span[] = [];
  for (const arrow of code.matchAll(/=>\s*\{/g)) {
    const open = arrow.index + arrow[0].length - 1;
    spans.push({ from: arrow.index, to: closing(code, open), name: 'an arrow function' });
  }
  for (const match of code.matchAll(/([\w$#]*)\s*(?:<[^(){};]*>)?\(/g)) {
    const name = match[1] ?? '';
    if (['if', 'for', 'while', 'switch', 'catch', 'with', 'await', 'return'].includes(name)) continue;
    const open = bodyAfter(code, closing(code, match.index + match[0].length - 1) + 1);
    if (open !== undefined)
      spans.push({ from: match.index, to: closing(code, open), name: name === 'function' || name === '' ? 'a function' : name });
  }
  return spans;
}

/** Where the bracket opened at `open` is closed; the end of the text when it is not. */
function closing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    const char = code[at] ?? '';
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char) && --depth === 0) return at;
  }
  return code.length;
}

/** The `{` of the body that follows a parameter list, past a return type if there is one; undefined when no body follows. */
function bodyAfter(code: string, from: number): number | undefined {
  let at = skipSpace(code, from);
  if (code[at] === '{') return at;
  if (code[at] !== ':') return undefined;
  let wantsType = true;
  for (at = skipSpace(code, at + 1); at < code.length; at = skipSpace(code, at)) {
    const char = code[at] ?? '';
    if (char === '{' && !wantsType) return at;
    if (';)}'.includes(char) || (char === '=' && code[at + 1] !== '>') || (char === ',' && !wantsType)) return undefined;
    const two = code.slice(at, at + 2);
    const word = /^[\w$.]+/.exec(code.slice(at, at + 60))?.[0];
    if (word !== undefined) {
      at += word.length;
      wantsType = ['is', 'keyof', 'typeof', 'readonly', 'asserts', 'extends', 'infer', 'unique'].includes(word);
    } else if (char === '<') {
      at = angle(code, at) + 1;
      wantsType = false;
    } else if ('([{'.includes(char)) {
      at = closing(code, at) + 1;
      wantsType = false;
    } else if (two === '=>') {
      at += 2;
      wantsType = true;
    } else {
      at++;
      wantsType = !`'"\``.includes(char);
    }
  }
  return undefined;
}

function skipSpace(code: string, from: number): number {
  let at = from;
  while (/\s/.test(code[at] ?? '')) at++;
  return at;
}

/** Where the type arguments opened at `open` end; `=>` inside them closes nothing. */
function angle(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === '<') depth++;
    else if (code[at] === '>' && code[at - 1] !== '=' && --depth === 0) return at;
  }
  return code.length;
}

function diskWrites(file: Scanned): Violation[] {
  const calls = matches(
    'disk-writers',
    file,
    file.code,
    DISK_WRITES,
    (found) => `"${found.trim()}" writes to the disk; let journal or log do it`,
  );
  const files = file.imports
    .filter(({ specifier, clause }) => /(^|\/)host\/disk\.ts$/.test(specifier) && /\bFile\b/.test(clause))
    .map(({ line }) => violation('disk-writers', file, line, 'an open File is in the hands of journal, log and host only'));
  return [...calls, ...files];
}
