/** `definitions.json`: all that is declared, written for a RabbitMQ to read, and read as one wrote it. */

import type { Binding, ExchangeSpec } from '../../../../model/declaration.ts';
import { MAIN_LINE } from '../../../../model/message.ts';
import { declareExchange } from '../../exchanges.ts';
import type { Site } from '../../link.ts';
import { GUEST } from '../../login.ts';
import { declareQueue, findQueue } from '../../queues.ts';
import { serverVersion } from '../../server-properties.ts';
import { type Ask, badRequest, type Given, type Handle, NO_CONTENT, textOf } from '../ask.ts';
import { bindingDefinition, exchangeDefinition, queueDefinition, streamDefinition } from '../shapes.ts';
import { bind } from './bindings.ts';
import { exchangeWish } from './exchanges.ts';
import { queueWish } from './queues.ts';
import { allPermissions, declareUser, permissionsIn, permit, userRows } from './users.ts';
import { declareVhost } from './vhosts.ts';

interface Definitions {
  readonly queues: readonly object[];
  readonly exchanges: readonly object[];
  readonly bindings: readonly object[];
}

/** What is there by itself, and what goes with its connection, is left out. */
async function definitionsOf({ engine, door, vhost }: Site): Promise<Definitions> {
  const [queues, topics, exchanges] = await Promise.all([
    engine.list('queue'),
    engine.list('topic', { brief: true }),
    engine.list('exchange'),
  ]);
  const passing = new Set(
    queues.flatMap((one) => (one.kind === 'queue' && door.ownerOf(vhost, one.spec.name) !== undefined ? [one.spec.name] : [])),
  );
  const bindings = exchanges.flatMap((one) => (one.kind === 'exchange' ? one.bindings : []));
  return {
    queues: [
      ...queues.flatMap((one) => (one.kind === 'queue' && !passing.has(one.spec.name) ? [queueDefinition(one)] : [])),
      ...topics.flatMap((one) => (one.kind === 'topic' ? [streamDefinition(one)] : [])),
    ],
    exchanges: exchanges.flatMap((one) =>
      one.kind === 'exchange' && !one.spec.name.startsWith('amq.') ? [exchangeDefinition(one.spec as ExchangeSpec)] : [],
    ),
    bindings: bindings.filter((one) => !passing.has(one.to.name) && !isOfTopic(one)).map(bindingDefinition),
  };
}

/** Every topic takes what is published to its own name. */
function isOfTopic({ exchange, to, pattern, labels }: Binding): boolean {
  return exchange === MAIN_LINE && to.kind === 'topic' && pattern === to.name && labels === undefined;
}

export const exportAll: Handle = async (ask) => {
  await ask.checkAdministrator();
  const version = serverVersion();
  const parts = await Promise.all(
    (await ask.sites()).map(async (site) => {
      const found = await definitionsOf(site);
      const within = (rows: readonly object[]) => rows.map((row) => ({ vhost: site.vhost, ...row }));
      return { queues: within(found.queues), exchanges: within(found.exchanges), bindings: within(found.bindings) };
    }),
  );
  return {
    value: {
      rabbit_version: version,
      rabbitmq_version: version,
      product_name: 'signalbox',
      product_version: version,
      // While nobody is configured there is nobody to tell of.
      users: ask.door.engine.guarded ? await userRows(ask.door) : [],
      vhosts: (await ask.vhosts()).map((name) => ({ name })),
      permissions: ask.door.engine.guarded ? await allPermissions(ask.door) : [],
      topic_permissions: [],
      parameters: [],
      global_parameters: [],
      policies: [],
      queues: parts.flatMap(({ queues }) => queues),
      exchanges: parts.flatMap(({ exchanges }) => exchanges),
      bindings: parts.flatMap(({ bindings }) => bindings),
    },
  };
};

export const exportOne: Handle = async (ask) => {
  const found = await definitionsOf(await ask.site());
  return { value: { rabbit_version: serverVersion(), parameters: [], policies: [], ...found } };
};

function rowsIn(given: Given, name: string): readonly Given[] {
  const rows = given[name] ?? [];
  if (!Array.isArray(rows) || rows.some((row) => typeof row !== 'object' || row === null))
    throw badRequest(`${name} is not a list of objects`);
  return rows as readonly Given[];
}

function nameIn(row: Given, what: string): string {
  const name = textOf(row.name);
  if (name === '') throw badRequest(`one of the ${what} has no name`);
  return name;
}

async function declareAll(site: Site, queues: readonly Given[], exchanges: readonly Given[], bindings: readonly Given[]): Promise<void> {
  for (const row of exchanges) await declareExchange(site, exchangeWish(nameIn(row, 'exchanges'), row));
  for (const row of queues) {
    const wish = queueWish(nameIn(row, 'queues'), row);
    await declareQueue(site, wish, undefined, await findQueue(site, wish.name));
  }
  for (const row of bindings) {
    const name = textOf(row.destination);
    const isExchange = row.destination_type === 'exchange';
    const there = isExchange ? undefined : await findQueue(site, name);
    const kind = isExchange ? 'exchange' : there !== undefined && there.spec === undefined ? 'topic' : 'queue';
    await bind({ site, source: textOf(row.source), to: { kind, name } }, row);
  }
}

/** A file whose only user is the guest there is anyway says nothing of users. */
async function declareUsers(ask: Ask, given: Given): Promise<void> {
  const users = rowsIn(given, 'users');
  if (!ask.door.engine.guarded && users.every(({ name }) => name === GUEST)) return;
  const permissions = rowsIn(given, 'permissions').map((row) => {
    const [user, vhost] = [textOf(row.user), textOf(row.vhost)];
    return { user, vhost, permissions: permissionsIn(row, user, vhost) };
  });
  const isAdministered = users.some(({ tags }) => String(tags).split(',').includes('administrator'));
  // Who administers first: from the first user on nobody else may go on with this.
  for (const row of users.toSorted(
    (a, b) => Number(String(b.tags).includes('administrator')) - Number(String(a.tags).includes('administrator')),
  ))
    await declareUser(ask.asHouse(), nameIn(row, 'users'), { tags: '', ...row }, isAdministered);
  for (const { user, vhost, permissions: may } of permissions) await permit(ask.asHouse(), user, vhost, may);
}

export const importAll: Handle = async (ask) => {
  await ask.checkAdministrator();
  const given = await ask.given('failed_to_parse_json');
  for (const row of rowsIn(given, 'vhosts')) await declareVhost(ask, nameIn(row, 'vhosts'), row);
  const vhosts = new Set(await ask.vhosts());
  const [queues, exchanges, bindings] = ['queues', 'exchanges', 'bindings'].map((name) => rowsIn(given, name)) as [
    Given[],
    Given[],
    Given[],
  ];
  const named = new Set([...queues, ...exchanges, ...bindings].map(({ vhost }) => textOf(vhost)));
  for (const vhost of named) if (!vhosts.has(vhost)) throw badRequest(['no_such_vhost', vhost]);
  for (const vhost of named) {
    const of = (rows: readonly Given[]) => rows.filter((row) => row.vhost === vhost);
    await declareAll(ask.asHouse().siteOf(vhost), of(queues), of(exchanges), of(bindings));
  }
  await declareUsers(ask, given);
  return NO_CONTENT;
};

export const importOne: Handle = async (ask) => {
  const site = await ask.site();
  const given = await ask.given('failed_to_parse_json');
  await declareAll(site, rowsIn(given, 'queues'), rowsIn(given, 'exchanges'), rowsIn(given, 'bindings'));
  return NO_CONTENT;
};
