/** `signalbox publish`: lines of stdin or a file, or single messages, to an address, a topic or a queue. */

import { Client, CONNECTION, type Query, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { Failure } from './exits.ts';
import { PROPERTIES, READING } from './message-options.ts';
import { flag, type Options, text, texts, type Values } from './options.ts';
import { declareIfMissing, publishLines, publishTexts } from './publishing.ts';

const OPTIONS = {
  topic: text('NAME', 'To this topic, which must be there, instead of an address.'),
  queue: text('NAME', 'Straight into this queue, instead of to an address.'),
  declare: flag('Declare the topic or queue first, as it is by default, if it is not there.'),
  message: texts('TEXT', 'A message said right here, instead of lines.', { short: 'm' }),
  ...READING,
  ...PROPERTIES,
  retain: flag('Keep the last message as the address’s retained value.'),
  mandatory: flag('Refuse when no queue and no topic takes it.'),
  transient: flag('Confirm without waiting for the disk: faster, and lost in a crash.'),
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'publish',
  about: 'Publish lines, or a message, to an address, a topic or a queue',
  more:
    'Reads FILE, or stdin, to its end, and publishes each line as one message; blank lines are passed over. It reads no faster than the ' +
    'broker confirms, and ends when all of it is safe. When something goes wrong it says up to which line it is.',
  words: [
    { name: 'ADDRESS', about: 'Where to, such as orders.created; left out with --topic and --queue.', optional: true },
    { name: 'FILE', about: 'A file of lines; - or nothing is stdin.', optional: true, of: 'file' },
  ],
  options: OPTIONS,
  examples: [
    {
      about: 'A file of JSON lines into a topic that keeps them, in order for each customer',
      line: 'signalbox publish --topic orders --declare --key customer.id orders.ndjson',
    },
    { about: 'One event to whoever listens now', line: `signalbox publish orders.created -m '{"id":1}'` },
    { about: 'A log file as it grows', line: 'tail -f app.log | signalbox publish logs.app --format text' },
  ],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words, options, terminal }) => {
    const { topic, queue, declare, message, format = 'auto', key, skip = 0 } = options;
    const { kind, name, rest } = target(words, topic, queue);
    if (rest.length > 1)
      throw new Failure('usage', `${JSON.stringify(rest[1])} is a word too many: give one FILE, or pipe several through cat.`);
    if (message.length > 0 && rest.length > 0) throw new Failure('usage', 'Give a FILE or --message, not both.');
    const client = Client.find(options);
    const plural = kind === 'topic' ? 'topics' : 'queues';
    if (declare) {
      if (kind === 'address') throw new Failure('usage', '--declare goes with --topic or --queue: addresses need no declaration.');
      await declareIfMissing(client, `/v1/${plural}/${segment(name)}`);
    }
    const path = { address: '/v1/publish/', topic: '/v1/topics/', queue: '/v1/queues/' }[kind];
    const under = { address: '', topic: '/records', queue: '/messages' }[kind];
    const wish = {
      client,
      path: `${path}${segment(name)}${under}`,
      query: queryOf(kind, options),
      to: kind === 'address' ? name : `${kind} ${name}`,
    };
    try {
      if (message.length > 0) return await publishTexts({ ...wish, texts: message }, terminal);
      return await publishLines({ ...wish, input: rest[0] ?? '-', format, key, skip }, terminal);
    } finally {
      client.close();
    }
  },
});

type Kind = 'address' | 'topic' | 'queue';

function target(
  words: readonly string[],
  topic: string | undefined,
  queue: string | undefined,
): { kind: Kind; name: string; rest: readonly string[] } {
  if (topic !== undefined && queue !== undefined) throw new Failure('usage', 'Give --topic or --queue, not both.');
  if (topic !== undefined) return { kind: 'topic', name: topic, rest: words };
  if (queue !== undefined) return { kind: 'queue', name: queue, rest: words };
  const [address, ...rest] = words;
  if (address === undefined)
    throw new Failure('usage', 'Say where to publish: an ADDRESS, --topic NAME or --queue NAME. Try "signalbox help publish".');
  return { kind: 'address', name: address, rest };
}

/** Only what the route knows: it refuses the rest by name. */
function queryOf(kind: Kind, options: Values<typeof OPTIONS>): Query {
  const { header, delay, ttl, priority, retain, mandatory, transient } = options;
  if (kind === 'queue' && (retain || mandatory))
    throw new Failure('usage', '--retain and --mandatory are for addresses and topics, not for a queue.');
  return {
    header,
    delay,
    ttl,
    priority,
    retain: retain || undefined,
    mandatory: mandatory || undefined,
    transient: transient || undefined,
  };
}
