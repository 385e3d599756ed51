/** What a seed's broker looks like: its sizes, its queues, topics, groups and schemas, drawn so that every feature meets every other. */

import type { BrokerOptions } from '../../src/broker/broker.ts';
import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import type { Binding, Declaration, ExchangeSpec, QueueSpec, TopicSpec } from '../../src/model/declaration.ts';
import { type DrawnExchange, FITTING_MAX } from './matcher.ts';
import { drawExchanges } from './plan-routing.ts';

export interface Plan {
  readonly options: BrokerOptions;
  readonly queues: ReadonlyMap<string, QueueSpec>;
  readonly topics: ReadonlyMap<string, TopicSpec>;
  /** Queue → queue its dead letters go to. */
  readonly deadLetters: ReadonlyMap<string, string>;
  /** In the order in which they are made. */
  readonly declarations: readonly Declaration[];
  readonly bindings: readonly Binding[];
  readonly exchanges: ReadonlyMap<string, DrawnExchange>;
  /** The one queue, topic or exchange with a schema, and what becomes of what does not fit: refused, or sent to that queue. */
  readonly schema: { readonly place: string; readonly onFault: 'refuse' | 'faulty' } | undefined;
  /** What is removed and declared anew while others work: a queue `c0`, a topic `ct`. They are in no other list. */
  readonly churned: readonly (QueueSpec | TopicSpec)[];
  readonly groups: readonly GroupPlan[];
  readonly publishers: number;
  /** There are transactions that are open in the log. */
  readonly opens: boolean;
}

/** Members that come and go. */
export interface GroupPlan {
  readonly name: string;
  readonly topics: readonly string[];
  readonly from: 'earliest' | 'latest';
  /** Each record becomes one message of the queue `out`, exactly once. */
  readonly exactly: boolean;
}

const SCHEMA = { type: 'object', required: ['n'], properties: { n: { type: 'integer', maximum: FITTING_MAX } } };

export function planOf(random: SimRandom): Plan {
  const queues = new Map<string, QueueSpec>();
  const deadLetters = new Map<string, string>();
  const count = 1 + random.int(3);
  for (let i = 0; i < count; i++) {
    const spec = drawQueue(random, `q${i}`);
    if (spec.deadLetter !== undefined) {
      const dead = `dead-q${i}`;
      deadLetters.set(spec.name, dead);
      queues.set(dead, { kind: 'queue', name: dead });
    }
    queues.set(spec.name, spec);
  }
  const topics = new Map<string, TopicSpec>();
  for (let i = 0; i < random.int(3); i++) topics.set(`t${i}`, drawTopic(random, `t${i}`));
  const plain = [...queues.values()].filter(({ name }) => !name.startsWith('dead-'));
  const churned: (QueueSpec | TopicSpec)[] = [];
  if (random.chance(0.3)) churned.push({ kind: 'queue', name: 'c0' });
  if (random.chance(0.2)) churned.push({ kind: 'topic', name: 'ct' });
  const schema = random.chance(0.1)
    ? {
        place: random.pick([...plain.map(({ name }) => name), ...topics.keys(), 'e0']),
        onFault: random.pick(['refuse', 'faulty'] as const),
      }
    : undefined;
  if (schema !== undefined) {
    if (schema.onFault === 'faulty') queues.set('faulty', { kind: 'queue', name: 'faulty' });
    for (const map of [queues, topics] as Map<string, QueueSpec | TopicSpec>[]) {
      const spec = map.get(schema.place);
      if (spec !== undefined) map.set(schema.place, withSchema(spec, schema.onFault));
    }
  }
  const groups = drawGroups(random, [...topics.keys()]);
  if (groups.some(({ exactly }) => exactly)) queues.set('out', { kind: 'queue', name: 'out' });
  const ends = {
    queues: plain.map((spec) => queues.get(spec.name) ?? spec),
    topics: [...topics.values()],
    churned: churned.find(({ kind }) => kind === 'queue')?.name,
  };
  const exchanges = new Map(
    [...drawExchanges(random, ends)].map(([name, { spec, ways }]): [string, DrawnExchange] => [
      name,
      { spec: schema?.place === name ? withSchema(spec, schema.onFault) : spec, ways },
    ]),
  );
  const declarations: Declaration[] = [
    ...queues.values(),
    ...topics.values(),
    ...[...exchanges.values()].map(({ spec }) => spec).filter(({ name }) => name !== 'amq.topic'),
    ...churned,
  ];
  const bindings = [...exchanges.values()].flatMap(({ ways }) => ways.map(({ binding }) => binding));
  const publishers = 1 + random.int(3);
  const opens = random.chance(0.5);
  return {
    options: drawOptions(random),
    queues,
    topics,
    deadLetters,
    declarations,
    bindings,
    exchanges,
    schema,
    churned,
    groups,
    publishers,
    opens,
  };
}

