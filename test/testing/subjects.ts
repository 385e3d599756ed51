/** The embedded broker as a subject of the conformance suite: in memory, and in a directory that survives. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerOptions, openBroker } from '../../src/broker/broker.ts';
import type { Disk } from '../../src/host/disk.ts';
import { HandClock } from '../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { NodeDisk } from '../../src/host/node-disk.ts';
import { BUNDLES, type ConformanceSubject, createTestBroker } from '../../src/testing/testing.ts';
import { mortalHost } from './mortal-host.ts';

/** Small files, so that what depends on whole segments happens within a test. */
export const SMALL: Omit<BrokerOptions, 'directory'> = {
  blockBytesMax: 1 << 20,
  segmentBytes: 1 << 22,
  logSegmentBytes: 100_000,
  languages: [BUNDLES],
  upkeep: { intervalMs: 1000 },
};

/** The test broker: it lives in memory only. */
export async function inMemory(): Promise<ConformanceSubject> {
  const broker = await createTestBroker(SMALL);
  return { engine: broker.engine, advance: (ms) => broker.advance(ms), close: () => broker.close() };
}

/** A broker on the real disk, its clock turned by hand, its process mortal. */
export async function inDirectory(): Promise<ConformanceSubject> {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-'));
  return lasting(new NodeDisk(), join(directory, 'data'), SMALL, () => rm(directory, { recursive: true }));
}

/** The same on a disk in memory: quick, for what has to last but not to be slow. */
export function onMemoryDisk(options: Omit<BrokerOptions, 'directory'> = SMALL): Promise<ConformanceSubject> {
  return lasting(new MemoryDisk(), '/data', options, async () => undefined);
}

function lasting(
  disk: Disk,
  directory: string,
  options: Omit<BrokerOptions, 'directory'>,
  remove: () => Promise<void>,
): Promise<ConformanceSubject> {
  const clock = new HandClock();
  const open = async (): Promise<ConformanceSubject> => {
    const { host, kill } = mortalHost(clock, disk);
    const broker = await openBroker(host, { ...options, directory });
    return {
      engine: broker,
      advance: (ms) => clock.advance(ms, () => idle(broker)),
      reopen: async (how) => {
        if (how === 'closed') await broker.close();
        await kill();
        return open();
      },
      close: async () => {
        await broker.close();
        await remove();
      },
    };
  };
  return open();
}

/** Resolves when nothing is under way that needs no clock: three turns of the event loop in a row. */
export async function idle(broker: Broker): Promise<void> {
  for (let still = 0; still < 3; still = broker.idle ? still + 1 : 0) await new Promise((resolve) => setImmediate(resolve));
}
