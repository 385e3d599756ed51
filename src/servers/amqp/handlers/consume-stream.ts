/** basic.consume of a stream [RabbitMQ]: from an offset on, with acknowledgements that only grant further deliveries. */

import type { Headers } from '../../../model/message.ts';
import { Refused } from '../../../model/refusal.ts';
import { type Args, letterOf } from '../../../wire/amqp/amqp.ts';
import type { Channel } from '../channel.ts';
import { aboutOf } from '../consumer.ts';
import { AmqpFault } from '../faults.ts';
import { ageMs } from '../queue-arguments.ts';
import { type Beginning, beginningOf, StreamConsumer } from '../stream-consumer.ts';
import { typeName } from '../type-names.ts';

export async function consumeStream(channel: Channel, args: Args<'basic.consume'>, tag: string, stream: string): Promise<void> {
  const { link } = channel;
  const place = `queue '${stream}' in vhost '${link.vhost}'`;
  if (args.noAck) throw new AmqpFault(540, `automatic acknowledgement not supported by stream queues ${place}`, 'connection');
  if (channel.prefetch === Number.POSITIVE_INFINITY) throw new AmqpFault(406, `consumer prefetch count is not set for '${place}'`);
  const from = beginning(args.arguments, link.engine.nowMs(), place);
  // To see a topic is less than to read it.
  if (!(await link.engine.may('read', 'topic', stream))) throw new Refused('forbidden', `The user may not read the stream "${stream}".`);
  const described = await link.engine.describe('topic', stream, { brief: true });
  const partitions = described?.kind === 'topic' ? described.partitions.map(({ partition }) => partition) : [0];
  const starts = await Promise.all(partitions.map((partition) => beginningOf(link.engine, stream, partition, from)));
  if (!channel.isOpen) return;
  const consumer = new StreamConsumer(channel, {
    tag,
    about: aboutOf(channel.prefetch, args),
    topic: stream,
    limit: channel.prefetch,
    from,
  });
  channel.consumers.set(tag, consumer);
  if (!args.nowait) consumer.announce();
  for (const [i, start] of starts.entries()) consumer.read(partitions[i] ?? 0, start).catch((error: unknown) => link.wrong(error, 0));
}

function beginning(given: Headers, nowMs: number, place: string): Beginning {
  const value = given.get('x-stream-offset');
  if (value === undefined || value === 'next') return 'next';
  if (value === 'first' || value === 'last') return value;
  if (typeof value === 'number') return letterOf(given, 'x-stream-offset') === 'T' ? { timeMs: value * 1000 } : { offset: value };
  const backMs = typeof value === 'string' ? ageMs(value) : undefined;
  if (backMs !== undefined) return { timeMs: nowMs - backMs };
  throw new AmqpFault(406, `invalid arg 'x-stream-offset' for ${place}: {unacceptable_type,${typeName(value)}}`);
}
