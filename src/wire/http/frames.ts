/**
 * The WebSocket sub-protocol `signalbox.v1`: JSON objects in text frames, told apart by `op`. docs/http.md has the table.
 * A `ref` given with a frame comes back with its answer; frames without one are answered only when they fail.
 */

import type { Refused } from '../../model/refusal.ts';
import type { Draft } from './draft.ts';

export const WEBSOCKET_PROTOCOL = 'signalbox.v1';
/** A browser cannot set headers on a WebSocket: there the token rides as a second protocol name, base64url after this. */
export const WEBSOCKET_TOKEN_PREFIX = 'signalbox.token.';

export type Ref = string | number | undefined;

export interface PublishFrame {
  readonly op: 'publish';
  readonly ref: Ref;
  readonly exchange: string | undefined;
  readonly address: string;
  readonly drafts: readonly Draft[];
  readonly mandatory: boolean;
  readonly retain: boolean;
  readonly transient: boolean;
}

interface SubscribeBase {
  readonly op: 'subscribe';
  readonly ref: Ref;
  /** The client's name for it, in every frame that speaks of it. */
  readonly sub: string;
  /** Most messages on their way and not settled; 0 pauses. */
  readonly credit: number | undefined;
}

export interface SubscribePattern extends SubscribeBase {
  readonly kind: 'pattern';
  readonly pattern: string;
  readonly exchange: string | undefined;
  readonly filter: string | undefined;
  readonly retained: boolean;
}

export interface SubscribeQueue extends SubscribeBase {
  readonly kind: 'queue';
  readonly queue: string;
  readonly settle: 'by-consumer' | 'on-delivery';
  readonly leaseMs: number | undefined;
  readonly priority: number | undefined;
  readonly exclusive: boolean;
}

export interface SubscribeTopic extends SubscribeBase {
  readonly kind: 'topic';
  readonly topic: string;
  /** `earliest`, `latest`, a time, or positions as an event id has them. */
  readonly from: string | undefined;
  readonly partitions: readonly number[] | undefined;
}

export interface SubscribeGroup extends SubscribeBase {
  readonly kind: 'group';
  readonly topic: string;
  readonly group: string;
  readonly from: 'earliest' | 'latest' | undefined;
}

export type SubscribeFrame = SubscribePattern | SubscribeQueue | SubscribeTopic | SubscribeGroup;

export interface SettleFrame {
  readonly op: 'ack' | 'nack' | 'requeue' | 'reject';
  readonly ref: Ref;
  readonly sub: string;
  readonly receipts: readonly string[];
  readonly delayMs: number | undefined;
}

/** Of a group's subscription: everything of this partition up to and with this offset is done. */
export interface MoveFrame {
  readonly op: 'move';
  readonly ref: Ref;
  readonly sub: string;
  readonly partition: number;
  readonly offset: number;
}

export interface ExtendFrame {
  readonly op: 'extend';
  readonly ref: Ref;
  readonly sub: string;
  readonly receipts: readonly string[];
  readonly leaseMs: number;
}

export interface CreditFrame {
  readonly op: 'credit';
  readonly ref: Ref;
  readonly sub: string;
  readonly credit: number;
}

export interface UnsubscribeFrame {
  readonly op: 'unsubscribe';
  readonly ref: Ref;
  readonly sub: string;
}

export interface PingFrame {
  readonly op: 'ping';
  readonly ref: Ref;
}

export type ClientFrame =
  | PublishFrame
  | SubscribeFrame
  | SettleFrame
  | MoveFrame
  | ExtendFrame
  | CreditFrame
  | UnsubscribeFrame
  | PingFrame;

/** A frame that cannot be read, with the `ref` to answer it by where that could be read. */
export class FrameFault extends Error {
  override readonly name: string = 'FrameFault';
  readonly ref: Ref;
  readonly fault: Refused;

  constructor(ref: Ref, fault: Refused) {
    super(fault.message, { cause: fault });
    this.ref = ref;
    this.fault = fault;
  }
}

/** What a subscription is sent: one frame for each batch. `messages` are texts as `encodeMessage` writes them. */
export function encodeMessagesFrame(sub: string, messages: readonly string[]): string {
  return `{"op":"messages","sub":${JSON.stringify(sub)},"messages":[${messages.join(',')}]}`;
}

/** An answer or a notice; `undefined` members are left out. */
export function encodeFrame(op: string, members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ op, ...members });
}
