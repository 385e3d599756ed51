/** `signalbox purge`: throws the ready messages of a queue away. */

import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { confirmed } from './confirming.ts';
import { EXIT } from './exits.ts';
import { flag, type Options } from './options.ts';
import { counted } from './terminal.ts';

const OPTIONS = {
  yes: flag('Do not ask. On a terminal it asks otherwise.', { short: 'y' }),
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'purge',
  about: 'Throw away all ready messages of a queue',
  more: 'Those that wait for their time, and those in flight, stay.',
  words: [{ name: 'QUEUE', about: 'The queue.' }],
  options: OPTIONS,
  examples: [{ about: 'Without being asked', line: 'signalbox purge jobs --yes' }],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words: [queue = ''], options, terminal }) => {
    const client = Client.find(options);
    try {
      const path = `/v1/queues/${segment(queue)}`;
      if (!options.yes && terminal.isAttended) {
        const { state } = await client.ask<{ state: { ready: number } }>('GET', path);
        if (!(await confirmed(`Throw away ${counted(state.ready, 'message')} of queue ${queue}?`))) return EXIT.failed;
      }
      const { purged } = await client.ask<{ purged: number }>('DELETE', `${path}/messages`);
      if (terminal.json) await terminal.value({ purged });
      else await terminal.line(`Threw away ${counted(purged, 'message')} of queue ${queue}.`);
      return EXIT.done;
    } finally {
      client.close();
    }
  },
});
