/** exchange.declare, delete, bind, unbind [AMQP 0-9-1, 1.6; bind and unbind are RabbitMQ's]. */

import { Refused } from '../../../model/refusal.ts';
import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import { bindingOf } from '../binding.ts';
import type { Channel } from '../channel.ts';
import { declareExchange, exchangeRefused, findExchange, NOT_ON_DEFAULT, removeExchange } from '../exchanges.ts';
import { AmqpFault, noExchange } from '../faults.ts';

export async function declare(channel: Channel, args: Args<'exchange.declare'>): Promise<void> {
  const { link } = channel;
  const { exchange: name } = args;
  if (args.passive) {
    if (name !== '' && (await findExchange(link, name)) === undefined) throw noExchange(name, link.vhost);
  } else await declareExchange(link, { ...args, name });
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.declare-ok', {}));
}

export async function remove(channel: Channel, args: Args<'exchange.delete'>): Promise<void> {
  const { link } = channel;
  await removeExchange(link, args.exchange, args.ifUnused);
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.delete-ok', {}));
}

export async function bind(channel: Channel, args: Args<'exchange.bind'>): Promise<void> {
  const { link } = channel;
  const { source, destination } = args;
  if (source === '' || destination === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  for (const name of [source, destination]) if ((await findExchange(link, name)) === undefined) throw noExchange(name, link.vhost);
  try {
    await link.engine.bind(await bindingOf(link.house, source, { kind: 'exchange', name: destination }, args.routingKey, args.arguments));
  } catch (error) {
    throw exchangeRefused(link, error, source);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.bind-ok', {}));
}

export async function unbind(channel: Channel, args: Args<'exchange.unbind'>): Promise<void> {
  const { link } = channel;
  const { source, destination } = args;
  if (source === '' || destination === '') throw new AmqpFault(403, NOT_ON_DEFAULT);
  try {
    await link.engine.unbind(await bindingOf(link.house, source, { kind: 'exchange', name: destination }, args.routingKey, args.arguments));
  } catch (error) {
    if (!(error instanceof Refused && error.code === 'unknown')) throw exchangeRefused(link, error, source);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('exchange.unbind-ok', {}));
}
