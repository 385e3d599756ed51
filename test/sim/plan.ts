/** What a seed's broker looks like: its sizes, its queues, topics and bindings, drawn so that every feature meets every other. */

import type { BrokerOptions } from '../../src/broker/broker.ts';
import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import type { Binding, Declaration, QueueSpec, TopicSpec } from '../../src/model/declaration.ts';

export interface Plan {
  readonly options: BrokerOptions;
  readonly queues: ReadonlyMap<string, QueueSpec>;
  readonly topics: ReadonlyMap<string, TopicSpec>;
  /** Queue → queue its dead letters go to. */
  readonly deadLetters: ReadonlyMap<string, string>;
  readonly declarations: readonly Declaration[];
  readonly bindings: readonly Binding[];
  /** Exchange → queues it fans out to. */
  readonly fanouts: ReadonlyMap<string, readonly string[]>;
  readonly publishers: number;
}

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
  for (let i = 0; i < random.int(3); i++) {
    const name = `t${i}`;
    topics.set(name, { kind: 'topic', name, partitions: 1 + random.int(3) });
  }
  const names = [...queues.keys()].filter((name) => !name.startsWith('dead-'));
  const fanouts = new Map<string, readonly string[]>();
  if (random.chance(0.5)) fanouts.set('fan', names);
  const declarations: Declaration[] = [
    ...queues.values(),
    ...topics.values(),
    ...[...fanouts.keys()].map((name): Declaration => ({ kind: 'exchange', name, type: 'fanout' })),
  ];
  const bindings: Binding[] = [...fanouts].flatMap(([exchange, to]) =>
    to.map((name): Binding => ({ exchange, to: { kind: 'queue', name } })),
  );
  return { options: drawOptions(random), queues, topics, deadLetters, declarations, bindings, fanouts, publishers: 1 + random.int(3) };
}

function drawQueue(random: SimRandom, name: string): QueueSpec {
  const features = random.int(8);
  const lease = random.chance(0.4) ? { leaseMs: 20 + random.int(400) } : {};
  const dead = random.chance(0.5) ? { deadLetter: { exchange: '', address: `dead-${name}` } } : {};
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
      return { kind: 'queue', name, delayMs: random.int(200), ...lease };
    default:
      return { kind: 'queue', name, ...lease, ...(random.chance(0.2) && { singleActiveConsumer: true }) };
  }
}

/** Small files, so that segments roll, checkpoints are taken and messages carried within a few dozen operations. */
function drawOptions(random: SimRandom): BrokerOptions {
  return {
    directory: '/data',
    blockBytesMax: 8192,
    segmentBytes: 32_768 << random.int(3),
    cacheBytes: random.pick([0, 16_384, 1 << 20]),
    logSegmentBytes: 8192 << random.int(3),
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
