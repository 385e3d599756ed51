/** A binding as clients say it, in the broker's words. */

import type { Binding, HeadersMatch } from '../../model/declaration.ts';
import type { Engine } from '../../model/engine.ts';
import { fromJson, toJson } from '../../model/header-json.ts';
import type { Headers, HeaderValue } from '../../model/message.ts';
import { AmqpFault } from './faults.ts';
import { typeName } from './type-names.ts';

const MATCHES: readonly unknown[] = ['all', 'any', 'all-with-x', 'any-with-x'];

/** The label that keeps what a client gave with a binding and the broker has no word for, as JSON. */
const ARGUMENTS_LABEL = 'amqp.arguments';

/** Looks at the exchange: only one that asks for headers understands the arguments; others keep them. Throws `AmqpFault` 406. */
export async function bindingOf(house: Engine, exchange: string, to: Binding['to'], routingKey: string, given: Headers): Promise<Binding> {
  const known = await house.describe('exchange', exchange);
  const type = known?.kind === 'exchange' && known.spec.kind === 'exchange' ? known.spec.type : 'direct';
  if (type === 'consistent-hash' && !/^[0-9]+$/.test(routingKey))
    throw new AmqpFault(406, `The binding key must be an integer: <<"${routingKey}">>`);
  if (type !== 'headers') {
    const labels = given.size === 0 ? {} : { labels: { [ARGUMENTS_LABEL]: JSON.stringify(toJson(sorted(given))) } };
    return { exchange, to, pattern: routingKey, ...labels };
  }
  const match = given.get('x-match') ?? 'all';
  if (typeof match !== 'string')
    throw new AmqpFault(406, `Invalid x-match field type ${typeName(match)} (value ${String(match)}); expected longstr`);
  if (!MATCHES.includes(match))
    throw new AmqpFault(406, `Invalid x-match field value <<"${match}">>; expected all, any, all-with-x, or any-with-x`);
  const values = new Map<string, string | number | boolean | undefined>();
  for (const [name, value] of given) if (name !== 'x-match') values.set(name, plain(value));
  return { exchange, to, pattern: routingKey, headers: { match: match as HeadersMatch, values } };
}

/** No value asks only that the header is there. */
function plain(value: HeaderValue): string | number | boolean | undefined {
  if (value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  throw new AmqpFault(406, 'a headers binding cannot ask for a list or a table');
}

function sorted(given: Headers): Map<string, HeaderValue> {
  return new Map([...given].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The arguments that such a binding was made with, or would be made with by a client of this door. */
export function argumentsOfBinding({ headers, labels }: Binding): Headers {
  const kept = labels?.[ARGUMENTS_LABEL];
  if (kept !== undefined) return fromJson(JSON.parse(kept)) as Headers;
  if (headers === undefined) return new Map();
  const values = [...headers.values].map(([name, value]) => [name, value ?? null] as const);
  return new Map<string, HeaderValue>([...values, ['x-match', headers.match]]);
}
