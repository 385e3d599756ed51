/** basic.get [AMQP 0-9-1, 1.8.3.10]: one message, now or not at all. */

import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import type { Channel } from '../channel.ts';
import { AmqpFault, noQueue } from '../faults.ts';
import { checkOwner, queueNamed } from '../names.ts';
import { findQueue, queueRefused } from '../queues.ts';

export async function get(channel: Channel, args: Args<'basic.get'>): Promise<void> {
  const { link } = channel;
  const queue = queueNamed(channel, args.queue);
  const known = await findQueue(link, queue);
  if (known === undefined) throw noQueue(queue, link.vhost);
  if (known.spec === undefined)
    throw new AmqpFault(540, `basic.get not supported by stream queues queue '${queue}' in vhost '${link.vhost}'`, 'connection');
  checkOwner(channel, queue);
  const { spec } = known;
  const deliveries = await link.engine
    .receive({ queue, leaseMs: spec.leaseMs ?? Number.POSITIVE_INFINITY, settle: args.noAck ? 'on-delivery' : 'by-consumer' })
    .catch((error: unknown) => {
      throw queueRefused(channel.link, error, queue);
    });
  if (deliveries === undefined || deliveries.count === 0) {
    link.output.method(channel.id, encodeMethod('basic.get-empty', { clusterId: '' }));
    return;
  }
  const left = (await findQueue(link, queue))?.ready ?? 0;
  const { bytes, at, numbers, lease, attempts, deaths, returned } = deliveries;
  const [number = 0] = numbers;
  if (!channel.isOpen) {
    // The channel has ended meanwhile: nobody will ever settle it.
    if (!args.noAck) await link.engine.settle({ queue, runs: Float64Array.of(number, 1), lease, outcome: 'requeue' });
    return;
  }
  const deliveryTag = args.noAck
    ? channel.unacked.skip()
    : channel.unacked.add(number, lease, channel.sourceOfGets(queue, spec.leaseMs !== undefined));
  const often = attempts[0] ?? 1;
  const died = deaths?.[0];
  const more = spec.retry !== undefined && often > 1 ? new Map([['x-delivery-count', often - 1]]) : undefined;
  const { outgoing } = channel;
  outgoing.look(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    at[0] ?? 0,
    died === undefined && more === undefined ? undefined : { deaths: died, more },
  );
  const [exchange, routingKey] = outgoing.texts;
  link.output.method(
    channel.id,
    encodeMethod('basic.get-ok', { deliveryTag, redelivered: ((returned?.[0] ?? 0) & 1) === 1, exchange, routingKey, messageCount: left }),
  );
  link.output.content(channel.id, outgoing);
  link.door.figures.delivered++;
}
