/** queue.declare, bind, unbind, purge, delete [AMQP 0-9-1, 1.7]. A stream is a topic with one partition. */

import { Refused } from '../../../model/refusal.ts';
import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import { bindingOf } from '../binding.ts';
import type { Channel } from '../channel.ts';
import { AmqpFault, noQueue } from '../faults.ts';
import { checkOwner, checkReserved, queueNamed } from '../names.ts';
import type { QueueWish } from '../queue-arguments.ts';
import { bindingRefused, declareQueue, findQueue, queueRefused, removeQueue } from '../queues.ts';

export async function declare(channel: Channel, args: Args<'queue.declare'>): Promise<void> {
  const { link } = channel;
  const name = await declared(channel, args);
  channel.lastQueue = name;
  if (args.nowait) return;
  const known = await findQueue(link, name);
  if (known === undefined) throw noQueue(name, link.vhost);
  link.output.method(
    channel.id,
    encodeMethod('queue.declare-ok', { queue: name, messageCount: known.ready, consumerCount: known.consumers }),
  );
}

/** Answers the name. */
async function declared(channel: Channel, args: Args<'queue.declare'>): Promise<string> {
  const { link } = channel;
  const { door, vhost } = link;
  if (args.passive) {
    const name = args.queue === '' ? channel.lastQueue : args.queue;
    const known = await findQueue(link, name);
    if (known === undefined) throw noQueue(name, vhost);
    checkOwner(channel, name);
    return name;
  }
  const name = args.queue === '' ? door.draw('amq.gen-') : args.queue;
  const wish: QueueWish = { ...args, name };
  const known = args.queue === '' ? undefined : await findQueue(link, name);
  if (args.queue !== '' && known === undefined) checkReserved('queue', name);
  await declareQueue(link, wish, link, known);
  return name;
}

export async function bind(channel: Channel, args: Args<'queue.bind'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  const routingKey = args.queue === '' && args.routingKey === '' ? queue : args.routingKey;
  if (args.exchange === '') throw new AmqpFault(403, 'operation not permitted on the default exchange');
  checkOwner(channel, queue);
  const known = await findQueue(link, queue);
  if (known === undefined) throw noQueue(queue, link.vhost);
  const to = { kind: known.spec === undefined ? 'topic' : 'queue', name: queue } as const;
  try {
    await link.engine.bind(await bindingOf(link.house, args.exchange, to, routingKey, args.arguments));
  } catch (error) {
    throw await bindingRefused(link, error, args.exchange, to);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('queue.bind-ok', {}));
}

export async function unbind(channel: Channel, args: Args<'queue.unbind'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  const routingKey = args.queue === '' && args.routingKey === '' ? queue : args.routingKey;
  if (args.exchange === '') throw new AmqpFault(403, 'operation not permitted on the default exchange');
  checkOwner(channel, queue);
  const known = await findQueue(link, queue);
  const to = { kind: known?.spec === undefined && known !== undefined ? 'topic' : 'queue', name: queue } as const;
  try {
    await link.engine.unbind(await bindingOf(link.house, args.exchange, to, routingKey, args.arguments));
  } catch (error) {
    // What is not bound is unbound already, also when exchange or queue are not there any more.
    if (!(error instanceof Refused && error.code === 'unknown')) throw queueRefused(link, error, queue);
  }
  link.output.method(channel.id, encodeMethod('queue.unbind-ok', {}));
}

export async function purge(channel: Channel, args: Args<'queue.purge'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  checkOwner(channel, queue);
  const known = await findQueue(link, queue);
  if (known !== undefined && known.spec === undefined)
    throw new AmqpFault(540, `queue.purge not supported by stream queues queue '${queue}' in vhost '${link.vhost}'`, 'connection');
  let count: number;
  try {
    count = await link.engine.purge(queue);
  } catch (error) {
    throw queueRefused(link, error, queue);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('queue.purge-ok', { messageCount: count }));
}

export async function remove(channel: Channel, args: Args<'queue.delete'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  checkOwner(channel, queue);
  const known = await findQueue(link, queue);
  await removeQueue(link, queue, known, args);
  if (!args.nowait) link.output.method(channel.id, encodeMethod('queue.delete-ok', { messageCount: known?.ready ?? 0 }));
}
