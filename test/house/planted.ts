/** Made-up sources: each breaks one house rule on purpose, and beside it stand look-alikes that break none. */

import type { SourceFile } from './scan.ts';

export interface Planted {
  readonly rule: string;
  readonly what: string;
  readonly files: readonly SourceFile[];
  /** `path:line` of each violation, all of them of `rule`. */
  readonly at: readonly string[];
}

const OPENING = '/** Made up for the house test. */\n';

/** A file with an opening sentence on line 1; `code` begins on line 2. */
function file(path: string, code = 'export const one = 1;\n'): SourceFile {
  return { path, text: OPENING + code };
}

function lines(count: number, of: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => of(n)).join('\n');
}

function importing(path: string, specifier: string): SourceFile {
  return file(path, `import { one } from '${specifier}';\nexport const two = one;\n`);
}

const rooms: readonly Planted[] = [
  { rule: 'room', what: 'a room nobody knows', files: [file('src/attic/attic.ts')], at: ['src/attic/attic.ts:1'] },
  { rule: 'room', what: 'a loose file in src', files: [file('src/main.ts')], at: ['src/main.ts:1'] },
  {
    rule: 'door',
    what: 'a file of another room, past its door',
    files: [importing('src/broker/broker.ts', '../journal/segment.ts'), file('src/journal/segment.ts')],
    at: ['src/broker/broker.ts:2'],
  },
  {
    rule: 'door',
    what: 'a room within the room, past its door',
    files: [importing('src/core/core.ts', './queue/ready.ts'), file('src/core/queue/ready.ts')],
    at: ['src/core/core.ts:2'],
  },
  {
    rule: 'door',
    what: "an inner room's door, past the outer one's",
    files: [importing('src/broker/broker.ts', '../core/queue/queue.ts'), file('src/core/queue/queue.ts')],
    at: ['src/broker/broker.ts:2'],
  },
  {
    rule: 'door',
    what: "the inside of a language, past that language's door",
    files: [importing('src/servers/kafka/kafka.ts', '../../wire/kafka/varint.ts'), file('src/wire/kafka/varint.ts')],
    at: ['src/servers/kafka/kafka.ts:2'],
  },
  {
    rule: 'door',
    what: 'a worker file of another room',
    files: [file('src/cli/cli.ts', "export const at = new URL('../events/worker.ts', import.meta.url);\n"), file('src/events/worker.ts')],
    at: ['src/cli/cli.ts:2'],
  },
  {
    rule: 'door',
    what: 'a handler from outside',
    files: [
      importing('src/servers/mqtt/mqtt.ts', './handlers/publish.ts'),
      importing('src/cli/cli.ts', '../servers/mqtt/handlers/publish.ts'),
      file('src/servers/mqtt/handlers/publish.ts'),
    ],
    at: ['src/cli/cli.ts:2'],
  },
  {
    rule: 'table',
    what: 'a door that knows the disk',
    files: [importing('src/servers/servers.ts', '../journal/journal.ts'), file('src/journal/journal.ts')],
    at: ['src/servers/servers.ts:2'],
  },
  {
    rule: 'table',
    what: 'a type import is an import too, over several lines',
    files: [
      file('src/core/core.ts', "import type {\n  one,\n} from '../host/host.ts';\nexport type Two = typeof one;\n"),
      file('src/host/host.ts'),
    ],
    at: ['src/core/core.ts:4'],
  },
  {
    rule: 'table',
    what: 'so is one made while running',
    files: [file('src/api/api.ts', "export const two = await import('../broker/broker.ts');\n"), file('src/broker/broker.ts')],
    at: ['src/api/api.ts:2'],
  },
  {
    rule: 'protocols',
    what: 'one codec inside another',
    files: [importing('src/wire/kafka/kafka.ts', '../amqp/amqp.ts'), file('src/wire/amqp/amqp.ts')],
    at: ['src/wire/kafka/kafka.ts:2'],
  },
  {
    rule: 'protocols',
    what: "a door that uses another language's codec",
    files: [importing('src/servers/sqs/sqs.ts', '../../wire/mqtt/mqtt.ts'), file('src/wire/mqtt/mqtt.ts')],
    at: ['src/servers/sqs/sqs.ts:2'],
  },
  {
    rule: 'cycles',
    what: 'two files that know each other',
    files: [importing('src/core/a.ts', './b.ts'), importing('src/core/b.ts', './a.ts')],
    at: ['src/core/a.ts:1'],
  },
  {
    rule: 'cycles',
    what: 'three, by types only',
    files: ['a', 'b', 'c'].map((name, n) =>
      file(`src/log/${name}.ts`, `import type { One } from './${'bca'[n]}.ts';\nexport type Two = One;\n`),
    ),
    at: ['src/log/a.ts:1'],
  },
];

