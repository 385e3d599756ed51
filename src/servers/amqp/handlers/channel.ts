/** channel.flow and close, access.request [AMQP 0-9-1, 1.5; access is of 0-8 and still asked for]. */

import { type Args, encodeMethod } from '../../../wire/amqp/amqp.ts';
import type { Channel } from '../channel.ts';
import { AmqpFault } from '../faults.ts';

export function flow(channel: Channel, args: Args<'channel.flow'>): void {
  if (!args.active) throw new AmqpFault(540, 'active=false', 'connection');
  channel.link.output.method(channel.id, encodeMethod('channel.flow-ok', { active: true }));
}

export async function close(channel: Channel): Promise<void> {
  await channel.close();
  channel.link.output.method(channel.id, encodeMethod('channel.close-ok', {}));
}

/** Old clients ask for a ticket and send it with every method; nobody looks at it. */
export function access(channel: Channel): void {
  channel.link.output.method(channel.id, encodeMethod('access.request-ok', { ticket: 1 }));
}
