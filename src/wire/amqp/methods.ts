/** The methods of AMQP 0-9-1 with RabbitMQ's extensions, as data: class id, method id, and the fields in their order on the wire. */

import type { Headers } from '../../model/message.ts';

/** What a field holds in a program. Consecutive bits share an octet. Long texts are bytes: secrets need not be text. */
export interface FieldTypes {
  readonly bit: boolean;
  readonly octet: number;
  readonly short: number;
  readonly long: number;
  readonly longlong: number;
  readonly shortstr: string;
  readonly longstr: Uint8Array;
  readonly table: Headers;
}

export const METHODS = {
  'connection.start': {
    ids: [10, 10],
    fields: { versionMajor: 'octet', versionMinor: 'octet', serverProperties: 'table', mechanisms: 'longstr', locales: 'longstr' },
  },
  'connection.start-ok': {
    ids: [10, 11],
    fields: { clientProperties: 'table', mechanism: 'shortstr', response: 'longstr', locale: 'shortstr' },
  },
  'connection.secure': { ids: [10, 20], fields: { challenge: 'longstr' } },
  'connection.secure-ok': { ids: [10, 21], fields: { response: 'longstr' } },
  'connection.tune': { ids: [10, 30], fields: { channelMax: 'short', frameMax: 'long', heartbeat: 'short' } },
  'connection.tune-ok': { ids: [10, 31], fields: { channelMax: 'short', frameMax: 'long', heartbeat: 'short' } },
  'connection.open': { ids: [10, 40], fields: { virtualHost: 'shortstr', reserved1: 'shortstr', reserved2: 'bit' } },
  'connection.open-ok': { ids: [10, 41], fields: { reserved1: 'shortstr' } },
  'connection.close': { ids: [10, 50], fields: { replyCode: 'short', replyText: 'shortstr', classId: 'short', methodId: 'short' } },
  'connection.close-ok': { ids: [10, 51], fields: {} },
  'connection.blocked': { ids: [10, 60], fields: { reason: 'shortstr' } },
  'connection.unblocked': { ids: [10, 61], fields: {} },
  'connection.update-secret': { ids: [10, 70], fields: { newSecret: 'longstr', reason: 'shortstr' } },
  'connection.update-secret-ok': { ids: [10, 71], fields: {} },

  'channel.open': { ids: [20, 10], fields: { reserved1: 'shortstr' } },
  'channel.open-ok': { ids: [20, 11], fields: { reserved1: 'longstr' } },
  'channel.flow': { ids: [20, 20], fields: { active: 'bit' } },
  'channel.flow-ok': { ids: [20, 21], fields: { active: 'bit' } },
  'channel.close': { ids: [20, 40], fields: { replyCode: 'short', replyText: 'shortstr', classId: 'short', methodId: 'short' } },
  'channel.close-ok': { ids: [20, 41], fields: {} },

  'access.request': {
    ids: [30, 10],
    fields: { realm: 'shortstr', exclusive: 'bit', passive: 'bit', active: 'bit', write: 'bit', read: 'bit' },
  },
  'access.request-ok': { ids: [30, 11], fields: { ticket: 'short' } },

  'exchange.declare': {
    ids: [40, 10],
    fields: {
      ticket: 'short',
      exchange: 'shortstr',
      type: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      autoDelete: 'bit',
      internal: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'exchange.declare-ok': { ids: [40, 11], fields: {} },
  'exchange.delete': { ids: [40, 20], fields: { ticket: 'short', exchange: 'shortstr', ifUnused: 'bit', nowait: 'bit' } },
  'exchange.delete-ok': { ids: [40, 21], fields: {} },
  'exchange.bind': {
    ids: [40, 30],
    fields: { ticket: 'short', destination: 'shortstr', source: 'shortstr', routingKey: 'shortstr', nowait: 'bit', arguments: 'table' },
  },
  'exchange.bind-ok': { ids: [40, 31], fields: {} },
  'exchange.unbind': {
    ids: [40, 40],
    fields: { ticket: 'short', destination: 'shortstr', source: 'shortstr', routingKey: 'shortstr', nowait: 'bit', arguments: 'table' },
  },
  'exchange.unbind-ok': { ids: [40, 51], fields: {} },

  'queue.declare': {
    ids: [50, 10],
    fields: {
      ticket: 'short',
      queue: 'shortstr',
      passive: 'bit',
      durable: 'bit',
      exclusive: 'bit',
      autoDelete: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'queue.declare-ok': { ids: [50, 11], fields: { queue: 'shortstr', messageCount: 'long', consumerCount: 'long' } },
  'queue.bind': {
    ids: [50, 20],
    fields: { ticket: 'short', queue: 'shortstr', exchange: 'shortstr', routingKey: 'shortstr', nowait: 'bit', arguments: 'table' },
  },
  'queue.bind-ok': { ids: [50, 21], fields: {} },
  'queue.purge': { ids: [50, 30], fields: { ticket: 'short', queue: 'shortstr', nowait: 'bit' } },
  'queue.purge-ok': { ids: [50, 31], fields: { messageCount: 'long' } },
  'queue.delete': { ids: [50, 40], fields: { ticket: 'short', queue: 'shortstr', ifUnused: 'bit', ifEmpty: 'bit', nowait: 'bit' } },
  'queue.delete-ok': { ids: [50, 41], fields: { messageCount: 'long' } },
  'queue.unbind': {
    ids: [50, 50],
    fields: { ticket: 'short', queue: 'shortstr', exchange: 'shortstr', routingKey: 'shortstr', arguments: 'table' },
  },
  'queue.unbind-ok': { ids: [50, 51], fields: {} },

  'basic.qos': { ids: [60, 10], fields: { prefetchSize: 'long', prefetchCount: 'short', global: 'bit' } },
  'basic.qos-ok': { ids: [60, 11], fields: {} },
  'basic.consume': {
    ids: [60, 20],
    fields: {
      ticket: 'short',
      queue: 'shortstr',
      consumerTag: 'shortstr',
      noLocal: 'bit',
      noAck: 'bit',
      exclusive: 'bit',
      nowait: 'bit',
      arguments: 'table',
    },
  },
  'basic.consume-ok': { ids: [60, 21], fields: { consumerTag: 'shortstr' } },
  'basic.cancel': { ids: [60, 30], fields: { consumerTag: 'shortstr', nowait: 'bit' } },
  'basic.cancel-ok': { ids: [60, 31], fields: { consumerTag: 'shortstr' } },
  'basic.publish': {
    ids: [60, 40],
    fields: { ticket: 'short', exchange: 'shortstr', routingKey: 'shortstr', mandatory: 'bit', immediate: 'bit' },
  },
  'basic.return': {
    ids: [60, 50],
    fields: { replyCode: 'short', replyText: 'shortstr', exchange: 'shortstr', routingKey: 'shortstr' },
  },
  'basic.deliver': {
    ids: [60, 60],
    fields: { consumerTag: 'shortstr', deliveryTag: 'longlong', redelivered: 'bit', exchange: 'shortstr', routingKey: 'shortstr' },
  },
  'basic.get': { ids: [60, 70], fields: { ticket: 'short', queue: 'shortstr', noAck: 'bit' } },
  'basic.get-ok': {
    ids: [60, 71],
    fields: { deliveryTag: 'longlong', redelivered: 'bit', exchange: 'shortstr', routingKey: 'shortstr', messageCount: 'long' },
  },
  'basic.get-empty': { ids: [60, 72], fields: { clusterId: 'shortstr' } },
  'basic.ack': { ids: [60, 80], fields: { deliveryTag: 'longlong', multiple: 'bit' } },
  'basic.reject': { ids: [60, 90], fields: { deliveryTag: 'longlong', requeue: 'bit' } },
  'basic.recover-async': { ids: [60, 100], fields: { requeue: 'bit' } },
  'basic.recover': { ids: [60, 110], fields: { requeue: 'bit' } },
  'basic.recover-ok': { ids: [60, 111], fields: {} },
  'basic.nack': { ids: [60, 120], fields: { deliveryTag: 'longlong', multiple: 'bit', requeue: 'bit' } },

  'confirm.select': { ids: [85, 10], fields: { nowait: 'bit' } },
  'confirm.select-ok': { ids: [85, 11], fields: {} },

  'tx.select': { ids: [90, 10], fields: {} },
  'tx.select-ok': { ids: [90, 11], fields: {} },
  'tx.commit': { ids: [90, 20], fields: {} },
  'tx.commit-ok': { ids: [90, 21], fields: {} },
  'tx.rollback': { ids: [90, 30], fields: {} },
  'tx.rollback-ok': { ids: [90, 31], fields: {} },
} as const;

export type MethodName = keyof typeof METHODS;

/** The arguments of a method, by name. */
export type Args<M extends MethodName> = {
  readonly [F in keyof (typeof METHODS)[M]['fields']]: (typeof METHODS)[M]['fields'][F] extends keyof FieldTypes
    ? FieldTypes[(typeof METHODS)[M]['fields'][F]]
    : never;
};

/** Any method with its arguments. */
export type Method = { readonly [M in MethodName]: { readonly name: M; readonly args: Args<M> } }[MethodName];

/** Class and method id as one number, as they stand in a frame. */
export function idOf(name: MethodName): number {
  const [classId, methodId] = METHODS[name].ids;
  return (classId << 16) | methodId;
}

const NAMES: ReadonlyMap<number, MethodName> = new Map(Object.keys(METHODS).map((name) => [idOf(name as MethodName), name as MethodName]));

export function nameOf(id: number): MethodName | undefined {
  return NAMES.get(id);
}
