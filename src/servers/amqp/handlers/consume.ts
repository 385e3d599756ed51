/** basic.consume and cancel [AMQP 0-9-1, 1.8.3; priorities and direct replies are RabbitMQ's]. */

import type { Consume } from '../../../model/engine.ts';
import type { Headers } from '../../../model/message.ts';
import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import type { Channel } from '../channel.ts';
import { aboutOf, LiveConsumer } from '../consumer.ts';
import { AmqpFault, noQueue } from '../faults.ts';
import { REPLY_TO } from '../intake.ts';
import { checkOwner, queueNamed } from '../names.ts';
import { findQueue, queueRefused } from '../queues.ts';
import { typeName } from '../type-names.ts';
import { consumeStream } from './consume-stream.ts';

export async function consume(channel: Channel, args: Args<'basic.consume'>): Promise<void> {
  const { link } = channel;
  const { door, vhost } = link;
  const tag = args.consumerTag === '' ? door.draw('amq.ctag-') : args.consumerTag;
  if (channel.consumers.has(tag)) throw new AmqpFault(530, `attempt to reuse consumer tag '${tag}'`, 'connection');
  if (channel.consumers.size >= door.limits.consumersMax)
    throw new AmqpFault(530, `this channel has ${door.limits.consumersMax} consumers, the most there may be`, 'connection');
  if (args.queue === REPLY_TO) return consumeReplies(channel, args, tag);
  const queue = queueNamed(channel, args.queue);
  const known = await findQueue(link, queue);
  if (known === undefined) throw noQueue(queue, vhost);
  checkOwner(channel, queue);
  if (known.spec === undefined) return consumeStream(channel, args, tag, queue);
  const { spec } = known;
  const priority = priorityOf(args.arguments, queue, vhost);
  const consumer = new LiveConsumer(channel, {
    tag,
    about: aboutOf(channel.prefetch, args),
    queue,
    noAck: args.noAck,
    limit: channel.prefetch,
    leased: spec.leaseMs !== undefined,
    counts: spec.retry !== undefined,
    nowait: args.nowait,
  });
  await start(channel, consumer, {
    queue,
    prefetch: consumer.prefetch,
    ...(args.exclusive && { exclusive: true }),
    ...(priority !== 0 && { priority }),
  });
}

async function start(channel: Channel, consumer: LiveConsumer, consume: Consume): Promise<void> {
  channel.consumers.set(consumer.tag, consumer);
  try {
    consumer.started(await channel.link.engine.consume(consume, consumer));
  } catch (error) {
    channel.consumers.delete(consumer.tag);
    throw queueRefused(channel.link, error, consume.queue);
  }
  if (channel.isOpen) consumer.announce();
  // The channel has been closed meanwhile: nobody else knows of this consumer.
  else await consumer.cancel(false);
}

function priorityOf(given: Headers, queue: string, vhost: string): number {
  const priority = given.get('x-priority') ?? 0;
  if (typeof priority === 'number' && Number.isInteger(priority)) return priority;
  const says = `"expected integer, got ${typeName(priority)}"`;
  throw new AmqpFault(406, `invalid arg 'x-priority' for queue '${queue}' in vhost '${vhost}': ${says}`);
}

/** Direct replies: a queue of this channel's own, which every door reaches by its name. */
async function consumeReplies(channel: Channel, args: Args<'basic.consume'>, tag: string): Promise<void> {
  const { link } = channel;
  if (!args.noAck) throw new AmqpFault(406, 'reply consumer cannot acknowledge');
  if (channel.replyQueue !== undefined) throw new AmqpFault(406, 'reply consumer already set');
  const queue = link.door.draw(`${REPLY_TO}.`);
  channel.replyQueue = queue;
  await link.house.declare({ kind: 'queue', name: queue, durable: false, autoDelete: true });
  const consumer = new LiveConsumer(channel, {
    tag,
    about: aboutOf(channel.prefetch, args),
    queue,
    noAck: true,
    limit: Number.POSITIVE_INFINITY,
    leased: false,
    counts: false,
    nowait: args.nowait,
  });
  await start(channel, consumer, { queue, prefetch: consumer.prefetch });
}

export async function cancel(channel: Channel, args: Args<'basic.cancel'>): Promise<void> {
  const consumer = channel.consumers.get(args.consumerTag);
  if (consumer !== undefined) {
    channel.consumers.delete(consumer.tag);
    if (consumer.queue === channel.replyQueue) channel.replyQueue = undefined;
    // What it has been given stays with the channel, to be settled.
    await consumer.cancel(true);
    channel.flushSettled();
  }
  if (!args.nowait) channel.link.output.method(channel.id, encodeMethod('basic.cancel-ok', { consumerTag: args.consumerTag }));
}
