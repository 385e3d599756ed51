/** Where a message should go, worked out from the plan alone and as plainly as can be: the simulator's own word against the broker's routing. */

import type { Binding, ExchangeSpec } from '../../src/model/declaration.ts';

/** What bindings may ask of a message. */
export interface Facts {
  readonly key: string;
  readonly headers: ReadonlyMap<string, string | number>;
  /** The number in its body; undefined: the body is empty. */
  readonly n: number | undefined;
}

export interface Filter {
  readonly text: string;
  readonly holds: (facts: Facts) => boolean;
}

/** Filters with what they mean. */
export const FILTERS: readonly Filter[] = [
  { text: "key == 'k1'", holds: ({ key }) => key === 'k1' },
  { text: 'headers.n > `1`', holds: ({ headers }) => Number(headers.get('n') ?? 0) > 1 },
  { text: "headers.c == 'a' || key == 'k2'", holds: ({ headers, key }) => headers.get('c') === 'a' || key === 'k2' },
  { text: 'body.n < `3`', holds: ({ n }) => n !== undefined && n < 3 },
];

/** What every binding with a transform makes of a message. */
export const TRANSFORM = '{ id: id }';

/** Numbers in bodies above it fit no schema. */
export const FITTING_MAX = 8;

export interface Way {
  readonly binding: Binding;
  readonly filter?: Filter;
}

export interface DrawnExchange {
  readonly spec: ExchangeSpec;
  readonly ways: readonly Way[];
}

/** Where one message should go. Queues and topics by name: no two of them share one. */
export interface Expected {
  readonly places: Set<string>;
  /** Places that get what the transform makes of it. */
  readonly copies: Set<string>;
  /** Consistent hashes on its way: what is hashed → who may get it. */
  readonly draws: Map<string, readonly string[]>;
}

/** The way from one exchange, for each of the addresses. `topics`: those there are; each takes what the main line has for its name. */
export function expectedOf(
  exchanges: ReadonlyMap<string, DrawnExchange>,
  topics: Iterable<string>,
  from: { readonly exchange: string; readonly addresses: readonly string[] },
  facts: Facts,
): Expected {
  const expected: Expected = { places: new Set(), copies: new Set(), draws: new Map() };
  const names = new Set(topics);
  for (const address of from.addresses) {
    if (from.exchange === '') expected.places.add(address);
    else walk(exchanges, names, from.exchange, address, facts, expected);
  }
  return expected;
}

function walk(
  exchanges: ReadonlyMap<string, DrawnExchange>,
  topics: ReadonlySet<string>,
  first: string,
  address: string,
  facts: Facts,
  { places, copies, draws }: Expected,
): void {
  const visited = new Set<string>();
  const visit = (name: string): void => {
    const exchange = exchanges.get(name);
    if (exchange === undefined || visited.has(name)) return;
    visited.add(name);
    const { spec, ways } = exchange;
    let took = false;
    if (name === 'amq.topic' && topics.has(address)) {
      took = true;
      places.add(address);
    }
    if (spec.type === 'consistent-hash' && ways.length > 0) {
      const key =
        spec.hashHeader === undefined ? address : `${typeof facts.headers.get(spec.hashHeader)} ${facts.headers.get(spec.hashHeader)}`;
      draws.set(
        `${name}|${key}`,
        ways.map(({ binding }) => binding.to.name),
      );
      return;
    }
    for (const { binding, filter } of ways) {
      if (!takes(spec.type, binding, address, facts) || filter?.holds(facts) === false) continue;
      took = true;
      if (binding.to.kind === 'exchange') visit(binding.to.name);
      else (binding.transform === undefined ? places : copies).add(binding.to.name);
    }
    if (!took && spec.alternate !== undefined) visit(spec.alternate);
  };
  visit(first);
}

function takes(type: ExchangeSpec['type'], { pattern = '', headers }: Binding, address: string, facts: Facts): boolean {
  if (type === 'fanout') return true;
  if (type === 'direct') return pattern === address;
  if (type === 'topic') return fits(pattern.split('.'), address.split('.'));
  const { match = 'all', values = new Map() } = headers ?? {};
  const asked = [...values].filter(([name]) => match.endsWith('-with-x') || !name.startsWith('x-'));
  const holds = ([name, value]: [string, unknown]) => facts.headers.has(name) && (value === undefined || facts.headers.get(name) === value);
  return match.startsWith('any') ? asked.some(holds) : asked.every(holds);
}

/** Word by word: `*` is one, `#` any number, also none. */
function fits(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') return fits(rest, words) || (words.length > 0 && fits(pattern, words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && fits(rest, words.slice(1));
}
