/** Exchanges as clients declare and remove them: what is there, what may be, and how it is refused. */

import type { ExchangeSpec, ExchangeType } from '../../model/declaration.ts';
import type { Headers, HeaderValue } from '../../model/message.ts';
import { Refused } from '../../model/refusal.ts';
import { DELAYED_TYPE, TYPE_LABEL } from './door.ts';
import { AmqpFault, faultOf, noExchange } from './faults.ts';
import type { Site } from './link.ts';
import { checkReserved } from './names.ts';
import { typeName } from './type-names.ts';

export interface ExchangeWish {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Headers;
}

const TYPES: Readonly<Record<string, ExchangeType>> = {
  direct: 'direct',
  topic: 'topic',
  fanout: 'fanout',
  headers: 'headers',
  'x-consistent-hash': 'consistent-hash',
};

export const NOT_ON_DEFAULT = 'operation not permitted on the default exchange';

export async function findExchange({ house }: Site, name: string): Promise<ExchangeSpec | undefined> {
  const known = await house.describe('exchange', name);
  return known?.kind === 'exchange' && known.spec.kind === 'exchange' ? known.spec : undefined;
}

/** Declares it unless it is there just so. Answers whether it is new. Throws `AmqpFault`. */
export async function declareExchange(site: Site, wish: ExchangeWish): Promise<boolean> {
  const { engine, door, vhost } = site;
  const { name } = wish;
  if (name === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  const spec = specOf(wish, vhost);
  const known = await findExchange(site, name);
  if (known !== undefined) {
    checkEqual(spec, known, wish.type, vhost);
    return false;
  }
  checkReserved('exchange', name);
  try {
    await engine.declare(spec);
    door.exchangeChanged(vhost, name);
  } catch (error) {
    throw exchangeRefused(site, error, name);
  }
  return true;
}

function specOf(wish: ExchangeWish, vhost: string): ExchangeSpec {
  const { name, arguments: given } = wish;
  const isDelayed = wish.type === DELAYED_TYPE;
  const asked = isDelayed ? given.get('x-delayed-type') : wish.type;
  const type = typeof asked === 'string' ? TYPES[asked] : undefined;
  if (isDelayed && type === undefined) throw new AmqpFault(406, "Invalid argument, 'x-delayed-type' must be an existing exchange type");
  if (type === undefined) throw new AmqpFault(406, `unknown exchange type '${wish.type}'`);
  const alternate = given.get('alternate-exchange');
  if (alternate !== undefined && typeof alternate !== 'string')
    throw new AmqpFault(
      406,
      `invalid type '${typeName(alternate)}' for arg 'alternate-exchange' in exchange '${name}' in vhost '${vhost}'`,
    );
  const hashHeader = type === 'consistent-hash' ? given.get('hash-header') : undefined;
  return {
    kind: 'exchange',
    name,
    type,
    durable: wish.durable,
    ...(wish.autoDelete && { autoDelete: true }),
    ...(wish.internal && { internal: true }),
    ...(alternate !== undefined && { alternate }),
    ...(typeof hashHeader === 'string' && { hashHeader }),
    ...(isDelayed && { labels: { [TYPE_LABEL]: DELAYED_TYPE } }),
  };
}

function checkEqual(wish: ExchangeSpec, known: ExchangeSpec, type: string, vhost: string): void {
  const differ = (property: string, wished: unknown, current: unknown): void => {
    if (wished === current) return;
    throw new AmqpFault(
      406,
      `inequivalent arg '${property}' for exchange '${wish.name}' in vhost '${vhost}': received ${told(wished)} but current is ${told(current)}`,
    );
  };
  const current = known.labels?.[TYPE_LABEL] ?? typeNameOf(known.type);
  if (type !== current) differ('type', type, current);
  if (wish.type !== known.type) differ('x-delayed-type', typeNameOf(wish.type), typeNameOf(known.type));
  differ('durable', wish.durable !== false, known.durable !== false);
  differ('auto_delete', wish.autoDelete === true, known.autoDelete === true);
  differ('internal', wish.internal === true, known.internal === true);
  if (wish.alternate !== known.alternate) {
    const [wished, theirs] = [wish.alternate, known.alternate].map((one) =>
      one === undefined ? 'none' : `the value '${one}' of type 'longstr'`,
    );
    throw new AmqpFault(
      406,
      `inequivalent arg 'alternate-exchange' for exchange '${wish.name}' in vhost '${vhost}': received ${wished} but current is ${theirs}`,
    );
  }
}

export function typeNameOf(type: ExchangeType): string {
  return Object.keys(TYPES).find((name) => TYPES[name] === type) ?? type;
}

function told(value: unknown): string {
  return `'${String(value)}'`;
}

export function exchangeRefused({ vhost, user }: Site, error: unknown, exchange: string): unknown {
  if (!(error instanceof Refused)) return error;
  if (error.code === 'unknown') return noExchange(exchange, vhost);
  if (error.code === 'forbidden')
    return new AmqpFault(403, `access to exchange '${exchange}' in vhost '${vhost}' refused for user '${user}'`);
  return faultOf(error);
}

/** The arguments that would declare such an exchange. */
export function argumentsOfExchange({ alternate, hashHeader, labels, type }: ExchangeSpec): Headers {
  const found = new Map<string, HeaderValue>();
  if (alternate !== undefined) found.set('alternate-exchange', alternate);
  if (hashHeader !== undefined) found.set('hash-header', hashHeader);
  if (labels?.[TYPE_LABEL] === DELAYED_TYPE) found.set('x-delayed-type', typeNameOf(type));
  return found;
}

/** Removes it; what is not there is removed already. Throws `AmqpFault`. */
export async function removeExchange(site: Site, name: string, ifUnused: boolean): Promise<void> {
  const { engine, door, vhost } = site;
  if (name === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  if (name.startsWith('amq.')) throw new AmqpFault(403, `deletion of system exchange '${name}' in vhost '${vhost}' not allowed`);
  try {
    await engine.remove('exchange', name, { ifUnused });
    door.exchangeChanged(vhost, name);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === 'conflict') throw new AmqpFault(406, `exchange '${name}' in vhost '${vhost}' in use`);
    if (error.code !== 'unknown') throw exchangeRefused(site, error, name);
  }
}
