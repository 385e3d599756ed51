/** queue.declare, bind, unbind, purge, delete [AMQP 0-9-1, 1.7]. A stream is a topic with one partition. */

import type { QueueSpec } from '../../../model/declaration.ts';
import { Refused } from '../../../model/refusal.ts';
import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import { bindingOf } from '../binding.ts';
import type { Channel } from '../channel.ts';
import { AmqpFault, faultOf, locked, noExchange, noQueue } from '../faults.ts';
import { checkOwner, checkReserved, queueNamed } from '../names.ts';
import { checkArguments, checkEqual, isStream, type QueueWish, queueSpecOf, streamSpecOf } from '../queue-arguments.ts';

interface Known {
  readonly spec: QueueSpec | undefined;
  readonly ready: number;
  readonly consumers: number;
}

/** A queue or stream of that name; undefined when there is none. */
export async function find(channel: Channel, name: string): Promise<Known | undefined> {
  const { house } = channel.link;
  const queue = await house.describe('queue', name);
  if (queue?.kind === 'queue' && queue.spec.kind === 'queue') return { spec: queue.spec, ready: queue.ready, consumers: queue.consumers };
  const topic = await house.describe('topic', name);
  if (topic?.kind !== 'topic') return undefined;
  const ready = topic.partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  return { spec: undefined, ready, consumers: 0 };
}

export async function declare(channel: Channel, args: Args<'queue.declare'>): Promise<void> {
  const { link } = channel;
  const name = await declared(channel, args);
  channel.lastQueue = name;
  if (args.nowait) return;
  const known = await find(channel, name);
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
    const known = await find(channel, name);
    if (known === undefined) throw noQueue(name, vhost);
    checkOwner(channel, name);
    return name;
  }
  const name = args.queue === '' ? door.draw('amq.gen-') : args.queue;
  const wish: QueueWish = { ...args, name };
  const known = args.queue === '' ? undefined : await find(channel, name);
  if (known !== undefined) {
    checkKnown(channel, wish, known);
    return name;
  }
  if (args.queue !== '') checkReserved('queue', name);
  checkArguments(wish, vhost);
  try {
    await link.engine.declare(isStream(wish) ? streamSpecOf(wish, vhost) : queueSpecOf(wish));
  } catch (error) {
    throw refusedFor(channel, error, name);
  }
  if (args.exclusive) door.own(vhost, name, link);
  return name;
}

function checkKnown(channel: Channel, wish: QueueWish, known: Known): void {
  const { door, vhost } = channel.link;
  checkOwner(channel, wish.name);
  const isOwn = door.ownerOf(vhost, wish.name) !== undefined;
  if (isOwn !== wish.exclusive) throw locked(wish.name, vhost);
  checkArguments(wish, vhost);
  if ((known.spec === undefined) !== isStream(wish)) {
    const [wished, current] = isStream(wish) ? ['stream', 'classic'] : ['classic', 'stream'];
    throw new AmqpFault(
      406,
      `inequivalent arg 'x-queue-type' for queue '${wish.name}' in vhost '${vhost}': received the value '${wished}' of type 'longstr' but current is the value '${current}' of type 'longstr'`,
    );
  }
  if (known.spec !== undefined) checkEqual(wish, known.spec, isOwn ? 'one' : 'all', vhost);
}

/** A refusal of the engine in the words clients know. */
export function refusedFor(channel: Channel, error: unknown, queue: string): unknown {
  if (!(error instanceof Refused)) return error;
  const { vhost, user } = channel.link;
  if (error.code === 'unknown') return noQueue(queue, vhost);
  if (error.code === 'forbidden') return new AmqpFault(403, `access to queue '${queue}' in vhost '${vhost}' refused for user '${user}'`);
  if (error.code === 'exclusive') return new AmqpFault(403, `queue '${queue}' in vhost '${vhost}' in exclusive use`);
  return faultOf(error);
}

export async function bind(channel: Channel, args: Args<'queue.bind'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  const routingKey = args.queue === '' && args.routingKey === '' ? queue : args.routingKey;
  if (args.exchange === '') throw new AmqpFault(403, 'operation not permitted on the default exchange');
  checkOwner(channel, queue);
  const known = await find(channel, queue);
  if (known === undefined) throw noQueue(queue, link.vhost);
  const to = { kind: known.spec === undefined ? 'topic' : 'queue', name: queue } as const;
  try {
    await link.engine.bind(await bindingOf(channel, args.exchange, to, routingKey, args.arguments));
  } catch (error) {
    throw await bindingRefused(channel, error, args.exchange, queue);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('queue.bind-ok', {}));
}

async function bindingRefused(channel: Channel, error: unknown, exchange: string, queue: string): Promise<unknown> {
  if (!(error instanceof Refused) || error.code !== 'unknown') return refusedFor(channel, error, queue);
  const { house, vhost } = channel.link;
  return (await house.describe('exchange', exchange)) === undefined ? noExchange(exchange, vhost) : noQueue(queue, vhost);
}

export async function unbind(channel: Channel, args: Args<'queue.unbind'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  const routingKey = args.queue === '' && args.routingKey === '' ? queue : args.routingKey;
  if (args.exchange === '') throw new AmqpFault(403, 'operation not permitted on the default exchange');
  checkOwner(channel, queue);
  const known = await find(channel, queue);
  const to = { kind: known?.spec === undefined && known !== undefined ? 'topic' : 'queue', name: queue } as const;
  try {
    await link.engine.unbind(await bindingOf(channel, args.exchange, to, routingKey, args.arguments));
  } catch (error) {
    // What is not bound is unbound already, also when exchange or queue are not there any more.
    if (!(error instanceof Refused && error.code === 'unknown')) throw refusedFor(channel, error, queue);
  }
  link.output.method(channel.id, encodeMethod('queue.unbind-ok', {}));
}

export async function purge(channel: Channel, args: Args<'queue.purge'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  checkOwner(channel, queue);
  const known = await find(channel, queue);
  if (known !== undefined && known.spec === undefined)
    throw new AmqpFault(540, `queue.purge not supported by stream queues queue '${queue}' in vhost '${link.vhost}'`, 'connection');
  let count: number;
  try {
    count = await link.engine.purge(queue);
  } catch (error) {
    throw refusedFor(channel, error, queue);
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('queue.purge-ok', { messageCount: count }));
}

export async function remove(channel: Channel, args: Args<'queue.delete'>): Promise<void> {
  const { link } = channel;
  const { door, vhost } = link;
  const queue = queueNamed(channel, args.queue);
  checkOwner(channel, queue);
  const known = await find(channel, queue);
  if (known !== undefined) {
    try {
      await link.engine.remove(known.spec === undefined ? 'topic' : 'queue', queue, { ifUnused: args.ifUnused, ifEmpty: args.ifEmpty });
      door.disown(vhost, queue);
    } catch (error) {
      if (error instanceof Refused && error.code === 'conflict')
        throw new AmqpFault(406, `queue '${queue}' in vhost '${vhost}' ${known.consumers > 0 && args.ifUnused ? 'in use' : 'not empty'}`);
      // Somebody else has just removed it.
      if (!(error instanceof Refused && error.code === 'unknown')) throw refusedFor(channel, error, queue);
    }
  }
  if (!args.nowait) link.output.method(channel.id, encodeMethod('queue.delete-ok', { messageCount: known?.ready ?? 0 }));
}
