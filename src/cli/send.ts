/** `signalbox send`: messages into a queue, said on the command line or as lines. */

import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { Failure } from './exits.ts';
import { PROPERTIES, READING } from './message-options.ts';
import { flag, type Options, text } from './options.ts';
import { declareIfMissing, publishLines, publishTexts } from './publishing.ts';

const OPTIONS = {
  file: text('FILE', 'Lines of this file, each a message; - is stdin.', { of: 'file' }),
  declare: flag('Declare the queue first, as it is by default, if it is not there.'),
  ...PROPERTIES,
  group: text('GROUP', 'Queues with groups deliver the messages of one group one at a time.'),
  'dedup-id': text('ID', 'A message whose id the queue has seen within its window is confirmed and not stored again.'),
  ...READING,
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'send',
  about: 'Send messages to a queue',
  more: 'Each BODY is one message. Without any, stdin is read, and each line is one.',
  words: [
    { name: 'QUEUE', about: 'The queue, which must be there.' },
    { name: 'BODY', about: 'The body of a message: JSON, or any text.', optional: true, many: true },
  ],
  options: OPTIONS,
  examples: [
    { about: 'One job, in ten minutes', line: `signalbox send jobs '{"mail":"ada"}' --delay 10m` },
    { about: 'A job for each line', line: 'signalbox send jobs --declare < jobs.ndjson' },
  ],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words: [queue = '', ...bodies], options, terminal }) => {
    const { file, declare, header, delay, ttl, priority, group, format = 'auto', key, skip = 0 } = options;
    if (bodies.length > 0 && file !== undefined) throw new Failure('usage', 'Give a BODY or --file, not both.');
    const client = Client.find(options);
    const path = `/v1/queues/${segment(queue)}`;
    if (declare) await declareIfMissing(client, path);
    const query = { header, delay, ttl, priority, group, 'dedup-id': options['dedup-id'] };
    const wish = { client, path: `${path}/messages`, query, to: `queue ${queue}` };
    try {
      if (bodies.length > 0) return await publishTexts({ ...wish, texts: bodies }, terminal);
      return await publishLines({ ...wish, input: file ?? '-', format, key, skip }, terminal);
    } finally {
      client.close();
    }
  },
});
