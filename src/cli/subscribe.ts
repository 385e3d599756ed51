/** `signalbox subscribe`: watches addresses, follows a topic from where you like, or shares one with the other members of a group. */

import { offset } from '../model/lines.ts';
import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { eventsOf, type ServerEvent } from './event-stream.ts';
import { EXIT, Failure, refusedAs } from './exits.ts';
import { Printer, persist } from './following.ts';
import { duration, flag, integer, type Option, type Options, readDuration, text, texts, type Values } from './options.ts';
import { counted, type Terminal } from './terminal.ts';

const PARTITION_MAX = 0x7fff_ffff;

const OPTIONS = {
  topic: text('NAME', 'Follow this topic, instead of what comes to an address. Implied by --from, --group and --partition.'),
  from: text(
    'PLACE',
    'Where to begin in the topic: earliest, latest (default), a time (2026-11-21T12:00:00Z, or 10m for ten minutes ago), or offsets by ' +
      'partition (0:15,1:20).',
  ),
  group: text(
    'NAME',
    'As a member of this group: its members share the topic, and it goes on where it was. --from then holds for a new group.',
  ),
  partition: integers('N', 'Only this partition of the topic.'),
  filter: text('EXPRESSION', "JMESPath over the message: body.amount > `100`, address == 'orders.created'."),
  count: integer('N', 'End after so many messages.', { min: 1, max: Number.MAX_SAFE_INTEGER }),
  timeout: duration('TIME', 'Give up after this long.'),
  retry: duration('TIME', 'When the broker goes away, wait this long for it to come back, and go on. A topic misses nothing meanwhile.'),
  retained: flag('Begin with the retained values of the addresses.'),
  ...CONNECTION,
} satisfies Options;

function integers(value: string, about: string): Option<readonly number[]> {
  const one = integer(value, about, { min: 0, max: PARTITION_MAX });
  return { ...texts(value, about), read: (given, name) => given.map((each) => one.read([each], name) ?? 0) };
}

export const command: Command = define({
  name: 'subscribe',
  about: 'Watch what comes to addresses, or follow a topic',
  more:
    'Prints the body of each message on a line, byte for byte; on a terminal with time and address before it; with --json the whole ' +
    'message. An address keeps nothing: only what is published from now on is seen. A topic keeps its records: --from reads them.',
  words: [{ name: 'NAME', about: 'A pattern of addresses (* is one word, # any number), or a topic.', optional: true }],
  options: OPTIONS,
  examples: [
    { about: 'Everything that is published about orders', line: "signalbox subscribe 'orders.#'" },
    { about: 'A topic from its beginning, and on', line: 'signalbox subscribe orders --from earliest' },
    {
      about: 'The first large order, as JSON',
      line: "signalbox subscribe orders --from earliest --filter 'body.amount > `100`' --count 1 --json",
    },
    {
      about: 'As one of several workers, surviving restarts of the broker',
      line: 'signalbox subscribe orders --group billing --retry 10m',
    },
  ],
  exits: ['unreachable', 'refused', 'forbidden', 'nothing'],
  run: async ({ words: [name], options, terminal }) => {
    const topic = topicOf(name, options);
    const { count, timeout, retry = 0, filter } = options;
    const limit = new Limit(timeout, count);
    const printer = new Printer(terminal, count, topic === undefined ? undefined : filter);
    try {
      const session = await sessionOf(name ?? '', topic, options, printer, terminal, limit.signal);
      await persist(retry, terminal, session, limit.signal);
      if (limit.isOver && !printer.isDone) throw limit.failure(printer.left);
      return EXIT.done;
    } catch (error) {
      throw limit.isOver ? limit.failure(printer.left) : error;
    } finally {
      limit.end();
    }
  },
});

type Given = Values<typeof OPTIONS>;
type Session = (alive: () => void) => Promise<void>;

function topicOf(name: string | undefined, { topic, from, group, partition, retained }: Given): string | undefined {
  if (topic !== undefined && name !== undefined && topic !== name)
    throw new Failure('usage', 'Give a pattern of addresses or --topic, not both.');
  const isTopic = topic !== undefined || from !== undefined || group !== undefined || partition.length > 0;
  if ((topic ?? name) === undefined)
    throw new Failure('usage', 'Say what to watch: a pattern of addresses, or --topic NAME. Try "signalbox help subscribe".');
  if (isTopic && retained)
    throw new Failure('usage', '--retained is for addresses; a topic is read from its beginning by --from earliest.');
  if (group !== undefined && partition.length > 0)
    throw new Failure('usage', 'The members of a group are given their partitions; --partition goes without --group.');
  return isTopic ? (topic ?? name) : undefined;
}