const absences: readonly Planted[] = [
  {
    rule: 'protocol-words',
    what: 'in a name, in a text and in a file name',
    files: [
      file('src/core/core.ts', "export const isKafka = 1;\nexport const text = 'an AMQP channel';\n"),
      file('src/core/mqtt-state.ts'),
    ],
    at: ['src/core/core.ts:2', 'src/core/core.ts:3', 'src/core/mqtt-state.ts:1'],
  },
  ...[
    'Date.now()',
    'performance.now()',
    'Math.random()',
    'new Date()',
    'process.hrtime.bigint()',
    'setTimeout(() => 1, 1)',
    'globalThis.setInterval(() => 1, 1)',
    '[setImmediate]',
    'AbortSignal.timeout(5)',
    'crypto.randomUUID()',
    '`${Date.now()}`',
  ].map((code) => ({
    rule: 'machine',
    what: code,
    files: [file('src/broker/broker.ts', `export const x = ${code};\n`)],
    at: ['src/broker/broker.ts:2'],
  })),
  ...['node:fs', 'node:fs/promises', 'fs', 'node:net', 'node:tls', 'node:timers/promises', 'node:http'].map((module) => ({
    rule: 'machine',
    what: module,
    files: [file('src/journal/journal.ts', `import * as x from '${module}';\nexport const y = x;\n`)],
    at: ['src/journal/journal.ts:2'],
  })),
  {
    rule: 'slow-start',
    what: 'cryptography before anybody wants it',
    files: [file('src/model/verifier.ts', "import { createHash } from 'node:crypto';\nexport const y = createHash;\n")],
    at: ['src/model/verifier.ts:2'],
  },
  {
    rule: 'machine',
    what: 'a socket in a door instead of connection.ts',
    files: [file('src/servers/http/http.ts', "import { createServer } from 'node:net';\nexport const y = createServer;\n")],
    at: ['src/servers/http/http.ts:2'],
  },
  {
    rule: 'vague-names',
    what: 'utils, helpers, common',
    files: [file('src/log/log-utils.ts'), file('src/log/helpers/helpers.ts'), file('src/model/common.ts')],
    at: ['src/log/helpers/helpers.ts:1', 'src/log/log-utils.ts:1', 'src/model/common.ts:1'],
  },
  {
    rule: 'default-export',
    what: 'both spellings',
    files: [file('src/log/log.ts', 'const a = 1;\nexport default a;\n'), file('src/log/b.ts', 'const a = 1;\nexport { a as default };\n')],
    at: ['src/log/b.ts:3', 'src/log/log.ts:3'],
  },
  {
    rule: 'enum',
    what: 'plain and const',
    files: [file('src/log/log.ts', 'export enum A { B }\nexport const enum C { D }\n')],
    at: ['src/log/log.ts:2', 'src/log/log.ts:3'],
  },
  ...['let x: any;', 'type X = Map<string, any>;', 'f(x as any);', 'let x: any[];', 'type X = string | any;', 'f<any>();'].map((code) => ({
    rule: 'any',
    what: code,
    files: [file('src/log/log.ts', `${code}\n`)],
    at: ['src/log/log.ts:2'],
  })),
  {
    rule: 'barrel',
    what: 'export *',
    files: [file('src/log/log.ts', "export * from './a.ts';\n"), file('src/log/a.ts')],
    at: ['src/log/log.ts:2'],
  },
  {
    rule: 'barrel',
    what: 'export * at the package door, and export type * elsewhere',
    files: [
      file('src/signalbox.ts', "export * from './model/a.ts';\n"),
      file('src/model/model.ts', "export type * from './a.ts';\n"),
      file('src/model/a.ts'),
    ],
    at: ['src/model/model.ts:2', 'src/signalbox.ts:2'],
  },
  {
    rule: 'barrel',
    what: 'passing on from a file that is no door',
    files: [file('src/log/b.ts', "export { one } from './a.ts';\n"), file('src/log/a.ts')],
    at: ['src/log/b.ts:2'],
  },
  { rule: 'barrel', what: 'an index', files: [file('src/log/index.ts')], at: ['src/log/index.ts:1'] },
  {
    rule: 'marks',
    what: 'something left to do',
    files: [file('src/log/log.ts', `// ${'TO'}${'DO'}: sync\nexport const a = 1;\n`)],
    at: ['src/log/log.ts:2'],
  },
  {
    rule: 'frame-state',
    what: 'a codec that remembers',
    files: [file('src/wire/kafka/kafka.ts', 'let last = 0;\nexport const next = (): number => ++last;\n')],
    at: ['src/wire/kafka/kafka.ts:2'],
  },
];

