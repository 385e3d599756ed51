/** Queues and streams as clients declare and remove them: what is there, what may be, and how it is refused. */

import type { Binding, QueueSpec } from '../../model/declaration.ts';
import { Refused } from '../../model/refusal.ts';
import type { Visitor } from './door.ts';
import { AmqpFault, faultOf, locked, noExchange, noQueue } from './faults.ts';
import type { Site } from './link.ts';
import { checkAsker } from './names.ts';
import { checkArguments, checkEqual, isStream, type QueueWish, queueSpecOf, streamSpecOf } from './queue-arguments.ts';

export interface Known {
  /** Undefined: it is a stream. */
  readonly spec: QueueSpec | undefined;
  readonly ready: number;
  readonly consumers: number;
}

/** A queue or stream of that name; undefined when there is none. */
export async function findQueue({ house }: Site, name: string): Promise<Known | undefined> {
  const queue = await house.describe('queue', name);
  if (queue?.kind === 'queue' && queue.spec.kind === 'queue') return { spec: queue.spec, ready: queue.ready, consumers: queue.consumers };
  const topic = await house.describe('topic', name, { brief: true });
  if (topic?.kind !== 'topic') return undefined;
  const ready = topic.partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  return { spec: undefined, ready, consumers: 0 };
}

/** Declares it unless it is there just so. `asker`: the connection that asks. Answers whether it is new. Throws `AmqpFault`. */
export async function declareQueue(site: Site, wish: QueueWish, asker: Visitor | undefined, known: Known | undefined): Promise<boolean> {
  const { door, engine, vhost } = site;
  if (known !== undefined) {
    checkKnown(site, wish, asker, known);
    return false;
  }
  checkArguments(wish, vhost);
  try {
    await engine.declare(isStream(wish) ? streamSpecOf(wish, vhost) : queueSpecOf(wish));
  } catch (error) {
    throw queueRefused(site, error, wish.name);
  }
  if (wish.exclusive && asker !== undefined) door.own(vhost, wish.name, asker);
  return true;
}

function checkKnown(site: Site, wish: QueueWish, asker: Visitor | undefined, known: Known): void {
  const { door, vhost } = site;
  checkAsker(site, asker, wish.name);
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
export function queueRefused({ vhost, user }: Site, error: unknown, queue: string): unknown {
  if (!(error instanceof Refused)) return error;
  if (error.code === 'unknown') return noQueue(queue, vhost);
  if (error.code === 'forbidden') return new AmqpFault(403, `access to queue '${queue}' in vhost '${vhost}' refused for user '${user}'`);
  if (error.code === 'exclusive') return new AmqpFault(403, `queue '${queue}' in vhost '${vhost}' in exclusive use`);
  return faultOf(error);
}

/** Of a binding: says which of the two ends is not there. */
export async function bindingRefused(site: Site, error: unknown, exchange: string, to: Binding['to']): Promise<unknown> {
  if (!(error instanceof Refused) || error.code !== 'unknown') return queueRefused(site, error, to.name);
  const { house, vhost } = site;
  return (await house.describe('exchange', exchange)) === undefined
    ? noExchange(exchange, vhost)
    : to.kind === 'exchange'
      ? noExchange(to.name, vhost)
      : noQueue(to.name, vhost);
}

/** Removes it; what is not there is removed already. Throws `AmqpFault`. */
export async function removeQueue(
  site: Site,
  name: string,
  known: Known | undefined,
  options: { readonly ifUnused: boolean; readonly ifEmpty: boolean },
): Promise<void> {
  const { door, engine, vhost } = site;
  if (known === undefined) return;
  try {
    await engine.remove(known.spec === undefined ? 'topic' : 'queue', name, options);
    door.disown(vhost, name);
  } catch (error) {
    if (error instanceof Refused && error.code === 'conflict')
      throw new AmqpFault(406, `queue '${name}' in vhost '${vhost}' ${known.consumers > 0 && options.ifUnused ? 'in use' : 'not empty'}`);
    // Somebody else has just removed it.
    if (!(error instanceof Refused && error.code === 'unknown')) throw queueRefused(site, error, name);
  }
}
