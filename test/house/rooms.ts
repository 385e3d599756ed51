/** House rules about who may know whom: rooms, their doors, the table of allowed imports, floors, cycles, and one protocol's folder apart from another's. */

import { type Project, type Rule, violation } from './project.ts';
import { type Import, resolveImport, type Scanned } from './scan.ts';

/** What each room may import, beside itself. The package door and `cli` stand above all rooms. */
export const ROOMS: Readonly<Record<string, { readonly floor: number; readonly imports: readonly string[] }>> = {
  model: { floor: 0, imports: [] },
  bytes: { floor: 0, imports: [] },
  host: { floor: 0, imports: ['model'] },
  core: { floor: 1, imports: ['model'] },
  journal: { floor: 1, imports: ['model', 'bytes', 'host'] },
  log: { floor: 1, imports: ['model', 'bytes', 'host'] },
  wire: { floor: 1, imports: ['model', 'bytes'] },
  broker: { floor: 2, imports: ['model', 'host', 'core', 'journal', 'log'] },
  engines: { floor: 2, imports: ['model', 'bytes', 'host', 'wire'] },
  events: { floor: 2, imports: ['model', 'bytes', 'host'] },
  api: { floor: 3, imports: ['model'] },
  servers: { floor: 3, imports: ['model', 'bytes', 'host', 'wire'] },
  sourcing: { floor: 3, imports: ['model'] },
  testing: { floor: 3, imports: ['model', 'host', 'events', 'broker', 'api'] },
  signalbox: { floor: 4, imports: ['model', 'host', 'wire', 'broker', 'engines', 'api'] },
  console: { floor: 4, imports: [] },
  cli: { floor: 5, imports: ['*'] },
};

/** Rooms whose every file may be imported. */
export const OPEN_ROOMS: readonly string[] = ['model', 'bytes', 'host'];

/** Rooms that are a row of rooms, one per language or system: each of these has its own door to the outside. */
export const ROW_ROOMS: readonly string[] = ['wire', 'servers', 'engines'];

/** Languages that carry other languages: their codecs may be used from another protocol's door. */
export const CARRIERS: readonly string[] = ['http', 'websocket', 'sse'];

interface Edge {
  readonly from: Scanned;
  readonly to: string;
  readonly seen: Import;
}

export const roomRules: readonly Rule[] = [
  {
    name: 'room',
    says: 'every file of src stands in a room that the table knows; only signalbox.ts stands in src itself',
    check: (project) =>
      project.source
        .filter((file) => ROOMS[roomOf(file.path)] === undefined)
        .map((file) => violation('room', file, 1, `no room called "${roomOf(file.path)}" is in the table of test/house/rooms.ts`)),
  },
  {
    name: 'door',
    says: 'a room is entered only by the file that bears its name; model, bytes and host are open',
    check: (project) => edges(project).flatMap((edge) => wrongDoor(edge)),
  },
  {
    name: 'table',
    says: 'a room imports only the rooms the table names for it',
    check: (project) => edges(project).flatMap((edge) => notAllowed(edge)),
  },
  {
    name: 'floors',
    says: 'imports point down, in the table too',
    check: (project) => edges(project).flatMap((edge) => upwards(edge)),
  },
  {
    name: 'protocols',
    says: "one protocol's folder never imports another's",
    check: (project) => edges(project).flatMap((edge) => acrossProtocols(edge)),
  },
  {
    name: 'cycles',
    says: 'no file imports itself by way of others, types included',
    check: (project) => cycles(project),
  },
];

/** `src/wire/kafka/kafka.ts` → `wire`; `src/signalbox.ts` → `signalbox`; another file of src itself → its name. */
export function roomOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : path === 'src/signalbox.ts' ? 'signalbox' : `src/${parts[1]}`;
}

/** True where the file bears the name of its folder, or is the package's own door. */
export function isDoor(path: string): boolean {
  const parts = path.split('/');
  return path === 'src/signalbox.ts' || parts.at(-1) === `${parts.at(-2)}.ts`;
}