const shapes: readonly Planted[] = [
  {
    rule: 'opening',
    what: 'no comment, an empty one, one too late',
    files: [
      { path: 'src/log/a.ts', text: 'export const a = 1;\n' },
      { path: 'src/log/b.ts', text: '/** */\nexport const a = 1;\n' },
      { path: 'src/log/c.ts', text: "import './b.ts';\n/** Late. */\nexport const a = 1;\n" },
    ],
    at: ['src/log/a.ts:1', 'src/log/b.ts:1', 'src/log/c.ts:1'],
  },
  {
    rule: 'file-size',
    what: '331 lines without a reason',
    files: [
      file(
        'src/log/log.ts',
        lines(330, (n) => `export const a${n} = 1;`),
      ),
    ],
    at: ['src/log/log.ts:1'],
  },
  {
    rule: 'file-size',
    what: 'too many long files, reasons or not',
    files: ['a', 'b', 'c'].map((name) => ({
      path: `src/log/${name}.ts`,
      text: `/** A table, long because it is data. */\n${lines(400, (n) => `export const a${n} = 1;`)}\n`,
    })),
    at: ['src/log/a.ts:1'],
  },
  ...[
    'export function long(a: { b: number }, c = (1 + 2)): Promise<{ d: number }> {',
    'export const long = (): void => {',
    'export class A {\n  async #long<T>(this: A, a: T): Promise<readonly T[]> {',
    'export class A {\n  get long(): { a: number } | undefined {',
    'export class A {\n  constructor() {',
  ].map((head) => ({
    rule: 'function-size',
    what: head,
    files: [file('src/log/log.ts', `${head}\n${lines(69, (n) => `  f(${n});`)}\n}${head.includes('class') ? '\n}' : ''}\n`)],
    at: [`src/log/log.ts:${head.includes('class') ? 3 : 2}`],
  })),
  ...[
    "disk.open('x', { create: true })",
    "host.disk.rename('a', 'b')",
    "this.#disk.remove('a')",
    "d.makeDirectory('a')",
    "d.syncDirectory('a')",
  ].map((code) => ({
    rule: 'disk-writers',
    what: code,
    files: [file('src/broker/broker.ts', `await ${code};\n`)],
    at: ['src/broker/broker.ts:2'],
  })),
  {
    rule: 'disk-writers',
    what: 'an open file in the wrong hands',
    files: [
      file('src/broker/broker.ts', "import type { Disk, File } from '../host/disk.ts';\nexport type A = Disk | File;\n"),
      file('src/host/disk.ts'),
    ],
    at: ['src/broker/broker.ts:2'],
  },
  ...['state.next = 1', 'this.#state.queues.delete(name)', 'state.count += 1', 'state.queues[0].ready++', 'view.state.a ??= 1'].map(
    (code) => ({
      rule: 'state-writers',
      what: code,
      files: [file('src/broker/loop.ts', `${code};\n`)],
      at: ['src/broker/loop.ts:2'],
    }),
  ),
];

export const PLANTED: readonly Planted[] = [...rooms, ...absences, ...shapes];

