/** What the door says of itself when a client connects. */

import type { Headers } from '../../model/message.ts';

/** Extensions that clients look for by these names. */
const CAPABILITIES: readonly string[] = [
  'publisher_confirms',
  'exchange_exchange_bindings',
  'basic.nack',
  'consumer_cancel_notify',
  'connection.blocked',
  'consumer_priorities',
  'authentication_failure_close',
  'per_consumer_qos',
  'direct_reply_to',
];

/** The version clients take this for when they ask which RabbitMQ it is. */
const COMPATIBLE_VERSION = '4.0.0';

export function serverProperties(): Headers {
  return new Map<string, string | Headers>([
    ['capabilities', new Map(CAPABILITIES.map((name) => [name, true]))],
    ['product', 'signalbox'],
    ['version', COMPATIBLE_VERSION],
    ['platform', 'Node.js'],
    ['information', 'AMQP 0-9-1 as RabbitMQ speaks it'],
  ]);
}

export function serverVersion(): string {
  return COMPATIBLE_VERSION;
}
