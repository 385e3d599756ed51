/** What a run of the queue looks like: what its events carry, how they are added, and what runs for each. */

import { type Portable, portable, type QueueOptions } from '../../src/events/events.ts';

/** How a producer adds its events. */
export type Calls =
  /** `add`, one by one; the handlers are standing ones. */
  | 'add'
  /** `addMany` of 64; likewise. */
  | 'addMany'
  /** `add`, then three `once` for its id, as the source document's test does. */
  | 'add, register'
  /** Three `once` for its id, then `add`. */
  | 'register, add'
  /** `add` with its three callbacks in one call. */
  | 'add with callbacks'
  /** `addMany` of 64, each with its three callbacks. */
  | 'addMany with callbacks';

export type Load = 'word' | 'bytes' | 'text' | 'object';

export interface Shape {
  readonly calls: Calls;
  readonly load: Load;
  readonly producers: number;
  readonly workers: number;
  /** True: the default, ids are looked at. False: nothing that is compared with looks at ids either. */
  readonly ids: boolean;
  /** Finished events that are known for those who register late; undefined: as many as by default. */
  readonly retained?: number;
}

export const TOGETHER = 64;
export const TYPE = 'event';
/** 38 letters, as a small order has. */
export const TEXT: string = '{"user":12345,"name":"alice","ok":true}'.slice(0, 38);

const HANDLERS: URL = new URL('./handlers.ts', import.meta.url);
export const COUNT: Portable = portable(HANDLERS, 'count');
export const COUNT_THREE: readonly Portable[] = [COUNT, COUNT, COUNT];

export const TAKING: Readonly<Record<Load, Portable>> = {
  word: COUNT,
  bytes: portable(HANDLERS, 'takeBytes'),
  text: portable(HANDLERS, 'takeText'),
  object: portable(HANDLERS, 'takeObject'),
};

/** True when the callbacks come with each event. */
export function registers(calls: Calls): boolean {
  return calls !== 'add' && calls !== 'addMany';
}

export function optionsOf({ load, ids, retained }: Shape): QueueOptions {
  return {
    duplicates: ids ? 'refuse' : 'unchecked',
    ...(load === 'object' ? { schemas: { [TYPE]: { user: 'int32', name: 'string', ok: 'boolean' } } } : {}),
    ...(retained === undefined ? {} : { retain: { count: retained, expired: 0 } }),
  };
}
