/** Reads a command line against a command's tables: words, options, and what stands in for them in the environment. */

import { type Command, optionsOf } from './command.ts';
import { Failure } from './exits.ts';

/** Not imported: a module that imports node:util has all its exports looked at, and that loads a good part of Node. */
const { parseArgs } = process.getBuiltinModule('node:util');

export interface Parsed {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Throws `Failure('usage')` that names what is wrong and what there is instead. */
export function readArguments(command: Command, argv: readonly string[], env: NodeJS.ProcessEnv): Parsed {
  const known = optionsOf(command);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      known.map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? 'boolean' : 'string', multiple: true, ...(short === undefined ? {} : { short }) } as const,
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const option = known.find(([name]) => name === token.name)?.[1];
    if (option === undefined) throw unknownOption(command, token.rawName);
    const value = option.value === undefined ? (token.value ?? 'true') : token.value;
    if (value === undefined || (!token.inlineValue && option.value !== undefined && value.length > 1 && value.startsWith('-'))) {
      throw new Failure('usage', `${token.rawName} needs a value, as in ${token.rawName}=${option.value}.`);
    }
    given.set(token.name, [...(given.get(token.name) ?? []), value]);
  }
  const options = Object.fromEntries(
    known.map(([name, option]) => {
      const flags = given.get(name);
      const stand = option.env === undefined ? undefined : env[option.env];
      if (flags !== undefined || stand === undefined || stand === '') return [name, option.read(flags ?? [], `--${name}`)];
      return [name, option.read([stand], option.env ?? '')];
    }),
  );
  if (options.help !== true) checkWords(command, words);
  return { words, options };
}

/** Wants JSON? Asked of a command line that could not be read, to say so in the form that was wanted. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

function checkWords(command: Command, words: readonly string[]): void {
  const wanted = command.words;
  const missing = wanted[words.length];
  if (missing !== undefined && missing.optional !== true) {
    throw new Failure(
      'usage',
      `"signalbox ${command.name}" needs ${missing.name}: ${lower(missing.about)} Try "signalbox help ${command.name}".`,
    );
  }
  const extra = words[wanted.length];
  if (extra !== undefined && wanted.at(-1)?.many !== true) {
    throw new Failure(
      'usage',
      `"signalbox ${command.name}" has no use for ${JSON.stringify(extra)}. Try "signalbox help ${command.name}".`,
    );
  }
  for (const [i, { choices, name }] of wanted.entries()) {
    const word = words[i];
    if (word === undefined || choices === undefined || choices.includes(word)) continue;
    throw new Failure('usage', `${name} is ${JSON.stringify(word)}; give one of ${choices.join(', ')}.`);
  }
}

function lower(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

function unknownOption(command: Command, rawName: string): Failure {
  const names = optionsOf(command).map(([name]) => `--${name}`);
  const near = nearest(rawName, names);
  const instead = near === undefined ? `It has ${names.join(', ')}.` : `Did you mean ${near}?`;
  return new Failure('usage', `"signalbox ${command.name}" has no option ${rawName}. ${instead}`);
}

/** The name that was probably meant: at most a third of its letters away. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const distance = distanceOf(given, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** Letters to put in, take out or change (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
