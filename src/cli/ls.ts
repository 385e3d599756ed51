/** `signalbox ls`: what is declared, and how it is doing. */

import { Client, CONNECTION } from './client.ts';
import { type Command, command as define } from './command.ts';
import { EXIT } from './exits.ts';
import { type Described, KINDS, type Kind, listAll } from './listing.ts';
import { type Options, text } from './options.ts';
import { type Column, table } from './table.ts';
import { grouped, sized, type Terminal } from './terminal.ts';

const OPTIONS = {
  prefix: text('TEXT', 'Only names that begin so.'),
  ...CONNECTION,
} satisfies Options;

/** Shown without being asked for. The built-in exchanges are always there; users are an administrator's business. */
const USUAL: readonly Kind[] = ['topic', 'queue', 'group'];

export const command: Command = define({
  name: 'ls',
  about: 'List what is declared, and how it is doing',
  words: [{ name: 'KIND', about: 'Only these; else topics, queues and groups.', optional: true, choices: Object.values(KINDS) }],
  options: OPTIONS,
  examples: [
    { about: 'Topics, queues and groups', line: 'signalbox ls' },
    { about: 'The names of all queues that wait for work', line: `signalbox ls queues --json | jq -r 'select(.state.ready > 0).name'` },
  ],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words: [word], options, terminal }) => {
    const { prefix = '' } = options;
    const client = Client.find(options);
    try {
      const kinds = word === undefined ? USUAL : (Object.keys(KINDS) as Kind[]).filter((kind) => KINDS[kind] === word);
      const lists = await Promise.all(
        kinds.map(async (kind) => ({ kind, items: (await listAll(client, kind)).filter(({ name }) => name.startsWith(prefix)) })),
      );
      const filled = lists.filter(({ items }) => items.length > 0);
      for (const [i, { kind, items }] of filled.entries()) {
        if (terminal.json) for (const item of items) await terminal.value(item);
        else await terminal.print(`${i === 0 ? '' : '\n'}${shown(kind, items, terminal)}\n`);
      }
      if (filled.length === 0)
        terminal.note(`There are no ${word ?? 'topics, queues or groups'}${prefix === '' ? '' : ' of that prefix'} yet.`);
      return EXIT.done;
    } finally {
      client.close();
    }
  },
});

interface Row {
  readonly columns: readonly Column[];
  cells(of: Described): readonly string[];
}

const number = (title: string): Column => ({ title, right: true });

interface Partition {
  readonly start: number;
  readonly end: number;
}

const ROWS: Readonly<Record<Kind, Row>> = {
  topic: {
    columns: [{ title: 'TOPIC' }, number('PARTITIONS'), number('RECORDS'), number('SIZE')],
    cells: ({ name, state }) => {
      const partitions = state.partitions as readonly Partition[];
      const records = partitions.reduce((sum, { start, end }) => sum + end - start, 0);
      return [name, grouped(partitions.length), grouped(records), sized(Number(state.sizeBytes))];
    },
  },
  queue: {
    columns: [{ title: 'QUEUE' }, number('READY'), number('DELAYED'), number('IN FLIGHT'), number('CONSUMERS'), number('SIZE')],
    cells: ({ name, state: { ready, delayed, inFlight, consumers, sizeBytes } }) => [
      name,
      ...[ready, delayed, inFlight, consumers].map((count) => grouped(Number(count))),
      sized(Number(sizeBytes)),
    ],
  },
  exchange: {
    columns: [{ title: 'EXCHANGE' }, { title: 'TYPE' }, number('BINDINGS')],
    cells: ({ name, type, state }) => [
      name === '' ? '(default)' : name,
      String(type),
      grouped((state.bindings as readonly unknown[]).length),
    ],
  },
  group: {
    columns: [{ title: 'GROUP' }, number('MEMBERS'), number('LAG'), { title: 'TOPICS' }],
    cells: ({ name, state }) => {
      const cursors = state.cursors as readonly { topic: string; lag: number }[];
      const lag = cursors.reduce((sum, cursor) => sum + cursor.lag, 0);
      return [name, grouped(Number(state.members)), grouped(lag), [...new Set(cursors.map(({ topic }) => topic))].join(', ')];
    },
  },
  user: {
    columns: [{ title: 'USER' }, { title: 'ADMIN' }, { title: 'CONFIGURE' }, { title: 'WRITE' }, { title: 'READ' }],
    cells: ({ name, admin, configure, write, read }) => [
      name,
      admin === true ? 'yes' : 'no',
      ...[configure, write, read].map((names) => (Array.isArray(names) && names.length > 0 ? names.join(' ') : '-')),
    ],
  },
};

/** Things of one kind as a table; also for `user ls`. */
export function shown(kind: Kind, items: readonly Described[], terminal: Pick<Terminal, 'style'>): string {
  const { columns, cells } = ROWS[kind];
  return table(columns, items.map(cells), terminal);
}
