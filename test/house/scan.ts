/** Reads a TypeScript file just deeply enough for the house rules: which characters are code, comment or string, and what it imports. */

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `url`: a file named by `new URL('./x.ts', import.meta.url)`, as workers are. */
  readonly kind: 'import' | 'export' | 'dynamic' | 'url';
  /** What stands between `import` or `export` and `from`, without comments. */
  readonly clause: string;
  /** Only types are meant: gone when it runs. */
  readonly typesOnly: boolean;
}

/** All views are as long as `text`, with what does not belong replaced by spaces, so that an index means the same place in each. */
export interface Scanned extends SourceFile {
  /** Code alone: comments gone, strings emptied (their quotes stay). */
  readonly code: string;
  /** Code and strings, comments gone. */
  readonly words: string;
  /** Comments alone. */
  readonly comments: string;
  readonly imports: readonly Import[];
}

const CODE = 0;
const COMMENT = 1;
const STRING = 2;

const WORDS_BEFORE_REGEX = ['return', 'typeof', 'case', 'in', 'of', 'yield', 'await', 'void', 'delete', 'else', 'do'];

/** Throws when a string or comment does not end: then the reader is mistaken, and nothing it says may be trusted. */
export function scan(file: SourceFile): Scanned {
  const kinds = kindsOf(file);
  const code = view(file.text, kinds, (kind) => kind === CODE);
  const words = view(file.text, kinds, (kind) => kind !== COMMENT);
  const comments = view(file.text, kinds, (kind) => kind === COMMENT);
  return { ...file, code, words, comments, imports: importsOf(file.text, code) };
}

/** 1 for the first line. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Goes by runs of one kind, because files are many and characters more. */
function view(text: string, kinds: Uint8Array, keep: (kind: number) => boolean): string {
  let out = '';
  for (let from = 0, to = 0; from < text.length; from = to) {
    const kind = kinds[from] ?? CODE;
    while (to < text.length && (kinds[to] ?? CODE) === kind) to++;
    const run = text.slice(from, to);
    out += keep(kind) ? run : run.replace(/[^\n]/g, ' ');
  }
  return out;
}

function kindsOf(file: SourceFile): Uint8Array {
  const reader = new Reader(file);
  while (reader.more) reader.step();
  return reader.end();
}

/** Goes through a file once and notes of each character what it belongs to. Quotes, slashes and `${` `}` themselves count as code. */
class Reader {
  readonly #path: string;
  readonly #text: string;
  readonly #kinds: Uint8Array;
  /** Depth of braces inside each `${` that is open, innermost last. */
  readonly #holes: number[] = [];
  #at = 0;

  constructor({ path, text }: SourceFile) {
    this.#path = path;
    this.#text = text;
    this.#kinds = new Uint8Array(text.length);
  }

  get more(): boolean {
    return this.#at < this.#text.length;
  }

  end(): Uint8Array {
    if (this.#holes.length > 0) this.#broken('a template string');
    return this.#kinds;
  }

  step(): void {
    const two = this.#text.slice(this.#at, this.#at + 2);
    const one = two[0] ?? '';
    if (two === '//' || (this.#at === 0 && two === '#!')) this.#mark(this.#find('\n', this.#text.length), COMMENT);
    else if (two === '/*') this.#mark(this.#find('*/') + 2, COMMENT);
    else if (one === "'" || one === '"') this.#quoted(one);
    else if (one === '`' || (one === '}' && this.#holes.at(-1) === 0)) this.#template(one);
    else if (one === '/' && this.#startsRegex()) this.#regex();
    else this.#plain(one);
  }

  #plain(one: string): void {
    if (this.#holes.length > 0 && '{}'.includes(one)) this.#holes.push((this.#holes.pop() ?? 0) + (one === '{' ? 1 : -1));
    this.#at++;
  }

  #quoted(quote: string): void {
    let end = this.#at + 1;
    while (this.#text[end] !== quote) {
      if (end >= this.#text.length || this.#text[end] === '\n') this.#broken('a string');
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#inside(end);
  }

  /** From a backtick, or the `}` that ends a hole, to the next hole or the closing backtick. */
  #template(one: string): void {
    if (one === '}') this.#holes.pop();
    let end = this.#at + 1;
    while (this.#text[end] !== '`' && this.#text.slice(end, end + 2) !== '${') {
      if (end >= this.#text.length) this.#broken('a template string');
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#inside(end);
    if (this.#text[end] === '`') return;
    this.#holes.push(0);
    this.#at++;
  }

  #regex(): void {
    let inClass = false;
    let end = this.#at + 1;
    while (this.#text[end] !== '/' || inClass) {
      if (end >= this.#text.length || this.#text[end] === '\n') this.#broken('a regular expression');
      if (this.#text[end] === '[') inClass = true;
      if (this.#text[end] === ']') inClass = false;
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#inside(end);
  }

  /** A `/` after a value divides; anywhere else it begins a regular expression. */
  #startsRegex(): boolean {
    let before = this.#at - 1;
    while (before >= 0 && (this.#kinds[before] === COMMENT || /\s/.test(this.#text[before] ?? ''))) before--;
    const last = this.#text[before] ?? '';
    if (/[)\]}'"`]/.test(last)) return false;
    const word = /[\w$]+$/.exec(this.#text.slice(Math.max(0, before - 12), before + 1))?.[0];
    return word === undefined || WORDS_BEFORE_REGEX.includes(word);
  }

  /** What stands between the quote at hand and the one at `end` is a string; goes on after that one. */
  #inside(end: number): void {
    this.#at++;
    this.#mark(end, STRING);
    this.#at++;
  }

  #mark(end: number, kind: number): void {
    this.#kinds.fill(kind, this.#at, end);
    this.#at = end;
  }

  #find(what: string, otherwise?: number): number {
    const found = this.#text.indexOf(what, this.#at + 2);
    return found !== -1 ? found : (otherwise ?? this.#broken('a comment'));
  }

  #broken(what: string): never {
    throw new Error(`${this.#path}:${lineAt(this.#text, this.#at)}: ${what} does not end.`);
  }
}

function importsOf(text: string, code: string): Import[] {
  const imports: Import[] = [];
  for (const match of code.matchAll(/(['"])\s*\1/g)) {
    const before = code.slice(Math.max(0, match.index - 2000), match.index);
    const specifier = text.slice(match.index + 1, match.index + match[0].length - 1);
    const line = lineAt(text, match.index);
    const after = code.slice(match.index + match[0].length, match.index + match[0].length + 80);
    const from = /\b(import|export)\b((?:(?!\b(?:import|export)\b)[^;'"])*)\bfrom\s*$/.exec(before);
    if (from !== null) {
      const clause = from[2]?.trim() ?? '';
      imports.push({
        specifier,
        line,
        kind: from[1] === 'export' ? 'export' : 'import',
        clause,
        typesOnly: /^type\b(?!\s+from\b)/.test(clause),
      });
    } else if (/\bimport\s*$/.test(before)) imports.push({ specifier, line, kind: 'import', clause: '', typesOnly: false });
    else if (/\bimport\s*\(\s*$/.test(before)) {
      imports.push({ specifier, line, kind: 'dynamic', clause: '', typesOnly: /^\s*\)\s*\.\s*[A-Z]/.test(after) });
    } else if (/\bnew\s+URL\s*\(\s*$/.test(before) && /^\s*,\s*import\.meta\.url/.test(after)) {
      imports.push({ specifier, line, kind: 'url', clause: '', typesOnly: false });
    }
  }
  return imports;
}

/** The path a relative import means; undefined for packages. */
export function resolveImport(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
