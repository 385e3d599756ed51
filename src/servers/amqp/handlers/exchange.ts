/** exchange.declare, delete, bind, unbind [AMQP 0-9-1, 1.6; bind and unbind are RabbitMQ's]. */

import type { ExchangeSpec, ExchangeType } from '../../../model/declaration.ts';
import { Refused } from '../../../model/refusal.ts';
import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import { bindingOf } from '../binding.ts';
import type { Channel } from '../channel.ts';
import { DELAYED_TYPE, TYPE_LABEL } from '../door.ts';
import { AmqpFault, faultOf, noExchange } from '../faults.ts';
import { checkReserved } from '../names.ts';
import { typeName } from '../type-names.ts';

const TYPES: Readonly<Record<string, ExchangeType>> = {
  direct: 'direct',
  topic: 'topic',
  fanout: 'fanout',
  headers: 'headers',
  'x-consistent-hash': 'consistent-hash',
};

const NOT_ON_DEFAULT = 'operation not permitted on the default exchange';

async function find(channel: Channel, name: string): Promise<ExchangeSpec | undefined> {
  const known = await channel.link.house.describe('exchange', name);
  return known?.kind === 'exchange' && known.spec.kind === 'exchange' ? known.spec : undefined;
}

export async function declare(channel: Channel, args: Args<'exchange.declare'>): Promise<void> {
  const { link } = channel;
  const { exchange: name } = args;
  if (args.passive) {
    if (name !== '' && (await find(channel, name)) === undefined) throw noExchange(name, link.vhost);
  } else await declareNew(channel, args);
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.declare-ok', {}));
}

async function declareNew(channel: Channel, args: Args<'exchange.declare'>): Promise<void> {
  const { link } = channel;
  const { exchange: name } = args;
  if (name === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  const spec = specOf(args, link.vhost);
  const known = await find(channel, name);
  if (known !== undefined) {
    checkEqual(spec, known, args.type, link.vhost);
    return;
  }
  checkReserved('exchange', name);
  try {
    await link.engine.declare(spec);
    link.door.exchangeChanged(link.vhost, name);
  } catch (error) {
    throw refusedFor(channel, error, name);
  }
}

function specOf(args: Args<'exchange.declare'>, vhost: string): ExchangeSpec {
  const { exchange: name, arguments: given } = args;
  const isDelayed = args.type === DELAYED_TYPE;
  const asked = isDelayed ? given.get('x-delayed-type') : args.type;
  const type = typeof asked === 'string' ? TYPES[asked] : undefined;
  if (isDelayed && type === undefined) throw new AmqpFault(406, "Invalid argument, 'x-delayed-type' must be an existing exchange type");
  if (type === undefined) throw new AmqpFault(406, `unknown exchange type '${args.type}'`);
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
    durable: args.durable,
    ...(args.autoDelete && { autoDelete: true }),
    ...(args.internal && { internal: true }),
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
  const current = known.labels?.[TYPE_LABEL] ?? nameOf(known.type);
  if (type !== current) differ('type', type, current);
  if (wish.type !== known.type) differ('x-delayed-type', nameOf(wish.type), nameOf(known.type));
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

function nameOf(type: ExchangeType): string {
  return Object.keys(TYPES).find((name) => TYPES[name] === type) ?? type;
}

function told(value: unknown): string {
  return `'${String(value)}'`;
}

function refusedFor(channel: Channel, error: unknown, exchange: string): unknown {
  if (!(error instanceof Refused)) return error;
  const { vhost, user } = channel.link;
  if (error.code === 'unknown') return noExchange(exchange, vhost);
  if (error.code === 'forbidden')
    return new AmqpFault(403, `access to exchange '${exchange}' in vhost '${vhost}' refused for user '${user}'`);
  return faultOf(error);
}

export async function remove(channel: Channel, args: Args<'exchange.delete'>): Promise<void> {
  const { link } = channel;
  const { exchange: name } = args;
  if (name === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  if (name.startsWith('amq.')) throw new AmqpFault(403, `deletion of system exchange '${name}' in vhost '${link.vhost}' not allowed`);
  try {
    await link.engine.remove('exchange', name, { ifUnused: args.ifUnused });
    link.door.exchangeChanged(link.vhost, name);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === 'conflict') throw new AmqpFault(406, `exchange '${name}' in vhost '${link.vhost}' in use`);
    // What is not there is deleted already.
    if (error.code !== 'unknown') throw refusedFor(channel, error, name);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.delete-ok', {}));
}

export async function bind(channel: Channel, args: Args<'exchange.bind'>): Promise<void> {
  const { link } = channel;
  const { source, destination } = args;
  if (source === '' || destination === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  for (const name of [source, destination]) if ((await find(channel, name)) === undefined) throw noExchange(name, link.vhost);
  try {
    await link.engine.bind(await bindingOf(channel, source, { kind: 'exchange', name: destination }, args.routingKey, args.arguments));
  } catch (error) {
    throw refusedFor(channel, error, source);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.bind-ok', {}));
}

export async function unbind(channel: Channel, args: Args<'exchange.unbind'>): Promise<void> {
  const { link } = channel;
  const { source, destination } = args;
  if (source === '' || destination === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  try {
    await link.engine.unbind(await bindingOf(channel, source, { kind: 'exchange', name: destination }, args.routingKey, args.arguments));
  } catch (error) {
    if (!(error instanceof Refused && error.code === 'unknown')) throw refusedFor(channel, error, source);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.unbind-ok', {}));
}
