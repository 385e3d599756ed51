/** The exchanges of a seed and what is bound to them: every type, chains and circles of them, alternates, filters and transforms. */

import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import type { Binding, ExchangeSpec, QueueSpec, TopicSpec } from '../../src/model/declaration.ts';
import { type DrawnExchange, FILTERS, TRANSFORM, type Way } from './matcher.ts';

/** Addresses that publishers use, whatever the exchange. */
export const ADDRESSES: readonly string[] = ['a', 'b', 'a.b', 'b.c', 'a.b.c'];

const PATTERNS: readonly string[] = ['a', 'b', 'a.b', 'a.*', '*.b', 'a.#', '#.c', '#', '*', '*.*'];

/** What may stand at the end of a way. */
export interface Ends {
  readonly queues: readonly QueueSpec[];
  readonly topics: readonly TopicSpec[];
  /** The queue that comes and goes, when there is one. */
  readonly churned: string | undefined;
}

export function drawExchanges(random: SimRandom, ends: Ends): Map<string, DrawnExchange> {
  const exchanges = new Map<string, DrawnExchange>();
  const { queues, churned } = ends;
  if (random.chance(0.5)) {
    const to = [...queues.map(({ name }) => name), ...(churned === undefined ? [] : [churned])];
    exchanges.set('fan', { spec: { kind: 'exchange', name: 'fan', type: 'fanout' }, ways: to.map((name) => wayTo('fan', 'queue', name)) });
  }
  exchanges.set('amq.topic', { spec: { kind: 'exchange', name: 'amq.topic', type: 'topic' }, ways: drawMainLine(random, ends) });
  const count = random.chance(0.6) ? 1 + random.int(4) : 0;
  const names = Array.from({ length: count }, (_, i) => `e${i}`);
  for (const name of names) {
    const type = random.pick(['direct', 'topic', 'topic', 'fanout', 'headers', 'headers', 'consistent-hash'] as const);
    const hashes = type === 'consistent-hash' && ![...exchanges.values()].some(({ spec }) => spec.type === 'consistent-hash');
    const others = names.filter((other) => other !== name);
    const alternate = others.length > 0 && random.chance(0.5) ? { alternate: random.pick(others) } : {};
    const spec: ExchangeSpec = { kind: 'exchange', name, type: hashes || type !== 'consistent-hash' ? type : 'topic', ...alternate };
    if (spec.type === 'consistent-hash') {
      const hashHeader = random.chance(0.3) ? { hashHeader: 'n' } : {};
      exchanges.set(name, { spec: { ...spec, ...hashHeader }, ways: drawHash(random, name, ends) });
    } else {
      const ways = Array.from({ length: 1 + random.int(4) }, () => drawWay(random, spec, ends, others));
      exchanges.set(name, { spec, ways: distinct(ways) });
    }
  }
  return exchanges;
}

function drawMainLine(random: SimRandom, { queues, topics }: Ends): Way[] {
  const topic = topics[0];
  if (topic === undefined || !random.chance(0.4)) return [];
  const to = random.pick(queues);
  return distinct([wayTo('amq.topic', 'queue', to.name, { pattern: random.pick([topic.name, '*']) })]);
}

function drawHash(random: SimRandom, name: string, { queues, churned }: Ends): Way[] {
  const to = queues.filter(({ schema }) => schema === undefined).map((queue) => queue.name);
  // It is never the only one: while it is away, whether anything takes what is hashed would change.
  if (churned !== undefined && to.length > 0) to.unshift(churned);
  return to.map((queue) => wayTo(name, 'queue', queue, { pattern: `${1 + random.int(3)}` }));
}

function drawWay(random: SimRandom, { name, type }: ExchangeSpec, { queues, topics }: Ends, others: readonly string[]): Way {
  const draw = random.float();
  const target =
    draw < 0.2 && others.length > 0
      ? ({ kind: 'exchange', name: random.pick(others) } as const)
      : draw < 0.4 && topics.length > 0
        ? random.pick(topics)
        : random.pick(queues);
  const filter = random.chance(0.3) ? random.pick(FILTERS) : undefined;
  // What a dedup window would say to a message and its copy at once is nobody's business, nor whether a copy fits a schema.
  const changes =
    random.chance(0.2) && target.kind !== 'exchange' && target.schema === undefined && !('dedupWindowMs' in target && target.dedupWindowMs);
  const more = {
    ...(type === 'direct' && { pattern: random.pick(ADDRESSES) }),
    ...(type === 'topic' && { pattern: random.pick(PATTERNS) }),
    ...(type === 'headers' && { headers: drawHeaders(random) }),
    ...(filter && { filter: filter.text }),
    ...(changes && { transform: TRANSFORM }),
  };
  return { ...wayTo(name, target.kind, target.name, more), ...(filter && { filter }) };
}

function drawHeaders(random: SimRandom): NonNullable<Binding['headers']> {
  const values = new Map<string, string | number | undefined>();
  if (random.chance(0.6)) values.set('c', random.pick(['a', 'b', undefined]));
  if (random.chance(0.6)) values.set('n', random.pick([0, 1, undefined]));
  if (random.chance(0.3)) values.set('x-d', 'y');
  return { match: random.pick(['all', 'any', 'all-with-x', 'any-with-x'] as const), values };
}

function wayTo(exchange: string, kind: Binding['to']['kind'], name: string, more: Partial<Binding> = {}): Way {
  return { binding: { exchange, to: { kind, name }, ...more } };
}

/** The same binding twice is one. */
function distinct(ways: readonly Way[]): Way[] {
  const seen = new Set<string>();
  return ways.filter(({ binding }) => {
    const text = JSON.stringify([binding, [...(binding.headers?.values ?? [])]]);
    return !seen.has(text) && seen.add(text);
  });
}
