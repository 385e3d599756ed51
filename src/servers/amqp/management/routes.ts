/** All that this interface can do, as one table: method, path, handler. What is in braces is one percent-encoded segment. */

import { type Handle, NO_CONTENT } from './ask.ts';
import * as bindings from './handlers/bindings.ts';
import * as definitions from './handlers/definitions.ts';
import * as exchanges from './handlers/exchanges.ts';
import * as messages from './handlers/messages.ts';
import * as nodes from './handlers/nodes.ts';
import * as queues from './handlers/queues.ts';
import * as sessions from './handlers/sessions.ts';
import * as users from './handlers/users.ts';
import * as vhosts from './handlers/vhosts.ts';

/** What there is none of here. */
const none: Handle = async () => ({ value: [] });

type Row = readonly [path: string, handlers: Readonly<Record<string, Handle>>];

const ROWS: readonly Row[] = [
  ['/overview', { GET: nodes.overview }],
  ['/cluster-name', { GET: async () => ({ value: { name: nodes.clusterName } }) }],
  ['/nodes', { GET: nodes.listNodes }],
  ['/nodes/{name}', { GET: nodes.describeNode }],
  ['/extensions', { GET: none }],
  ['/whoami', { GET: nodes.whoAmI }],
  ['/auth', { GET: async () => ({ value: { enable_uaa: false, uaa_client_id: '', uaa_location: '' } }) }],
  ['/connections', { GET: sessions.listConnections }],
  ['/connections/{name}', { GET: sessions.describeConnection, DELETE: sessions.closeConnection }],
  ['/connections/{name}/channels', { GET: sessions.channelsOfConnection }],
  ['/channels', { GET: sessions.listChannels }],
  ['/channels/{name}', { GET: sessions.describeChannel }],
  ['/consumers', { GET: sessions.listConsumers }],
  ['/consumers/{vhost}', { GET: sessions.listConsumers }],
  ['/exchanges', { GET: exchanges.listExchanges }],
  ['/exchanges/{vhost}', { GET: exchanges.listExchanges }],
  ['/exchanges/{vhost}/{name}', { GET: exchanges.describeExchange, PUT: exchanges.putExchange, DELETE: exchanges.removeOne }],
  ['/exchanges/{vhost}/{name}/publish', { POST: messages.publish }],
  ['/exchanges/{vhost}/{name}/bindings/{end}', { GET: exchanges.bindingsOfExchange }],
  ['/queues', { GET: queues.listQueues }],
  ['/queues/{vhost}', { GET: queues.listQueues }],
  ['/queues/{vhost}/{name}', { GET: queues.describeQueue, PUT: queues.putQueue, DELETE: queues.removeOne }],
  ['/queues/{vhost}/{name}/contents', { DELETE: queues.purge }],
  ['/queues/{vhost}/{name}/get', { POST: messages.get }],
  ['/queues/{vhost}/{name}/actions', { POST: queues.act }],
  ['/queues/{vhost}/{name}/bindings', { GET: queues.bindingsOfQueue }],
  ['/bindings', { GET: bindings.listBindings }],
  ['/bindings/{vhost}', { GET: bindings.listBindings }],
  ['/bindings/{vhost}/e/{source}/{kind}/{destination}', { GET: bindings.listBetween, POST: bindings.postBinding }],
  ['/bindings/{vhost}/e/{source}/{kind}/{destination}/{key}', { GET: bindings.describeBinding, DELETE: bindings.removeBinding }],
  ['/vhosts', { GET: vhosts.listVhosts }],
  ['/vhosts/{vhost}', { GET: vhosts.describeVhost, PUT: vhosts.putVhost, DELETE: vhosts.removeVhost }],
  ['/vhosts/{vhost}/permissions', { GET: users.listPermissions }],
  ['/vhosts/{vhost}/connections', { GET: sessions.listConnections }],
  ['/vhosts/{vhost}/channels', { GET: sessions.listChannels }],
  ['/users', { GET: users.listUsers }],
  ['/users/{user}', { GET: users.describeUser, PUT: users.putUser, DELETE: users.removeUser }],
  ['/users/{user}/permissions', { GET: users.listPermissions }],
  ['/permissions', { GET: users.listPermissions }],
  ['/permissions/{vhost}/{user}', { GET: users.describePermissions, PUT: users.putPermissions, DELETE: users.removePermissions }],
  ['/definitions', { GET: definitions.exportAll, POST: definitions.importAll }],
  ['/definitions/{vhost}', { GET: definitions.exportOne, POST: definitions.importOne }],
  ['/aliveness-test/{vhost}', { GET: nodes.testAliveness }],
  ['/healthchecks/node', { GET: nodes.checkHealth }],
  ['/healthchecks/node/{name}', { GET: nodes.checkHealth }],
  ['/health/checks/alarms', { GET: nodes.checkHealth }],
  ['/health/checks/local-alarms', { GET: nodes.checkHealth }],
  ['/health/checks/virtual-hosts', { GET: nodes.checkVhosts }],
  ['/health/checks/node-is-mirror-sync-critical', { GET: nodes.checkAlone }],
  ['/health/checks/node-is-quorum-critical', { GET: nodes.checkAlone }],
  ['/health/checks/port-listener/{port}', { GET: nodes.checkPort }],
  ['/health/checks/protocol-listener/{protocol}', { GET: nodes.checkProtocol }],
  ['/rebalance/queues', { POST: async () => NO_CONTENT }],
  ['/topic-permissions', { GET: none }],
  ['/parameters', { GET: none }],
  ['/parameters/{component}', { GET: none }],
  ['/parameters/{component}/{vhost}', { GET: none }],
  ['/global-parameters', { GET: none }],
  ['/policies', { GET: none }],
  ['/policies/{vhost}', { GET: none }],
  ['/operator-policies', { GET: none }],
  ['/operator-policies/{vhost}', { GET: none }],
  ['/vhost-limits', { GET: none }],
  ['/user-limits', { GET: none }],
  ['/feature-flags', { GET: none }],
];

interface Compiled {
  readonly segments: readonly string[];
  readonly handlers: Row[1];
}

const TABLE: readonly Compiled[] = ROWS.map(([path, handlers]) => ({ segments: path.slice(1).split('/'), handlers }));

export interface Found {
  readonly handlers: Row[1];
  readonly path: Readonly<Record<string, string>>;
}

/** `path`: what follows `/api`. Undefined: there is nothing there. */
export function find(path: string): Found | undefined {
  const given = path.replace(/\/$/, '').slice(1).split('/');
  for (const { segments, handlers } of TABLE) {
    if (segments.length !== given.length) continue;
    const names = matched(segments, given);
    if (names !== undefined) return { handlers, path: names };
  }
  return undefined;
}

function matched(segments: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  const names: Record<string, string> = {};
  for (const [i, segment] of segments.entries()) {
    const text = given[i] ?? '';
    if (!segment.startsWith('{')) {
      if (segment !== text) return undefined;
      continue;
    }
    try {
      names[segment.slice(1, -1)] = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  return names;
}