function edges(project: Project): Edge[] {
  return project.source.flatMap((from) =>
    from.imports.flatMap((seen) => {
      const to = resolveImport(from.path, seen.specifier);
      return to?.startsWith('src/') ? [{ from, to, seen }] : [];
    }),
  );
}

/**
 * Files see each other within their folder and in the folders above it; into a folder beside or below, only its door. A folder `handlers`
 * is a row of equals, one per request: the files beside it put them into a table, so they see each of them.
 */
function wrongDoor({ from, to, seen }: Edge) {
  if (OPEN_ROOMS.includes(roomOf(to))) return [];
  const fromParts = from.path.split('/').slice(0, -1);
  const toParts = to.split('/').slice(0, -1);
  let shared = 0;
  while (shared < toParts.length && fromParts[shared] === toParts[shared]) shared++;
  if (shared === toParts.length && (shared > 1 || from.path === to || isDoor(to))) return [];
  if (shared === fromParts.length && toParts.length === shared + 1 && toParts[shared] === 'handlers') return [];
  const entered = toParts.slice(0, shared + 1);
  const door = `${entered.join('/')}/${entered.at(-1)}.ts`;
  if (to === door || (shared === 1 && ROW_ROOMS.includes(roomOf(to)) && toParts.length === 3 && isDoor(to))) return [];
  return [violation('door', from, seen.line, `${to} is inside another room; its door is ${door}`)];
}

function notAllowed({ from, to, seen }: Edge) {
  const room = roomOf(from.path);
  const other = roomOf(to);
  const allowed = ROOMS[room]?.imports ?? [];
  if (room === other || allowed.includes(other) || allowed.includes('*')) return [];
  return [violation('table', from, seen.line, `${room} may not import ${other} (it may import: ${allowed.join(', ') || 'nothing'})`)];
}

function upwards({ from, to, seen }: Edge) {
  const room = roomOf(from.path);
  const other = roomOf(to);
  if (room === other || (ROOMS[room]?.floor ?? 0) >= (ROOMS[other]?.floor ?? 0)) return [];
  return [violation('floors', from, seen.line, `${room} stands below ${other} and may not know it`)];
}

/** `src/wire/kafka/…` and `src/servers/kafka/…` → kafka; an engine's folder is a system that may speak any one language. */
function protocolOf(path: string): { room: string; protocol: string } | undefined {
  const [, room, protocol, file] = path.split('/');
  if (file === undefined || room === undefined || protocol === undefined) return undefined;
  return ['wire', 'servers', 'engines'].includes(room) ? { room, protocol } : undefined;
}

function acrossProtocols({ from, to, seen }: Edge) {
  const mine = protocolOf(from.path);
  const other = protocolOf(to);
  if (mine === undefined || other === undefined || mine.protocol === other.protocol) return [];
  if (mine.room === 'engines' && other.room === 'wire') return [];
  if (other.room === 'wire' && CARRIERS.includes(other.protocol)) return [];
  return [violation('protocols', from, seen.line, `${mine.room}/${mine.protocol} may not know ${other.room}/${other.protocol}`)];
}

/** One violation per knot of files, at its first file. A worker's URL is no import: the file it names starts on its own thread. */
function cycles(project: Project) {
  const next = new Map<string, string[]>();
  for (const { from, to, seen } of edges(project)) {
    if (seen.kind !== 'url') next.set(from.path, [...(next.get(from.path) ?? []), to]);
  }
  const state = new Map<string, 'open' | 'done'>();
  const found: string[][] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      found.push([...way.slice(way.indexOf(path)), path]);
      return;
    }
    state.set(path, 'open');
    for (const to of next.get(path) ?? []) visit(to, [...way, path]);
    state.set(path, 'done');
  };
  for (const path of next.keys()) visit(path, []);
  return found.map((way) => ({ rule: 'cycles', path: way[0] ?? '', line: 1, says: `imports go round: ${way.join(' → ')}` }));
}
