/**
 * Makes a stepwise copy of real source files of the event queue: every access to the shared words becomes a `yield`, so that a scheduler
 * can stop a thread between any two of them. What is explored is the code itself, not a model beside it.
 *
 * The files keep a style that makes this possible with little reading: shared words are always reached through something called `words`,
 * and never inside an arrow function.
 */

import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

const SOURCE = new URL('../../src/events/', import.meta.url);

/** A change planted into the source of a file: the text must be there. */
export interface Mutant {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

type Exports = Record<string, unknown>;

/** Loads `files` stepwise, in an order in which each comes after those it imports; what they import beyond that is the real thing, but for `instead`. */
export async function loadStepwise(files: readonly string[], mutants: readonly Mutant[] = [], instead: Exports = {}): Promise<Exports> {
  const sources = new Map(files.map((file) => [file, sourceOf(file, mutants)]));
  const names = namesIn([...sources.values()]);
  const loaded = new Map<string, Exports>();
  for (const file of files) {
    const { code, imports, exported } = splitImports(sources.get(file) as string);
    const scope: Exports = {};
    for (const { from, bound } of imports) {
      const known = loaded.get(from.replace('./', ''));
      const real = known ?? ((await import(from.startsWith('.') ? new URL(from, SOURCE).href : from)) as Exports);
      for (const [name, alias] of bound) scope[alias] = instead[name] ?? real[name];
    }
    const body = `'use strict'; ${stepped(code, names)}\nreturn { ${exported.join(', ')} };`;
    const make = new Function('$', ...Object.keys(scope), body) as (...values: unknown[]) => Exports;
    loaded.set(file, make(STEPS, ...Object.values(scope)));
  }
  return Object.assign({}, ...loaded.values()) as Exports;
}

function sourceOf(file: string, mutants: readonly Mutant[]): string {
  let text = readFileSync(fileURLToPath(new URL(file, SOURCE)), 'utf8');
  for (const mutant of mutants.filter((one) => one.file === file)) {
    if (!text.includes(mutant.from)) throw new Error(`The mutant's text is not in ${file}: ${mutant.from}`);
    text = text.replace(mutant.from, mutant.to);
  }
  return stripTypeScriptTypes(text);
}

/** One step of a thread: what it is about to do with the shared words. Tests also `take`: one less if there is one. */
export interface Step {
  readonly kind: 'get' | 'set' | 'load' | 'store' | 'compareExchange' | 'exchange' | 'add' | 'sub' | 'wait' | 'notify' | 'take' | 'forget';
  readonly words: Int32Array;
  readonly at: number;
  readonly values: readonly number[];
}

/** What the generated text calls. The scheduler answers each step with what it gives. */
const STEPS = {
  *get(words: Int32Array, at: number): Generator<Step, unknown, unknown> {
    return yield { kind: 'get', words, at, values: [] };
  },
  *set(words: Int32Array, at: number, value: number): Generator<Step, unknown, unknown> {
    return yield { kind: 'set', words, at, values: [value] };
  },
  *atomic(kind: Step['kind'], words: Int32Array, at: number, ...values: number[]): Generator<Step, unknown, unknown> {
    return yield { kind, words, at, values };
  },
  /** A call of something that may be stepwise or real. */
  *run(value: unknown): Generator<Step, unknown, unknown> {
    if (Object.prototype.toString.call(value) === '[object Generator]') return yield* value as Generator<Step, unknown, unknown>;
    return value;
  },
};

function splitImports(text: string): {
  code: string;
  imports: { from: string; bound: [string, string][] }[];
  exported: string[];
} {
  const imports: { from: string; bound: [string, string][] }[] = [];
  let code = text.replace(/^import\s*(?:\{([^}]*)\})?\s*(?:from\s*)?'([^']+)';/gm, (_whole, list: string | undefined, from: string) => {
    const bound = (list ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
      .map((one) => one.split(/\s+as\s+/) as [string, string?])
      .map(([name, alias]) => [name, alias ?? name] as [string, string]);
    imports.push({ from, bound });
    return '';
  });
  const exported: string[] = [];
  code = code.replace(/^export\s+(?=(?:async\s+)?(?:class|function\*?|const)\s+([\w$]+))/gm, (_whole, name: string) => {
    exported.push(name);
    return '';
  });
  return { code, imports, exported };
}

