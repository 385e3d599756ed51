/** A broker for a test: memory durability unless told otherwise, its clock turned by hand, closed when the test ends. */

import type { TestContext } from 'node:test';
import { type Broker, type BrokerOptions, openBroker } from '../../src/broker/broker.ts';
import type { Disk } from '../../src/host/disk.ts';
import { HandClock } from '../../src/host/hand-clock.ts';
import type { Host } from '../../src/host/host.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import type { Deliveries, Publish } from '../../src/model/engine.ts';
import { MAIN_LINE, NO_HEADERS } from '../../src/model/message.ts';
import { type Records, RecordWriter, readMessage } from '../../src/model/record.ts';
import { mortalHost } from '../testing/mortal-host.ts';

export interface Opened {
  readonly broker: Broker;
  readonly clock: HandClock;
  readonly host: Host;
  advance(ms: number): Promise<void>;
  /** Turns the clock without waiting for what only more time could end, as a full disk. */
  pass(ms: number): Promise<void>;
  /** Closes it and opens it again on the same disk. */
  reopen(): Promise<Opened>;
  /** As kill -9: nothing it was asked is answered any more. */
  kill(): Promise<void>;
}

export interface OpenedOptions extends Omit<BrokerOptions, 'directory'> {
  readonly disk?: Disk;
  readonly clock?: HandClock;
}

export async function opened(t: TestContext, options: OpenedOptions = {}): Promise<Opened> {
  const { disk = new MemoryDisk(), clock = new HandClock(), ...rest } = options;
  const { host, kill } = mortalHost(clock, disk);
  const broker = await openBroker(host, { durability: 'memory', ...rest, directory: '/data' });
  let killed = false;
  t.after(() => (killed ? undefined : broker.close()));
  return {
    broker,
    clock,
    host,
    advance: (ms) => clock.advance(ms, () => idle(broker)),
    pass: (ms) => clock.advance(ms, someTurns),
    reopen: async () => {
      await broker.close();
      return opened(t, { ...options, disk, clock });
    },
    kill: async () => {
      killed = true;
      await kill();
    },
  };
}

/** Resolves when nothing is under way that needs no clock: three turns of the event loop in a row. */
export async function idle(broker: Broker): Promise<void> {
  for (let still = 0; still < 3; still = broker.idle ? still + 1 : 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Texts as records. */
export function recordsOf(address: string, bodies: readonly string[], exchange: string = MAIN_LINE): Records {
  const writer = new RecordWriter();
  const encoder = new TextEncoder();
  for (const body of bodies) writer.write({ exchange, address, timestampMs: 0, headers: NO_HEADERS, body: encoder.encode(body) });
  return writer.take();
}

export function batch(address: string, ...bodies: string[]): Publish {
  return { address, records: recordsOf(address, bodies) };
}

/** Straight to a queue. */
export function sending(queue: string, ...bodies: string[]): Publish {
  return { exchange: '', address: queue, records: recordsOf(queue, bodies, '') };
}

export function bodiesOf({ bytes, at, count }: Pick<Deliveries, 'bytes' | 'at' | 'count'>): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: count }, (_, i) => decoder.decode(readMessage(bytes, at[i] ?? 0).body));
}

export function bodiesIn({ bytes, start, ends, count }: Records): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: count }, (_, i) => decoder.decode(readMessage(bytes, i === 0 ? start : (ends[i - 1] ?? 0)).body));
}

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
