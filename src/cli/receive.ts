/** `signalbox receive`: takes messages from a queue, prints them, and then says what becomes of them. */

import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { EXIT, Failure } from './exits.ts';
import { linesOf, messagesOf, propertiesOf } from './messages.ts';
import { choice, duration, flag, integer, type Options } from './options.ts';
import type { Terminal } from './terminal.ts';

/** Most the door gives at once, and the longest it waits. */
const BATCH_MAX = 1000;
const WAIT_MS_MAX = 30_000;

const OUTCOMES = ['ack', 'keep', 'nack', 'requeue', 'reject'] as const;

const OPTIONS = {
  count: integer('N', 'How many; default 1. Fewer when the queue has no more.', { min: 1, max: Number.MAX_SAFE_INTEGER }),
  wait: duration('TIME', 'How long to wait for the next one when there is none. Default: not at all.'),
  follow: flag('Go on until interrupted, or until --count.', { short: 'f' }),
  lease: duration('TIME', 'How long they stay away from others when they are not acknowledged. Default: the queue’s, else 30s.'),
  settle: choice(
    'WHAT',
    'What becomes of them once they are printed: ack (default) done; keep: nothing, so they come back when the lease ends; nack: failed, as ' +
      'the retry policy has it; requeue: back in their place; reject: dead-lettered.',
    OUTCOMES,
  ),
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'receive',
  about: 'Take messages from a queue',
  more: 'Prints the body of each on a line, byte for byte; with --json the whole message, with the receipt that settles it over HTTP.',
  words: [{ name: 'QUEUE', about: 'The queue.' }],
  options: OPTIONS,
  examples: [
    { about: 'The next job, if there is one within ten seconds', line: 'signalbox receive jobs --wait 10s' },
    { about: 'All that come, one line each, into another program', line: 'signalbox receive jobs --follow | ./work' },
  ],
  exits: ['unreachable', 'refused', 'forbidden', 'nothing'],
  run: async ({ words: [queue = ''], options, terminal }) => {
    const { follow, wait = 0, lease, settle = 'ack' } = options;
    const count = options.count ?? (follow ? Number.POSITIVE_INFINITY : 1);
    const client = Client.find(options);
    const taking = { client, path: `/v1/queues/${segment(queue)}`, lease, settle };
    try {
      let taken = 0;
      while (taken < count) {
        const got = await take(taking, Math.min(BATCH_MAX, count - taken), follow ? WAIT_MS_MAX : wait, terminal);
        taken += got;
        if (got === 0 && !follow) break;
      }
      if (taken === 0) throw new Failure('nothing', `Queue ${queue} had nothing to deliver.`);
      return EXIT.done;
    } finally {
      client.close();
    }
  },
});

interface Taking {
  readonly client: Client;
  readonly path: string;
  readonly lease: number | undefined;
  readonly settle: (typeof OUTCOMES)[number];
}

/** How many came, in at most `waitMs`. */
async function take({ client, path, lease, settle }: Taking, max: number, waitMs: number, terminal: Terminal): Promise<number> {
  const endMs = performance.now() + waitMs;
  let messages: Uint8Array[] = [];
  do {
    const wait = Math.max(0, Math.min(WAIT_MS_MAX, Math.round(endMs - performance.now())));
    messages = messagesOf(await client.bytes('POST', `${path}/receive`, { query: { max, wait, lease } }));
  } while (messages.length === 0 && performance.now() < endMs);
  if (messages.length === 0) return 0;
  // Printed first: were they settled first, a reader that broke off would have lost them.
  await terminal.print(linesOf(messages, terminal));
  if (settle !== 'keep')
    await client.ask('POST', `${path}/${settle}`, { body: { receipts: messages.map((message) => propertiesOf(message).receipt) } });
  return messages.length;
}
