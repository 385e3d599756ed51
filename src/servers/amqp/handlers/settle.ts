/** basic.ack, nack, reject, recover, qos [AMQP 0-9-1, 1.8.3; nack and per-consumer qos are RabbitMQ's]. */

import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import type { Channel } from '../channel.ts';
import { AmqpFault } from '../faults.ts';

export function ack(channel: Channel, args: Args<'basic.ack'>): void {
  channel.settle(args.deliveryTag, args.multiple, 'ack');
}

export function nack(channel: Channel, args: Args<'basic.nack'>): void {
  channel.settle(args.deliveryTag, args.multiple, args.requeue ? 'nack' : 'reject');
}

export function reject(channel: Channel, args: Args<'basic.reject'>): void {
  channel.settle(args.deliveryTag, false, args.requeue ? 'nack' : 'reject');
}

export function recover(channel: Channel, args: Args<'basic.recover'>): void {
  recoverAsync(channel, args);
  channel.link.output.method(channel.id, encodeMethod('basic.recover-ok', {}));
}

export function recoverAsync(channel: Channel, args: Args<'basic.recover-async'>): void {
  if (!args.requeue) throw new AmqpFault(540, 'requeue=false', 'connection');
  channel.settle(0, true, 'nack');
}

/** `global`: for all consumers of the channel together; else for each that comes from now on. */
export function qos(channel: Channel, args: Args<'basic.qos'>): void {
  if (args.prefetchSize !== 0) throw new AmqpFault(540, `prefetch_size!=0 (${args.prefetchSize})`, 'connection');
  const count = args.prefetchCount === 0 ? Number.POSITIVE_INFINITY : args.prefetchCount;
  if (args.global) channel.sharedMax = count;
  else channel.prefetch = count;
  channel.link.output.method(channel.id, encodeMethod('basic.qos-ok', {}));
}
