/** What ends a channel or a connection: code, text, and how a refusal of the engine is told. */

import type { RefusalCode, Refused } from '../../model/refusal.ts';
import { REPLY_NAMES, type ReplyCode } from '../../wire/amqp/amqp.ts';

export type Scope = 'channel' | 'connection';

/** An error the client hears of: `NAME - message`. */
export class AmqpFault extends Error {
  override readonly name: string = 'AmqpFault';
  readonly code: ReplyCode;
  readonly scope: Scope;

  constructor(code: ReplyCode, message: string, scope: Scope = 'channel') {
    super(message);
    this.code = code;
    this.scope = scope;
  }

  get replyText(): string {
    return `${REPLY_NAMES[this.code]} - ${this.message}`;
  }
}

const OF_REFUSAL: Readonly<Record<RefusalCode, readonly [ReplyCode, Scope]>> = {
  unknown: [404, 'channel'],
  conflict: [406, 'channel'],
  invalid: [406, 'channel'],
  'too-large': [406, 'channel'],
  full: [406, 'channel'],
  'disk-full': [506, 'channel'],
  schema: [406, 'channel'],
  unrouted: [312, 'channel'],
  forbidden: [403, 'channel'],
  exclusive: [403, 'channel'],
  stale: [406, 'channel'],
  'out-of-order': [406, 'channel'],
  fenced: [406, 'channel'],
  'out-of-range': [406, 'channel'],
  unsupported: [540, 'connection'],
  closed: [320, 'connection'],
  locked: [541, 'connection'],
  damaged: [541, 'connection'],
  format: [541, 'connection'],
  aborted: [541, 'connection'],
};

export function faultOf(refused: Refused): AmqpFault {
  const [code, scope] = OF_REFUSAL[refused.code];
  return new AmqpFault(code, refused.message, scope);
}

export function noQueue(name: string, vhost: string): AmqpFault {
  return new AmqpFault(404, `no queue '${name}' in vhost '${vhost}'`);
}

export function noExchange(name: string, vhost: string): AmqpFault {
  return new AmqpFault(404, `no exchange '${name}' in vhost '${vhost}'`);
}

export function locked(name: string, vhost: string): AmqpFault {
  return new AmqpFault(
    405,
    `cannot obtain exclusive access to locked queue '${name}' in vhost '${vhost}'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}