function withSchema<T extends QueueSpec | TopicSpec | ExchangeSpec>(spec: T, onFault: 'refuse' | 'faulty'): T {
  return { ...spec, schema: { jsonSchema: SCHEMA, onFault: onFault === 'refuse' ? onFault : { exchange: '', address: onFault } } };
}

function drawTopic(random: SimRandom, name: string): TopicSpec {
  const spec: TopicSpec = { kind: 'topic', name, partitions: 1 + random.int(3) };
  switch (random.int(6)) {
    case 0:
    case 1:
      return { ...spec, compact: true };
    case 2:
      return { ...spec, retentionBytes: random.pick([2000, 20_000]) };
    case 3:
      return { ...spec, retentionMs: random.pick([50, 20_000]) };
    default:
      return spec;
  }
}

function drawGroups(random: SimRandom, topics: readonly string[]): GroupPlan[] {
  const [first] = topics;
  if (first === undefined) return [];
  const groups: GroupPlan[] = [];
  if (random.chance(0.5))
    groups.push({ name: 'members', topics, from: random.pick(['earliest', 'earliest', 'latest'] as const), exactly: false });
  if (random.chance(0.35)) groups.push({ name: 'exact', topics: [first], from: 'earliest', exactly: true });
  return groups;
}

function drawQueue(random: SimRandom, name: string): QueueSpec {
  const features = random.int(8);
  const lease = random.chance(0.6) ? { leaseMs: 20 + random.int(180) } : {};
  const dead = random.chance(0.7) ? { deadLetter: { exchange: '', address: `dead-${name}` } } : {};
  switch (features) {
    case 0:
      return { kind: 'queue', name, priorityMax: 1 + random.int(9), ...lease };
    case 1:
      return { kind: 'queue', name, grouped: true, ...lease };
    case 2:
      return { kind: 'queue', name, ttlMs: 30 + random.int(1000), ...dead };
    case 3:
      return { kind: 'queue', name, dedupWindowMs: 3_600_000_000, ...lease };
    case 4:
      return { kind: 'queue', name, countMax: 5 + random.int(20), overflow: random.pick(['refuse', 'drop-head'] as const) };
    case 5:
      return {
        kind: 'queue',
        name,
        ...lease,
        ...dead,
        retry: { attempts: 2 + random.int(3), backoffMs: random.int(100), jitter: random.pick([0, 0.5]) },
      };
    case 6:
      return { kind: 'queue', name, delayMs: random.int(200), ...lease, ...dead };
    default:
      return { kind: 'queue', name, ...lease, ...dead, ...(random.chance(0.2) && { singleActiveConsumer: true }) };
  }
}

/** Small files, so that segments roll, checkpoints are taken and messages carried within a few dozen operations. */
function drawOptions(random: SimRandom): BrokerOptions {
  return {
    directory: '/data',
    blockBytesMax: 8192,
    segmentBytes: 32_768 << random.int(3),
    cacheBytes: random.pick([0, 16_384, 1 << 20]),
    logSegmentBytes: 2048 << random.int(5),
    messageBytesMax: 7000,
    upkeep: {
      checkpointBytes: random.pick([30_000, 60_000, 200_000]),
      carryCountMax: random.pick([0, 10, 1000]),
      segmentsMin: random.pick([1, 2, 4]),
      intervalMs: random.pick([5, 50, 500]),
      tombstoneMs: 1000,
    },
  };
}
