/** Handlers that the pools of these tests load in their workers. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, EventQueue, QueuedEvent } from '../../../src/events/events.ts';

/** Takes a while without holding its thread. */
export async function slow(_event: QueuedEvent): Promise<void> {
  await sleep(20);
}

/** Stops the pool that it runs on. */
export async function stopsItsPool(_event: QueuedEvent, { queue }: Context): Promise<void> {
  await (queue as EventQueue).stop();
}