/** Nothing here breaks a rule, though it looks like it. */
export const INNOCENT: readonly { readonly what: string; readonly files: readonly SourceFile[] }[] = [
  {
    what: 'words in comments and strings',
    files: [
      file(
        'src/broker/broker.ts',
        [
          '// Date.now() and setTimeout, enum A { and export default in a comment',
          "/* import { x } from '../wire/kafka/kafka.ts'; */",
          'export const a = "Math.random() any";',
          "export const b = 'it''s'.length;".replace("''", "\\'"),
          'export const c = `let x: any; ${[1].map((n) => `${n} new Date()`)} setTimeout`;',
          'export const d = /[/"] Date.now() \'/.test(a) ? 4 / 2 / 1 : 0;',
          'export const e = new Date(0);',
        ].join('\n'),
      ),
      file('src/core/core.ts', '/** As Kafka does it [KIP-98]. */\nexport const redistributed = 1;\n'),
    ],
  },
  {
    what: 'methods, properties and variables that bear the name of something forbidden',
    files: [
      file(
        'src/servers/http/http.ts',
        'export function f(any: boolean, socket: { setTimeout(ms: number): void }): { any: number } {\n  socket.setTimeout(5);\n  return any ? { any: 1 } : { any: 2 };\n}\n',
      ),
      file('src/broker/broker.ts', "export const a = state.queues.get('x') === 1 && state.a == 2 ? disk.open : (state) => state.b;\n"),
    ],
  },
  {
    what: 'the machine in its places',
    files: [
      file(
        'src/host/node-clock.ts',
        "import fs from 'node:fs';\nexport const a = Date.now() + fs.statSync('.').size;\nsetTimeout(f, 1);\n",
      ),
      file('src/servers/connection.ts', "import { connect } from 'node:net';\nexport const a = connect;\nsetTimeout(f, 1);\n"),
      file('src/cli/main.ts', "import { readFileSync } from 'node:fs';\nexport const a = readFileSync;\nsetTimeout(f, 1);\n"),
      file(
        'src/servers/http/socket.ts',
        "import type { Socket } from 'node:net';\nexport type A = Socket | import('node:tls').TLSSocket;\n",
      ),
      file('src/servers/http/http.ts', "import { createServer } from 'node:http';\nexport const a = createServer;\n"),
      file('src/engines/sqs/call.ts', "import type { Hash } from 'node:crypto';\nexport type A = Hash;\n"),
    ],
  },
  {
    what: 'doors, open rooms, neighbours, inner rooms and the package door',
    files: [
      file('src/signalbox.ts', "export { one } from './api/api.ts';\nexport type * from './model/record.ts';\n"),
      file('src/api/api.ts', "export { one } from './queue.ts';\n"),
      importing('src/api/queue.ts', '../model/record.ts'),
      file('src/model/record.ts'),
      importing('src/core/core.ts', './queue/queue.ts'),
      importing('src/core/queue/queue.ts', '../state.ts'),
      file('src/core/state.ts'),
      importing('src/testing/testing.ts', '../host/simulated/sim-disk.ts'),
      importing('src/host/simulated/sim-disk.ts', '../disk.ts'),
      file('src/host/disk.ts'),
      importing('src/cli/main.ts', '../signalbox.ts'),
    ],
  },
  {
    what: 'a language that carries others, and an engine that speaks one',
    files: [
      importing('src/servers/sqs/sqs.ts', '../../wire/http/http.ts'),
      file('src/wire/http/http.ts'),
      importing('src/engines/rabbitmq/rabbitmq.ts', '../../wire/amqp/amqp.ts'),
      file('src/wire/amqp/amqp.ts'),
    ],
  },
  {
    what: 'long with a reason, and just short enough',
    files: [
      { path: 'src/log/a.ts', text: `/** A table, long because it is data. */\n${lines(400, (n) => `export const a${n} = 1;`)}\n` },
      file(
        'src/log/log.ts',
        lines(329, (n) => `export const a${n} = 1;`),
      ),
      file('src/log/b.ts', `export function a(): void {\n${lines(68, (n) => `  f(${n});`)}\n}\n`),
      file(
        'src/log/c.ts',
        `/** One switch, long because each kind has its line. */\nexport function a(): void {\n${lines(90, (n) => `  f(${n});`)}\n}\n`,
      ),
    ],
  },
  {
    what: 'a worker and the file that starts it',
    files: [
      file('src/events/events.ts', "export const at = new URL('./worker.ts', import.meta.url);\n"),
      importing('src/events/worker.ts', './events.ts'),
    ],
  },
];
