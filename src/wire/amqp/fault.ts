/** What is wrong with bytes that should be AMQP: ends the connection they came by. */

import type { ReplyCode } from './codes.ts';

export class WireFault extends Error {
  override readonly name: string = 'WireFault';
  readonly code: ReplyCode;

  constructor(code: ReplyCode, message: string) {
    super(message);
    this.code = code;
  }
}