async function sessionOf(
  pattern: string,
  topic: string | undefined,
  options: Given,
  printer: Printer,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Session> {
  const { group, from, filter, retained, partition, retry } = options;
  if (topic !== undefined && group !== undefined) {
    if (from !== undefined && from !== 'earliest' && from !== 'latest')
      throw new Failure('usage', 'With --group, --from is earliest or latest: where a new group begins.');
    const { memberSession } = await import('./membership.ts');
    return (alive) => memberSession({ client: Client.find(options), topic, group, from }, printer, terminal, alive, signal);
  }
  if (topic === undefined) {
    const path = `/v1/subscribe/${segment(pattern)}`;
    return (alive) => {
      const client = Client.find(options);
      return readStream(
        { client, path, query: { filter, retained: retained || undefined } },
        printer,
        terminal,
        alive,
        () => undefined,
        signal,
      );
    };
  }
  const path = `/v1/topics/${segment(topic)}`;
  let place = from === undefined ? 'latest' : placeOf(from);
  return async (alive) => {
    const client = Client.find(options);
    // Of a broker that comes back, "latest" would be a later place: it is made into offsets before anything can be missed.
    if (place === 'latest' && retry !== undefined) place = await latestOf(client, path, partition);
    const query = { from: place, partition };
    await readStream({ client, path: `${path}/stream`, query }, printer, terminal, alive, (id) => (place = id), signal);
  };
}

/** Ten minutes ago is a time like any other. */
function placeOf(from: string): string {
  return /^[\d.]+(ms|s|m|h|d)$/.test(from) ? String(Date.now() - readDuration(from, '--from')) : from;
}

async function latestOf(client: Client, path: string, partitions: readonly number[]): Promise<string> {
  const { state } = await client.ask<{ state: { partitions: { partition: number; end: number }[] } }>('GET', path);
  const wanted = state.partitions.filter(({ partition }) => partitions.length === 0 || partitions.includes(partition));
  return wanted.map(({ partition, end }) => `${partition}:${offset(end)}`).join(',');
}

interface Stream {
  readonly client: Client;
  readonly path: string;
  readonly query: Readonly<Record<string, string | boolean | readonly number[] | undefined>>;
}

/** Until the printer is done. Throws what ended the stream before. `reached` hears where the stream would go on. */
async function readStream(
  { client, path, query }: Stream,
  printer: Printer,
  terminal: Terminal,
  alive: () => void,
  reached: (id: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const reply = await client.open('GET', path, { query, headers: { accept: 'text/event-stream' }, signal });
    alive();
    for await (const events of eventsOf(reply)) {
      const messages = events.filter(({ event }) => event === undefined);
      await printer.take(messages.map(({ data }) => data));
      if (printer.isDone) return;
      for (const event of events) if (event.event !== undefined) heed(event, terminal);
      const id = messages.at(-1)?.id;
      if (id !== undefined) reached(id);
    }
    throw new Failure('unreachable', 'The broker ended the stream.');
  } catch (error) {
    throw client.failureOf(error);
  } finally {
    client.close();
  }
}

/** What comes in a stream beside messages. */
function heed({ event, data }: ServerEvent, terminal: Terminal): void {
  const told = JSON.parse(Buffer.from(data).toString('utf8')) as Record<string, unknown>;
  if (event === 'error') throw refusedAs(String(told.code), String(told.detail));
  if (event === 'end') throw new Failure('unreachable', `The broker ended the stream: ${told.reason}`);
  if (event === 'dropped') terminal.warn(`Too slow: ${counted(Number(told.count), 'message')} had to be left out.`);
  if (event === 'skipped') {
    terminal.warn(
      `Retention removed records before they could be read: partition ${told.partition}, offsets ${told.from} to ${Number(told.to) - 1}.`,
    );
  }
}

/** Ends everything when the time is up. */
class Limit {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #count: number | undefined;

  constructor(ms: number | undefined, count: number | undefined) {
    this.#count = count;
    this.#timer = ms === undefined ? undefined : setTimeout(() => this.#controller.abort(), ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  failure(left: number): Failure {
    if (this.#count === undefined) return new Failure('nothing', 'The time is up.');
    return new Failure('nothing', `The time is up: ${counted(this.#count - left, 'message')} came, of ${this.#count} that were asked for.`);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
