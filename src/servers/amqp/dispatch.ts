/** Which handler does what a method asks. */

import { type Args, METHODS, type Method, type MethodName } from '../../wire/amqp/amqp.ts';
import type { Channel } from './channel.ts';
import { AmqpFault } from './faults.ts';
import * as channel from './handlers/channel.ts';
import * as confirm from './handlers/confirm.ts';
import * as consume from './handlers/consume.ts';
import * as exchange from './handlers/exchange.ts';
import { get } from './handlers/get.ts';
import * as queue from './handlers/queue.ts';
import * as settle from './handlers/settle.ts';
import * as transaction from './handlers/transaction.ts';

type Handlers = { readonly [M in MethodName]?: (channel: Channel, args: Args<M>) => Promise<void> | void };

const HANDLERS: Handlers = {
  'channel.flow': channel.flow,
  'channel.flow-ok': () => undefined,
  'channel.close': channel.close,
  'access.request': channel.access,
  'exchange.declare': exchange.declare,
  'exchange.delete': exchange.remove,
  'exchange.bind': exchange.bind,
  'exchange.unbind': exchange.unbind,
  'queue.declare': queue.declare,
  'queue.bind': queue.bind,
  'queue.unbind': queue.unbind,
  'queue.purge': queue.purge,
  'queue.delete': queue.remove,
  'basic.qos': settle.qos,
  'basic.consume': consume.consume,
  'basic.cancel': consume.cancel,
  'basic.cancel-ok': () => undefined,
  'basic.get': get,
  'basic.ack': settle.ack,
  'basic.nack': settle.nack,
  'basic.reject': settle.reject,
  'basic.recover': settle.recover,
  'basic.recover-async': settle.recoverAsync,
  'confirm.select': confirm.select,
  'tx.select': transaction.select,
  'tx.commit': transaction.commit,
  'tx.rollback': transaction.rollback,
};

/** Throws `AmqpFault` for a method that a client may not send here. */
export function act(on: Channel, { name, args }: Method): Promise<void> | void {
  const handler = HANDLERS[name] as ((channel: Channel, args: unknown) => Promise<void> | void) | undefined;
  if (handler !== undefined) return handler(on, args);
  if (name === 'channel.open') throw new AmqpFault(504, "second 'channel.open' seen", 'connection');
  const [classId, methodId] = METHODS[name].ids;
  throw new AmqpFault(503, `unexpected method ${name} (${classId}.${methodId}) on channel ${on.id}`, 'connection');
}
