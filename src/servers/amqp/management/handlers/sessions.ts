/** Who is connected: connections, channels, consumers; and how a connection is ended from here. */

import type { SeenChannel, Visitor } from '../../door.ts';
import { type Ask, type Handle, NO_CONTENT, notFound, refused } from '../ask.ts';
import { listed, shown } from '../listing.ts';
import { channelJson, channelName, connectionJson, connectionName, consumerJson, consumersOf } from '../shapes.ts';

/** Those that are open, of the virtual host in the path or all; of others' connections only an administrator hears. */
async function visitors(ask: Ask): Promise<Visitor[]> {
  const all = await ask.isAdministrator();
  const vhost = ask.path.vhost === undefined ? undefined : (await ask.site()).vhost;
  return [...ask.door.visitors].filter(
    (one) => one.vhost !== '' && (vhost === undefined || one.vhost === vhost) && (all || one.user === ask.user),
  );
}

export const listConnections: Handle = async (ask) => ({
  value: listed((await visitors(ask)).map(connectionJson), ask.call.query),
});

async function named(ask: Ask): Promise<Visitor> {
  const found = (await visitors(ask)).find((one) => connectionName(one) === ask.name('name'));
  if (found === undefined) throw notFound();
  return found;
}

export const describeConnection: Handle = async (ask) => ({ value: shown(connectionJson(await named(ask)), ask.call.query) });

export const closeConnection: Handle = async (ask) => {
  const visitor = await named(ask);
  if (visitor.user !== ask.user && !(await ask.isAdministrator())) throw refused();
  const reason = ask.call.headers['x-reason'];
  visitor.dismiss(320, typeof reason === 'string' && reason !== '' ? reason : 'Closed via management plugin');
  return NO_CONTENT;
};

function channelsOf(some: readonly Visitor[]): { readonly visitor: Visitor; readonly channel: SeenChannel }[] {
  return some.flatMap((visitor) => [...visitor.channels.values()].filter(({ isOpen }) => isOpen).map((channel) => ({ visitor, channel })));
}

export const listChannels: Handle = async (ask) => {
  const rows = channelsOf(await visitors(ask)).map(({ visitor, channel }) => channelJson(visitor, channel));
  return { value: listed(rows, ask.call.query) };
};

export const channelsOfConnection: Handle = async (ask) => {
  const rows = channelsOf([await named(ask)]).map(({ visitor, channel }) => channelJson(visitor, channel));
  return { value: listed(rows, ask.call.query) };
};

export const describeChannel: Handle = async (ask) => {
  const found = channelsOf(await visitors(ask)).find(({ visitor, channel }) => channelName(visitor, channel) === ask.name('name'));
  if (found === undefined) throw notFound();
  const { visitor, channel } = found;
  const consumers = consumersOf(ask.door, (one) => one === visitor).filter((one) => one.channel === channel);
  return { value: shown({ ...channelJson(visitor, channel), consumer_details: consumers.map(consumerJson) }, ask.call.query) };
};

export const listConsumers: Handle = async (ask) => {
  const seen = new Set(await visitors(ask));
  return { value: listed(consumersOf(ask.door, (one) => seen.has(one)).map(consumerJson), ask.call.query) };
};
