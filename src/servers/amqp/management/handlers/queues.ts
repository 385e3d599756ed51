/** Queues and streams: listed, described, declared, emptied and removed. */

import type { Description } from '../../../../model/engine.ts';

import type { Site } from '../../link.ts';
import { checkAsker } from '../../names.ts';
import type { QueueWish } from '../../queue-arguments.ts';
import { declareQueue, findQueue, queueRefused, removeQueue } from '../../queues.ts';
import {
  ApiFault,
  type Ask,
  argumentsIn,
  badRequest,
  CREATED,
  flagOf,
  type Given,
  type Handle,
  NO_CONTENT,
  notFound,
  refused,
} from '../ask.ts';
import { listed, shown } from '../listing.ts';
import { bindingJson, consumerJson, consumersOf, ownBinding, queueJson, streamJson } from '../shapes.ts';

type Row = Readonly<Record<string, unknown>>;

async function rowsOf({ engine, door, vhost }: Site): Promise<Row[]> {
  const [queues, topics] = await Promise.all([engine.list('queue'), engine.list('topic', { brief: true })]);
  return [...queues, ...topics].map((one) => rowOf(one, vhost, door)).filter((row) => row !== undefined);
}

function rowOf(one: Description, vhost: string, door: Site['door']): Row | undefined {
  if (one.kind === 'queue') return queueJson(door, vhost, one);
  return one.kind === 'topic' ? streamJson(vhost, one) : undefined;
}

export const listQueues: Handle = async (ask) => {
  const rows = (await Promise.all((await ask.sites()).map(rowsOf))).flat();
  return { value: listed(rows, ask.call.query) };
};

export const describeQueue: Handle = async (ask) => {
  const site = await ask.site();
  const { engine, door, vhost } = site;
  const name = ask.name('name');
  const found = (await engine.describe('queue', name)) ?? (await engine.describe('topic', name));
  const row = found && rowOf(found, vhost, door);
  if (row === undefined) throw notFound();
  const consumers = consumersOf(door, (one) => one.vhost === vhost).filter(({ consumer }) => consumer.queue === name);
  return { value: shown({ ...row, consumer_details: consumers.map(consumerJson) }, ask.call.query) };
};

/** Reads a queue's declaration. Throws `ApiFault`. */
export function queueWish(name: string, given: Given): QueueWish {
  return {
    name,
    durable: flagOf(given.durable ?? true),
    autoDelete: flagOf(given.auto_delete),
    exclusive: flagOf(given.exclusive),
    arguments: argumentsIn(given.arguments),
  };
}

export const putQueue: Handle = async (ask) => {
  const site = await ask.site(ask.name('vhost'), new ApiFault(404, 'not_found', 'vhost_not_found'));
  const name = ask.name('name');
  const wish = queueWish(name, await ask.given());
  if (wish.exclusive) throw badRequest('an exclusive queue is its connection’s, and this request has none');
  const known = await findQueue(site, name);
  if (known === undefined && name.startsWith('amq.')) throw refused();
  return (await declareQueue(site, wish, undefined, known)) ? CREATED : NO_CONTENT;
};

export const removeOne: Handle = async (ask) => {
  const { site, name, known } = await knownQueue(ask);
  checkAsker(site, undefined, name);
  const { query } = ask.call;
  await removeQueue(site, name, known, { ifUnused: query.get('if-unused') === 'true', ifEmpty: query.get('if-empty') === 'true' });
  return NO_CONTENT;
};

async function knownQueue(ask: Ask) {
  const site = await ask.site();
  const name = ask.name('name');
  const known = await findQueue(site, name);
  if (known === undefined) throw notFound();
  return { site, name, known };
}

export const purge: Handle = async (ask) => {
  const { site, name, known } = await knownQueue(ask);
  checkAsker(site, undefined, name);
  if (known.spec === undefined) throw badRequest(`queue.purge not supported by stream queues queue '${name}' in vhost '${site.vhost}'`);
  await site.engine.purge(name).catch((error: unknown) => {
    throw queueRefused(site, error, name);
  });
  return NO_CONTENT;
};

/** `sync` and the like: there is one node, so there is nothing to do. */
export const act: Handle = async (ask) => {
  await knownQueue(ask);
  const { action } = await ask.given();
  if (action !== 'sync' && action !== 'cancel_sync') throw badRequest(['unknown action', action]);
  return NO_CONTENT;
};

export const bindingsOfQueue: Handle = async (ask) => {
  const { site, name } = await knownQueue(ask);
  const exchanges = await site.engine.list('exchange');
  const bindings = exchanges.flatMap((one) => (one.kind === 'exchange' ? one.bindings : []));
  const to = bindings.filter((binding) => binding.to.kind !== 'exchange' && binding.to.name === name);
  return {
    value: listed(
      [ownBinding(name), ...to].map((binding) => bindingJson(site.vhost, binding) as Row),
      ask.call.query,
    ),
  };
};
