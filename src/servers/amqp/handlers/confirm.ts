/** confirm.select [RabbitMQ]: from now on every publish of the channel is confirmed once it is safe. */

import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import type { Channel } from '../channel.ts';
import { Confirms } from '../confirms.ts';
import { AmqpFault } from '../faults.ts';

export function select(channel: Channel, args: Args<'confirm.select'>): void {
  if (channel.transaction !== undefined) throw new AmqpFault(406, 'cannot switch from tx to confirm mode');
  channel.confirms ??= new Confirms();
  if (!args.nowait) channel.link.output.method(channel.id, encodeMethod('confirm.select-ok', {}));
}
