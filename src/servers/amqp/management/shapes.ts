/** What is declared, and who is connected, in the words and names of RabbitMQ's management interface. What is not counted here is left out. */

import { crc32 } from '../../../bytes/crc32.ts';
import type { Binding, ExchangeSpec } from '../../../model/declaration.ts';
import type { Description } from '../../../model/engine.ts';
import { argumentsOfBinding } from '../binding.ts';
import { type Door, type SeenChannel, TYPE_LABEL, type Visitor } from '../door.ts';
import { argumentsOfExchange, typeNameOf } from '../exchanges.ts';
import { argumentsOf, argumentsOfStream } from '../queue-arguments.ts';

import { jsonOfHeaders } from './table-json.ts';

type Json = Readonly<Record<string, unknown>>;

/** One process is one node. */
export const NODE = 'signalbox@localhost';

type QueueDescription = Extract<Description, { kind: 'queue' }>;
type TopicDescription = Extract<Description, { kind: 'topic' }>;

/** How a queue is declared. */
export function queueDefinition({ spec }: QueueDescription): Json {
  if (spec.kind !== 'queue') return {};
  return {
    name: spec.name,
    durable: spec.durable !== false,
    auto_delete: spec.autoDelete === true,
    arguments: jsonOfHeaders(argumentsOf(spec)),
  };
}

/** A topic is a stream to this protocol. */
export function streamDefinition({ spec }: TopicDescription): Json {
  if (spec.kind !== 'topic') return {};
  return { name: spec.name, durable: true, auto_delete: false, arguments: jsonOfHeaders(argumentsOfStream(spec)) };
}

const NO_POLICY = { policy: null, operator_policy: null, effective_policy_definition: {} };

export function queueJson(door: Door, vhost: string, queue: QueueDescription): Json {
  const { ready, inFlight, sizeBytes, consumers, totals, spec } = queue;
  const owner = door.ownerOf(vhost, spec.name);
  const definition = queueDefinition(queue);
  const type = spec.kind === 'queue' ? (spec.labels?.[TYPE_LABEL] ?? 'classic') : 'classic';
  const exclusive = consumersOf(door, (one) => one.vhost === vhost).find(
    ({ consumer }) => consumer.queue === spec.name && consumer.about?.exclusive,
  );
  return {
    ...definition,
    vhost,
    type,
    exclusive: owner !== undefined,
    ...(owner !== undefined && { owner_pid_details: peerJson(owner) }),
    exclusive_consumer_tag: exclusive?.consumer.tag ?? null,
    single_active_consumer_tag: null,
    ...NO_POLICY,
    node: NODE,
    state: 'running',
    consumers,
    messages: ready + inFlight,
    messages_ready: ready,
    messages_unacknowledged: inFlight,
    message_bytes: sizeBytes,
    ...(totals.published > 0 && { message_stats: { publish: totals.published, ack: totals.acked } }),
  };
}

export function streamJson(vhost: string, topic: TopicDescription): Json {
  const messages = topic.partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  return {
    ...streamDefinition(topic),
    vhost,
    type: 'stream',
    exclusive: false,
    ...NO_POLICY,
    node: NODE,
    leader: NODE,
    members: [NODE],
    online: [NODE],
    state: 'running',
    messages,
    messages_ready: messages,
    messages_unacknowledged: 0,
    ...(topic.sizeBytes !== undefined && { message_bytes: topic.sizeBytes }),
  };
}

/** How an exchange is declared. */
export function exchangeDefinition(spec: ExchangeSpec): Json {
  return {
    name: spec.name,
    type: spec.labels?.[TYPE_LABEL] ?? typeNameOf(spec.type),
    durable: spec.durable !== false,
    auto_delete: spec.autoDelete === true,
    internal: spec.internal === true,
    arguments: jsonOfHeaders(argumentsOfExchange(spec)),
  };
}

export const DEFAULT_EXCHANGE: ExchangeSpec = { kind: 'exchange', name: '', type: 'direct' };

export function exchangeJson(vhost: string, spec: ExchangeSpec): Json {
  return { ...exchangeDefinition(spec), vhost };
}

/** How a binding is made. A topic is a queue to this protocol. */
export function bindingDefinition(binding: Binding): Json {
  return {
    source: binding.exchange,
    destination: binding.to.name,
    destination_type: binding.to.kind === 'exchange' ? 'exchange' : 'queue',
    routing_key: binding.pattern ?? '',
    arguments: jsonOfHeaders(argumentsOfBinding(binding)),
  };
}

export function bindingJson(vhost: string, binding: Binding): Json {
  const { source, ...rest } = bindingDefinition(binding);
  return { source, vhost, ...rest, properties_key: propertiesKeyOf(binding) };
}

