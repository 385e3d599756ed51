/** `signalbox peek`: looks into a queue without taking anything. */

import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { EXIT } from './exits.ts';
import { linesOf, messagesOf, propertiesOf, visibleBody } from './messages.ts';
import { integer, type Options } from './options.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

const COUNT_DEFAULT = 10;
/** Most the door gives at once. */
const BATCH_MAX = 1000;

const OPTIONS = {
  count: integer('N', `How many at most; default ${COUNT_DEFAULT}.`, { min: 1, max: Number.MAX_SAFE_INTEGER }),
  from: integer('NUMBER', 'The first message number to look at; default the oldest.', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'peek',
  about: 'Look at messages of a queue without taking them',
  more: 'Ready, delayed and in flight, oldest first, with their number, state and how often each was delivered.',
  words: [{ name: 'QUEUE', about: 'The queue.' }],
  options: OPTIONS,
  examples: [{ about: 'The three oldest', line: 'signalbox peek jobs --count 3' }],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words: [queue = ''], options, terminal }) => {
    const client = Client.find(options);
    let left = options.count ?? COUNT_DEFAULT;
    let from = options.from;
    let seen = 0;
    try {
      while (left > 0) {
        const max = Math.min(BATCH_MAX, left);
        const messages = messagesOf(await client.bytes('GET', `/v1/queues/${segment(queue)}/messages`, { query: { from, max } }));
        if (messages.length > 0) await show(messages, terminal);
        left -= messages.length;
        seen += messages.length;
        if (messages.length < max) break;
        from = (propertiesOf(messages.at(-1) as Uint8Array).number ?? 0) + 1;
      }
    } finally {
      client.close();
    }
    if (seen === 0) terminal.note(`Queue ${queue} is empty.`);
    return EXIT.done;
  },
});

async function show(messages: readonly Uint8Array[], terminal: Terminal): Promise<void> {
  if (terminal.json) return terminal.print(linesOf(messages, terminal));
  const rows = messages.map((message) => {
    const { number, state = '', attempts } = propertiesOf(message);
    return [String(number), state, String(attempts), visibleBody(message)];
  });
  const columns = [{ title: 'NUMBER', right: true }, { title: 'STATE' }, { title: 'DELIVERED', right: true }, { title: 'BODY' }];
  const text = table(columns, rows, terminal);
  const fitting = terminal.isWatched
    ? text
        .split('\n')
        .map((line) => fit(line, terminal.columns))
        .join('\n')
    : text;
  await terminal.line(fitting);
}

/** On a terminal a message has one line; elsewhere all of it. */
function fit(line: string, width: number): string {
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
