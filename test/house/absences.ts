/** House rules about what must not be found: protocol words in the core, the machine outside its room, loose names and loose TypeScript. */

import { type Project, type Rule, type Violation, violation } from './project.ts';
import { isDoor, roomOf } from './rooms.ts';
import { lineAt, type Scanned } from './scan.ts';

const PROTOCOL_WORDS = /kafka|amqp|mqtt|redis(?!t|c|p|s)|sqs|pulsar/gi;

/** Globals and members that read the clock, start a timer or draw lots. A method of something else may bear these names. */
const MACHINE_WORDS =
  /\b(?:Date\s*\.\s*now|performance\s*\.\s*now|process\s*\.\s*hrtime|Math\s*\.\s*random|AbortSignal\s*\.\s*timeout)\b|\bnew\s+Date\s*(?:\(\s*\)|(?=[;,)\s]))|(?<![.\w$#])(?:globalThis\s*\.\s*)?(?:setTimeout|setInterval|setImmediate)\b(?!\s*\(\s*\w+\??\s*:)|\b(?:randomUUID|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)\b/g;

const MACHINE_MODULES = ['fs', 'net', 'tls', 'dgram', 'timers', 'perf_hooks', 'child_process', 'cluster'];

/** The rooms and the one file that may touch the machine. */
const MACHINE_PLACES = ['src/host/', 'src/servers/connection.ts', 'src/cli/'];

/** An HTTP server or client owns sockets too, but hands out requests; the doors and engines may use one. */
const HTTP_MODULES = ['http', 'https', 'http2'];
const HTTP_PLACES = [...MACHINE_PLACES, 'src/servers/', 'src/engines/'];

/** Dear to load and seldom wanted at once: what a broker needs of them it asks for at its first use (`process.getBuiltinModule`). */
const SLOW_MODULES = ['crypto'];

const VAGUE_NAMES = ['util', 'utils', 'helper', 'helpers', 'common', 'misc'];

/** `any` where a type stands; a variable, property or method of that name is no type. */
const ANY = /(?::|<|\||&|=>|\b(?:as|keyof|extends))\s*any\b(?!\s*[(?:.=])|,\s*any\s*>|<[\w\s,]*=\s*any\s*[,>]|\bany\s*\[\s*\]/g;

export const absenceRules: readonly Rule[] = [
  {
    name: 'protocol-words',
    says: 'no protocol word in core, neither in names nor in texts (a comment may name where a rule comes from)',
    check: (project) => project.source.filter((file) => roomOf(file.path) === 'core').flatMap((file) => protocolWords(file)),
  },
  {
    name: 'machine',
    says: 'clock, timers, chance, files and sockets only in host, in servers/connection.ts and in cli',
    check: (project) => project.source.flatMap((file) => [...machineWords(file), ...machineModules(file)]),
  },
  {
    name: 'slow-start',
    says: 'nothing but cli and events imports a module that Node takes milliseconds to load: a broker starts without it',
    check: (project) => project.source.flatMap((file) => slowModules(file)),
  },
  {
    name: 'vague-names',
    says: 'no utils, helpers or common',
    check: (project) =>
      project.source.filter((file) => isVague(file.path)).map((file) => violation('vague-names', file, 1, 'name it for what it holds')),
  },
  {
    name: 'default-export',
    says: 'no default exports',
    check: (project) =>
      findIn(project, 'default-export', /\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g, 'export it by its name'),
  },
  {
    name: 'enum',
    says: 'no enums',
    check: (project) => findIn(project, 'enum', /\benum\s+[\w$]+\s*\{/g, 'use a union of texts or a frozen table'),
  },
  {
    name: 'any',
    says: 'no any',
    check: (project) => findIn(project, 'any', ANY, 'say what it is, or take unknown and look'),
  },
  {
    name: 'barrel',
    says: "no export * (the package door passes on whole files of types), no index.ts, and nothing passed on but by a room's door",
    check: (project) => project.source.flatMap((file) => barrels(file)),
  },
  {
    name: 'marks',
    says: 'no mark that something is still to be done',
    check: (project) =>
      project.source.flatMap((file) =>
        matches('marks', file, file.comments, /\b(?:TODO|FIXME|XXX|HACK)\b/g, () => 'do it, or write an issue and leave no mark'),
      ),
  },
  {
    name: 'frame-state',
    says: 'nothing in wire outlives a frame: no variable at the top of a file',
    check: (project) =>
      project.source
        .filter((file) => roomOf(file.path) === 'wire')
        .flatMap((file) =>
          matches(
            'frame-state',
            file,
            file.code,
            /^(?:export\s+)?(?:let|var)\s/gm,
            () => 'hand it in, or keep it in an object that has an owner',
          ),
        ),
  },
];

function protocolWords(file: Scanned): Violation[] {
  const inPath = matches(
    'protocol-words',
    file,
    file.path.slice('src/core/'.length),
    PROTOCOL_WORDS,
    (word) => `"${word}" is a protocol's word`,
  );
  return [
    ...inPath,
    ...matches('protocol-words', file, file.words, PROTOCOL_WORDS, (word) => `"${word}" is a protocol's word; the core has none`),
  ];
}

function machineWords(file: Scanned): Violation[] {
  if (stands(file, MACHINE_PLACES)) return [];
  return matches(
    'machine',
    file,
    file.code,
    MACHINE_WORDS,
    (word) => `${word.trim()} is the machine's; take it from the host that is handed in`,
  );
}

function machineModules(file: Scanned): Violation[] {
  return file.imports.flatMap(({ specifier, line, typesOnly }) => {
    const name = specifier.replace(/^node:/, '').split('/')[0] ?? '';
    const free = MACHINE_MODULES.includes(name) ? MACHINE_PLACES : HTTP_MODULES.includes(name) ? HTTP_PLACES : undefined;
    if (free === undefined || typesOnly || stands(file, free)) return [];
    return [violation('machine', file, line, `${specifier} belongs to ${free.join(', ')}`)];
  });
}

function slowModules(file: Scanned): Violation[] {
  if (stands(file, ['src/cli/', 'src/events/'])) return [];
  return file.imports.flatMap(({ specifier, line, typesOnly }) =>
    typesOnly || !SLOW_MODULES.includes(specifier.replace(/^node:/, ''))
      ? []
      : [violation('slow-start', file, line, `load ${specifier} where it is first used: process.getBuiltinModule`)],
  );
}

function stands(file: Scanned, places: readonly string[]): boolean {
  return places.some((place) => file.path.startsWith(place));
}

function isVague(path: string): boolean {
  return path.split(/[/.-]/).some((part) => VAGUE_NAMES.includes(part.toLowerCase()));
}

function barrels(file: Scanned): Violation[] {
  const named = /\/index\.[a-z]+$/.test(file.path)
    ? [violation('barrel', file, 1, 'a room has a door that bears its name, not an index')]
    : [];
  const star = file.path === 'src/signalbox.ts' ? /\bexport\s+\*/g : /\bexport\s+(?:type\s+)?\*/g;
  const stars = matches('barrel', file, file.code, star, () => 'name what is passed on');
  const passed = isDoor(file.path)
    ? []
    : file.imports
        .filter((seen) => seen.kind === 'export' && !seen.clause.includes('*'))
        .map((seen) => violation('barrel', file, seen.line, `only a door passes things on; import ${seen.specifier} where it is used`));
  return [...named, ...stars, ...passed];
}

function findIn(project: Project, rule: string, pattern: RegExp, says: string): Violation[] {
  return project.source.flatMap((file) => matches(rule, file, file.code, pattern, () => says));
}

/** One violation per match of `pattern` in a view of the file. */
export function matches(rule: string, file: Scanned, text: string, pattern: RegExp, says: (found: string) => string): Violation[] {
  return [...text.matchAll(pattern)].map((match) => violation(rule, file, lineAt(text, match.index), says(match[0])));
}
