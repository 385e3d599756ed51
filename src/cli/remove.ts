/** `signalbox remove`: takes a topic, a queue, an exchange or a group away, with all that is in it. */

import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { confirmed } from './confirming.ts';
import { EXIT } from './exits.ts';
import { KINDS } from './listing.ts';
import { flag, type Options } from './options.ts';

const REMOVABLE = ['topic', 'queue', 'exchange', 'group'] as const;

const OPTIONS = {
  'if-unused': flag('Refuse while it has consumers or bindings.'),
  'if-empty': flag('Refuse while it holds messages.'),
  yes: flag('Do not ask. On a terminal it asks otherwise.', { short: 'y' }),
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'remove',
  about: 'Remove a topic, a queue, an exchange or a group, with all that is in it',
  words: [
    { name: 'KIND', about: 'What to remove.', choices: REMOVABLE },
    { name: 'NAME', about: 'Its name.' },
  ],
  options: OPTIONS,
  examples: [{ about: 'Only when nothing is lost by it', line: 'signalbox remove queue jobs --if-empty --if-unused' }],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words: [kind = '', name = ''], options, terminal }) => {
    const client = Client.find(options);
    try {
      if (!options.yes && terminal.isAttended && !(await confirmed(`Remove ${kind} ${name}, with all that is in it?`))) return EXIT.failed;
      const of = REMOVABLE.find((one) => one === kind) ?? 'topic';
      const query = { 'if-unused': options['if-unused'] || undefined, 'if-empty': options['if-empty'] || undefined };
      await client.ask('DELETE', `/v1/${KINDS[of]}/${segment(name)}`, { query });
      if (terminal.json) await terminal.value({ removed: { kind, name } });
      else await terminal.line(`Removed ${kind} ${name}.`);
      return EXIT.done;
    } finally {
      client.close();
    }
  },
});
