/** The broker as a whole: overview, its one node, who asks, and whether all is well. */

import { RecordBatch } from '../../../../wire/amqp/amqp.ts';
import type { Door } from '../../door.ts';
import { serverVersion } from '../../server-properties.ts';
import { type Answer, type Ask, type Handle, notFound } from '../ask.ts';
import { shown } from '../listing.ts';
import { consumersOf, NODE } from '../shapes.ts';
import { isRouted, recordOf } from './messages.ts';

export const clusterName: string = NODE;

const EXCHANGE_TYPES = ['direct', 'fanout', 'headers', 'topic', 'x-consistent-hash', 'x-delayed-message'].map((name) => ({
  name,
  description: name,
  enabled: true,
}));

const PLATFORM = 'Node.js';

function listenersOf({ listeners }: Door): readonly object[] {
  return listeners.map(({ protocol, host, port }) => ({ node: NODE, protocol, ip_address: host, port }));
}

export const overview: Handle = async (ask) => {
  const { door } = ask;
  const version = serverVersion();
  let [ready, unacknowledged, queues, exchanges] = [0, 0, 0, 0];
  for (const { engine } of await ask.sites()) {
    for (const one of await engine.list('queue')) {
      if (one.kind !== 'queue') continue;
      queues++;
      ready += one.ready;
      unacknowledged += one.inFlight;
    }
    queues += (await engine.list('topic', { brief: true })).length;
    exchanges += (await engine.list('exchange')).length + 1;
  }
  const open = [...door.visitors].filter(({ vhost }) => vhost !== '');
  const value = {
    management_version: version,
    // Nothing is sampled: counts are given, rates are not.
    rates_mode: 'none',
    exchange_types: EXCHANGE_TYPES,
    product_version: version,
    product_name: 'signalbox',
    rabbitmq_version: version,
    cluster_name: NODE,
    erlang_version: PLATFORM,
    erlang_full_version: PLATFORM,
    disable_stats: false,
    enable_queue_totals: true,
    message_stats: {
      publish: door.figures.published,
      deliver_get: door.figures.delivered,
      return_unroutable: door.figures.returned,
    },
    queue_totals: { messages: ready + unacknowledged, messages_ready: ready, messages_unacknowledged: unacknowledged },
    object_totals: {
      channels: open.reduce((sum, { channels }) => sum + channels.size, 0),
      connections: open.length,
      consumers: consumersOf(door, () => true).length,
      exchanges,
      queues,
    },
    node: NODE,
    listeners: listenersOf(door),
    contexts: [],
  };
  return { value: shown(value, ask.call.query) };
};

function nodeJson(door: Door): Readonly<Record<string, unknown>> {
  return {
    name: NODE,
    type: 'disc',
    running: door.engine.ended === undefined,
    partitions: [],
    mem_alarm: false,
    disk_free_alarm: isDiskFull(door),
    rates_mode: 'none',
    exchange_types: EXCHANGE_TYPES,
    auth_mechanisms: ['AMQPLAIN', 'PLAIN', 'EXTERNAL'].map((name) => ({ name, description: name, enabled: true })),
    applications: [],
    contexts: [],
    cluster_links: [],
    enabled_plugins: ['rabbitmq_management', 'rabbitmq_consistent_hash_exchange'],
  };
}

export const listNodes: Handle = async (ask) => ({ value: [shown(nodeJson(ask.door), ask.call.query)] });

export const describeNode: Handle = async (ask) => {
  if (ask.name('name') !== NODE) throw notFound();
  return { value: shown(nodeJson(ask.door), ask.call.query) };
};

export const whoAmI: Handle = async (ask) => ({
  value: { name: ask.user, tags: [(await ask.isAdministrator()) ? 'administrator' : 'management'] },
});

function isDiskFull(door: Door): boolean {
  return door.engine.metrics().get('disk_full') === 1;
}

function failed(reason: string, more: object = {}): Answer {
  return { status: 503, body: JSON.stringify({ status: 'failed', reason, ...more }) };
}

const WELL = { value: { status: 'ok' } };

function checked({ door }: Ask) {
  const { ended } = door.engine;
  if (ended !== undefined) return failed(ended.message);
  if (!isDiskFull(door)) return WELL;
  return failed('There are alarms in effect in the cluster', { alarms: [{ node: NODE, resource: 'disk' }] });
}

export const checkHealth: Handle = async (ask) => checked(ask);

/** What cannot be otherwise with one node. */
export const checkAlone: Handle = async (ask) => {
  const { ended } = ask.door.engine;
  return ended === undefined ? { value: { status: 'ok', reason: 'single node cluster' } } : failed(ended.message);
};

export const checkVhosts: Handle = async (ask) => {
  const { ended } = ask.door.engine;
  return ended === undefined ? WELL : failed(ended.message);
};

export const checkPort: Handle = async (ask) => {
  const ports = ask.door.listeners.map(({ port }) => port);
  const port = Number(ask.name('port'));
  return ports.includes(port) ? { value: { status: 'ok', port } } : failed('No active listener', { missing: port, ports });
};

export const checkProtocol: Handle = async (ask) => {
  const protocols = ask.door.listeners.map(({ protocol }) => protocol as string);
  const asked = ask.name('protocol');
  const protocol = asked === 'amqp091' || asked === 'amqp0.9.1' ? 'amqp' : asked === 'amqps' ? 'amqp/ssl' : asked;
  return protocols.includes(protocol)
    ? { value: { status: 'ok', protocol: asked } }
    : failed('No active listener', { missing: asked, protocols });
};

const ALIVENESS = 'aliveness-test';

/** Declares a queue, sends a message and takes it. */
export const testAliveness: Handle = async (ask) => {
  const { engine, house } = await ask.site();
  await engine.declare({ kind: 'queue', name: ALIVENESS, durable: false });
  const batch = new RecordBatch();
  const record = recordOf(
    batch,
    { exchange: '', address: ALIVENESS, properties: {}, payload: Buffer.from('test_message') },
    engine.nowMs(),
  );
  if (!isRouted(await engine.publish(record))) return failed('the message went nowhere');
  const taken = await house.receive({ queue: ALIVENESS, settle: 'on-delivery', waitMs: 1000 });
  return taken === undefined ? failed('the message did not come') : WELL;
};
