/** Names that programs may not take, and where a name stands for the one declared last. */

import type { Channel } from './channel.ts';
import type { Visitor } from './door.ts';
import { AmqpFault, locked } from './faults.ts';
import type { Site } from './link.ts';

const RESERVED = 'amq.';

/** Throws `AmqpFault` 403 for a name that is the broker's. */
export function checkReserved(what: 'queue' | 'exchange', name: string): void {
  if (name.startsWith(RESERVED)) throw new AmqpFault(403, `${what} name '${name}' contains reserved prefix 'amq.*'`);
}

/** The queue meant: `''` is the one declared last on this channel. Throws `AmqpFault` 404. */
export function queueNamed(channel: Channel, name: string): string {
  if (name !== '') return name;
  if (channel.lastQueue === '') throw new AmqpFault(404, 'no previously declared queue');
  return channel.lastQueue;
}

/** Throws `AmqpFault` 405 when another connection keeps this queue for itself. */
export function checkOwner({ link }: Channel, queue: string): void {
  checkAsker(link, link, queue);
}

/** The same for who has no channel. `asker` undefined: no connection at all. */
export function checkAsker({ door, vhost }: Site, asker: Visitor | undefined, queue: string): void {
  const owner = door.ownerOf(vhost, queue);
  if (owner !== undefined && owner !== asker) throw locked(queue, vhost);
}