/** Names a binding among those of the same two ends: its routing key, and a hash of its arguments if it has some. */
export function propertiesKeyOf(binding: Binding): string {
  const given = argumentsOfBinding(binding);
  const key = encodeURIComponent(binding.pattern ?? '').replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  if (given.size === 0) return key === '' ? '~' : key;
  const sorted = [...Object.entries(jsonOfHeaders(given))].sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = Buffer.alloc(4);
  hash.writeUInt32BE(crc32(Buffer.from(JSON.stringify(sorted))) >>> 0);
  return `${key}~${hash.toString('base64url')}`;
}

/** What every queue has without being bound: it is reached by its name. */
export function ownBinding(name: string): Binding {
  return { exchange: '', to: { kind: 'queue', name }, pattern: name };
}

export function connectionName({ opening: { peer } }: Visitor): string {
  return `${peer.address}:${peer.port ?? 0} -> ${peer.local?.address ?? ''}:${peer.local?.port ?? 0}`;
}

function peerJson(visitor: Visitor): Json {
  const { peer } = visitor.opening;
  return { name: connectionName(visitor), peer_host: peer.address, peer_port: peer.port ?? 0 };
}

export function connectionJson(visitor: Visitor): Json {
  const { opening, user, vhost, channels, isBlocked } = visitor;
  const { peer, clientProperties } = opening;
  const given = clientProperties.get('connection_name');
  return {
    ...peerJson(visitor),
    ...(typeof given === 'string' && { user_provided_name: given }),
    host: peer.local?.address ?? '',
    port: peer.local?.port ?? 0,
    node: NODE,
    type: 'network',
    protocol: 'AMQP 0-9-1',
    state: isBlocked ? 'blocked' : 'running',
    user,
    user_who_performed_action: user,
    vhost,
    auth_mechanism: opening.mechanism,
    channels: channels.size,
    channel_max: opening.channelMax,
    frame_max: opening.frameMax,
    timeout: opening.heartbeatMs / 1000,
    connected_at: Math.floor(opening.connectedAtMs),
    client_properties: jsonOfHeaders(clientProperties),
    ssl: peer.tls !== undefined,
    ssl_protocol: peer.tls?.protocol ?? null,
    ssl_cipher: peer.tls?.cipher ?? null,
    peer_cert_subject: peer.certificateName === undefined ? null : `CN=${peer.certificateName}`,
  };
}

export function channelName(visitor: Visitor, { id }: SeenChannel): string {
  return `${connectionName(visitor)} (${id})`;
}

export function channelJson(visitor: Visitor, channel: SeenChannel): Json {
  const { confirms, transaction, consumers, unacked, prefetch, sharedMax } = channel;
  return {
    name: channelName(visitor, channel),
    number: channel.id,
    node: NODE,
    state: 'running',
    user: visitor.user,
    user_who_performed_action: visitor.user,
    vhost: visitor.vhost,
    connection_details: peerJson(visitor),
    confirm: confirms !== undefined,
    transactional: transaction !== undefined,
    consumer_count: consumers.size,
    messages_unacknowledged: unacked.count,
    messages_uncommitted: transaction?.sent.length ?? 0,
    acks_uncommitted: transaction?.settled.length ?? 0,
    prefetch_count: finite(prefetch),
    global_prefetch_count: finite(sharedMax),
  };
}

/** No limit is told as 0. */
function finite(count: number): number {
  return Number.isFinite(count) ? count : 0;
}

interface SeenConsumer {
  readonly visitor: Visitor;
  readonly channel: SeenChannel;
  readonly consumer: SeenChannel['consumers'] extends ReadonlyMap<string, infer C> ? C : never;
}

export function consumersOf(door: Door, of: (visitor: Visitor) => boolean): SeenConsumer[] {
  return [...door.visitors]
    .filter(of)
    .flatMap((visitor) =>
      [...visitor.channels.values()].flatMap((channel) =>
        [...channel.consumers.values()].map((consumer) => ({ visitor, channel, consumer })),
      ),
    );
}

export function consumerJson({ visitor, channel, consumer }: SeenConsumer): Json {
  const { peer_host, peer_port, name } = peerJson(visitor);
  const { about } = consumer;
  return {
    consumer_tag: consumer.tag,
    queue: { name: consumer.queue, vhost: visitor.vhost },
    channel_details: {
      name: channelName(visitor, channel),
      number: channel.id,
      connection_name: name,
      node: NODE,
      peer_host,
      peer_port,
      user: visitor.user,
    },
    ack_required: about?.noAck !== true,
    exclusive: about?.exclusive === true,
    prefetch_count: about?.prefetch ?? 0,
    arguments: about === undefined ? {} : jsonOfHeaders(about.arguments),
    active: true,
    activity_status: 'up',
  };
}