/** Methods and functions that become generators. */
interface Names {
  readonly methods: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

const METHOD = /^ {2}(?:static )?(#?[a-zA-Z]\w*)\(/gm;
const FUNCTION = /^(?:export )?function ([a-zA-Z]\w*)\(/gm;

function namesIn(sources: readonly string[]): Names {
  const methods = new Map<string, string>();
  const functions = new Map<string, string>();
  for (const source of sources) {
    for (const match of source.matchAll(METHOD)) {
      const name = match[1] as string;
      if (isMethod(source, match)) methods.set(name, `${methods.get(name) ?? ''}${bodyAt(source, match.index)}`);
    }
    for (const match of source.matchAll(FUNCTION)) {
      const name = match[1] as string;
      functions.set(name, `${functions.get(name) ?? ''}${bodyAt(source, match.index)}`);
    }
  }
  // Those that reach for shared words, and those that call them, and so on.
  const stepwise = { methods: new Set<string>(), functions: new Set<string>() };
  for (let before = -1; before < stepwise.methods.size + stepwise.functions.size; ) {
    before = stepwise.methods.size + stepwise.functions.size;
    for (const [name, body] of methods) if (reaches(body, stepwise)) stepwise.methods.add(name);
    for (const [name, body] of functions) if (reaches(body, stepwise)) stepwise.functions.add(name);
  }
  return stepwise;
}

function reaches(body: string, names: Names): boolean {
  if (/\bwords\[|Atomics\./.test(body)) return true;
  for (const [, dot, name] of body.matchAll(/(\.?)(#?[a-zA-Z]\w*)\(/g)) {
    if (dot === '.' ? names.methods.has(name as string) : names.functions.has(name as string)) return true;
  }
  return false;
}

/** The text from a definition's name to the end of its body. */
function bodyAt(source: string, index: number): string {
  const close = matching(source, source.indexOf('(', index));
  const open = source.indexOf('{', close);
  return source.slice(open, matching(source, open) + 1);
}

/** A definition has a body; a call does not. */
function isMethod(code: string, match: { readonly index: number; readonly [group: number]: string }): boolean {
  if (match[1] === 'constructor') return false;
  const close = matching(code, match.index + (match[0] as string).length - 1);
  return /^\s*\{/.test(code.slice(close + 1, close + 400));
}

function stepped(code: string, names: Names): string {
  const marked = code
    .replace(METHOD, (whole, name: string, at: number) => {
      const match = Object.assign([whole, name], { index: at });
      return names.methods.has(name) && isMethod(code, match) ? whole.replace(name, `*${name}`) : whole;
    })
    .replace(/^function ([a-zA-Z]\w*)\(/gm, (whole, name: string) =>
      names.functions.has(name) ? whole.replace('function', 'function*') : whole,
    );
  return rewrite(marked, names);
}

/** Rewrites calls and word accesses from left to right; what is inside is rewritten first. */
function rewrite(code: string, names: Names): string {
  let out = '';
  for (let at = 0; at < code.length; ) {
    const skipped = skipText(code, at);
    if (skipped > at) {
      out += code.slice(at, skipped);
      at = skipped;
      continue;
    }
    const word = /^[A-Za-z_$#][\w$#]*/.exec(code.slice(at, at + 80))?.[0];
    if (word === 'async' || (/\n {2}$/.test(out) && /^(?:constructor\(|[gs]et \w)/.test(code.slice(at, at + 16)))) {
      // What waits for promises stays as it is, and what cannot be a generator.
      const body = code.indexOf('{', matching(code, code.indexOf('(', at)));
      const end = matching(code, body) + 1;
      out += code.slice(at, end);
      at = end;
      continue;
    }
    if (word === undefined) {
      out += code[at];
      at++;
      continue;
    }
    const after = at + word.length;
    const opens = code[after];
    if (opens === '[' && /(?:^|#)(?:words)$/.test(word)) {
      const close = matching(code, after);
      const index = rewrite(code.slice(after + 1, close), names);
      const { receiver, rest } = cutReceiver(out);
      const next = /^\s*=(?![=>])/.exec(code.slice(close + 1));
      if (next !== null) {
        const from = close + 1 + next[0].length;
        const to = endOfExpression(code, from);
        out = `${rest}(yield* $.set(${receiver}${word}, ${index}, ${rewrite(code.slice(from, to), names)}))`;
        at = to;
      } else {
        out = `${rest}(yield* $.get(${receiver}${word}, ${index}))`;
        at = close + 1;
      }
      continue;
    }
    if (opens === '(' && !isDeclaration(out)) {
      const close = matching(code, after);
      const inside = rewrite(code.slice(after + 1, close), names);
      const called = out.endsWith('.');
      if (called && out.endsWith('Atomics.')) {
        out = `${out.slice(0, -'Atomics.'.length)}(yield* $.atomic('${word}', ${inside}))`;
        at = close + 1;
        continue;
      }
      if ((called && names.methods.has(word)) || (!called && names.functions.has(word))) {
        const { receiver, rest } = cutReceiver(out);
        out = `${rest}(yield* $.run(${receiver}${word}(${inside})))`;
        at = close + 1;
        continue;
      }
    }
    out += word;
    at = after;
  }
  return out;
}

/** True where a name before `(` is being defined, not called. */
function isDeclaration(before: string): boolean {
  return /(?:\n {2}(?:static )?\*|function\*? )$/.test(before);
}

/** `this.#a.b.` at the end of what has been written: the receiver of what comes next. */
function cutReceiver(out: string): { receiver: string; rest: string } {
  if (!out.endsWith('.') && !out.endsWith('?.')) return { receiver: '', rest: out };
  let at = out.length;
  for (;;) {
    const link = /(?:\?\.|\.)$/.exec(out.slice(0, at));
    if (link === null) break;
    at -= link[0].length;
    while (/\s/.test(out[at - 1] ?? '')) at--;
    let moved = true;
    while (moved) {
      moved = false;
      if (out[at - 1] === ')' || out[at - 1] === ']') {
        at = opening(out, at - 1);
        moved = true;
      }
    }
    const name = /[\w$#]+$/.exec(out.slice(0, at));
    if (name !== null) at -= name[0].length;
  }
  return { receiver: out.slice(at), rest: out.slice(0, at) };
}

function skipText(code: string, at: number): number {
  if (code.startsWith('//', at)) return code.indexOf('\n', at);
  if (code.startsWith('/*', at)) return code.indexOf('*/', at) + 2;
  const quote = code[at];
  if (quote !== "'" && quote !== '"' && quote !== '`') return at;
  let end = at + 1;
  while (code[end] !== quote) end += code[end] === '\\' ? 2 : 1;
  return end + 1;
}

function matching(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; ) {
    const skipped = skipText(code, at);
    if (skipped > at) {
      at = skipped;
      continue;
    }
    if ('([{'.includes(code[at] as string)) depth++;
    else if (')]}'.includes(code[at] as string) && --depth === 0) return at;
    at++;
  }
  throw new Error(`A bracket does not close: ${code.slice(open, open + 60)}`);
}

function opening(code: string, close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (')]}'.includes(code[at] as string)) depth++;
    else if ('([{'.includes(code[at] as string) && --depth === 0) return at;
  }
  throw new Error(`A bracket does not open: ${code.slice(close - 60, close + 1)}`);
}

/** Where the right side of an assignment ends. */
function endOfExpression(code: string, from: number): number {
  let depth = 0;
  for (let at = from; at < code.length; ) {
    const skipped = skipText(code, at);
    if (skipped > at) {
      at = skipped;
      continue;
    }
    const char = code[at] as string;
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) {
      if (depth === 0) return at;
      depth--;
    } else if ((char === ';' || char === ',') && depth === 0) return at;
    at++;
  }
  return code.length;
}
