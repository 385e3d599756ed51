/** The end of a connection: what its channels hold goes back, and the queues that were its alone go. */

import { Refused } from '../../model/refusal.ts';
import type { Channel } from './channel.ts';
import type { Link } from './link.ts';

/** Resolves when nothing is held any more. */
export async function letGo(link: Link, channels: readonly Channel[]): Promise<void> {
  const { door, house, vhost } = link;
  await Promise.all(channels.map((channel) => channel.drop().catch((error: unknown) => door.tell(error, 'channel'))));
  for (const queue of door.ownedBy(link)) {
    door.disown(vhost, queue);
    await house.remove('queue', queue).catch((error: unknown) => {
      // Gone by itself (auto-delete), or with the broker.
      if (!(error instanceof Refused)) door.tell(error, 'queue');
    });
  }
}
