/** `npm run bench -- NAME [--json] [--seconds N]`: durable, memory, scale, backlog, start, amqp, kafka, connections, waiting, events. Without a name: what there is. */

import { parseArgs } from 'node:util';

/** Figures of one benchmark: name → number, each with its unit in its name. */
export type Figures = Readonly<Record<string, number | string>>;

export interface BenchOptions {
  /** Length of each measured stretch. */
  readonly seconds: number;
  readonly args: readonly string[];
}

type Bench = (options: BenchOptions) => Promise<Figures>;
type Table = (figures: Figures) => string;

interface Known {
  readonly says: string;
  readonly load: () => Promise<Bench>;
  /** How its figures look best. Default: one a line. */
  readonly table?: () => Promise<Table>;
}

const BENCHES: Readonly<Record<string, Known>> = {
  durable: {
    says: 'publish → sync → deliver → ack, beside Redis streams with appendfsync always',
    load: async () => (await import('./durable.ts')).durable,
  },
  memory: { says: 'publish → deliver → ack in memory, one core', load: async () => (await import('./memory.ts')).memory },
  scale: {
    says: 'cost of a publish by number of queues, bindings and waiting messages',
    load: async () => (await import('./scale.ts')).scale,
  },
  backlog: {
    says: '10 million messages waiting: memory, recovery, start after a clean stop',
    load: async () => (await import('./backlog.ts')).backlog,
  },
  start: {
    says: 'from exec to serving, beside node -e 0 (--http-only: one door); build first',
    load: async () => (await import('./start.ts')).start,
  },
  amqp: {
    says: 'the AMQP door beside RabbitMQ, driven by the same raw frames: server CPU per message (--quick: one round)',
    load: async () => (await import('./amqp.ts')).amqp,
  },
  kafka: {
    says: 'the Kafka door beside a real Apache Kafka (--quick: one round; --rows TEXT: only those); build first',
    load: async () => (await import('./kafka.ts')).kafka,
    table: async () => (await import('./kafka.ts')).kafkaTable,
  },
  connections: {
    says: '10,000 connections at each door, 65,535 channels on one: memory and time for each (--quick: fewer)',
    load: async () => (await import('./connections.ts')).connections,
  },
  waiting: {
    says: 'a million messages waiting, published over AMQP: memory here and in RabbitMQ (--quick: a tenth of them)',
    load: async () => (await import('./waiting.ts')).waiting,
  },
  events: {
    says: 'the event queue of many threads beside C++, postMessage and piscina, the event bus beside EventEmitter (--cpp DIR)',
    load: async () => (await import('./events.ts')).events,
    table: async () => (await import('./events.ts')).tableOf,
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { json: { type: 'boolean' }, seconds: { type: 'string' } },
});
const name = positionals[0] ?? '';
const chosen = BENCHES[name];
if (chosen === undefined) {
  console.log(
    Object.entries(BENCHES)
      .map(([known, { says }]) => `${known.padEnd(13)}${says}`)
      .join('\n'),
  );
  process.exitCode = name === '' ? 0 : 2;
} else {
  const bench = await chosen.load();
  const figures = await bench({ seconds: Number(values.seconds ?? 3), args: process.argv.slice(3) });
  if (values.json === true) console.log(JSON.stringify({ bench: name, ...figures }));
  else if (chosen.table !== undefined) console.log((await chosen.table())(figures));
  else
    for (const [what, figure] of Object.entries(figures))
      console.log(`${what.padEnd(44)}${typeof figure === 'number' ? format(figure) : figure}`);
}

function format(figure: number): string {
  return Math.abs(figure) >= 100 ? Math.round(figure).toLocaleString('en') : figure.toPrecision(3);
}
