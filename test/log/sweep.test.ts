import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFault } from '../../src/host/simulated/sim-device.ts';
import { type SimHost, simHost } from '../../src/host/simulated/sim-host.ts';
import { PartitionLog } from '../../src/log/log.ts';
import { append, DIRECTORY, keyOf, offset, readAll, type Seen, type TestRecord } from './fixture.ts';

/** What one scenario does to a log of six segments, all safe, and what may be left of it if it is cut short at any step. */
interface Scenario {
  readonly act: (log: PartitionLog) => Promise<unknown>;
  /** Seen after a crash, from `start` to `end`. */
  readonly check: (seen: readonly Seen[], log: PartitionLog, truth: readonly Seen[]) => void;
}

const SEGMENT_BYTES = 300;

function open(sim: SimHost): Promise<PartitionLog> {
  return PartitionLog.open(sim.host, { directory: DIRECTORY, segmentBytes: SEGMENT_BYTES, keyOf, onFailure: () => {} });
}

function batch(i: number): TestRecord[] {
  const value = (n: number) => `${i}.${n}${'.'.repeat(60)}`;
  return [{ key: `k${i % 2}`, value: i % 4 === 3 ? '' : value(0) }, { key: `only${i}`, value: value(1) }, { value: value(2) }];
}

/** The same operations with the same numbers every time: the fault strikes where it is aimed. */
async function prepared(seed: number): Promise<{ sim: SimHost; log: PartitionLog; truth: Seen[] }> {
  const sim = simHost(seed);
  const log = await sim.clock.settle(open(sim));
  for (let i = 0; i < 5; i++) append(log, batch(i), 1000 + i);
  append(log, [{ value: 'active' }], 2000);
  await sim.clock.settle(log.sync());
  return { sim, log, truth: await sim.clock.settle(readAll(log)) };
}

/** Does it, with `fault` at its operation number `step`; answers the machine afterwards, and false once there is no such operation. */
async function cutShort(scenario: Scenario, seed: number, step: number, fault: DiskFault): Promise<boolean> {
  const { sim, log, truth } = await prepared(seed);
  const target = sim.disk.operations + step;
  sim.disk.failAt(target, fault);
  let over = false;
  const end = () => {
    over = true;
  };
  scenario.act(log).then(end, end);
  await sim.clock.runUntil(() => over || sim.disk.halted);
  const reached = sim.disk.operations >= target;
  // A process that met an error is restarted, and then the power goes as well.
  let next = sim.disk.halted ? sim.crash() : sim.kill();
  for (let round = 0; round < 2; round++) {
    const again = await next.clock.settle(open(next));
    scenario.check(await next.clock.settle(readAll(again)), again, truth);
    await next.clock.settle(again.sync());
    next = next.crash();
  }
  return reached;
}

async function sweep(scenario: Scenario, fault: DiskFault, seeds: readonly number[]): Promise<void> {
  for (let step = 1; ; step++) {
    for (const seed of seeds) {
      try {
        if (!(await cutShort(scenario, seed, step, fault))) return assert.ok(step > 5, 'it took but a few operations');
      } catch (cause) {
        throw new Error(`With ${fault} at step ${step}, seed ${seed}: ${String(cause)}`, { cause });
      }
    }
  }
}

const compaction: Scenario = {
  act: (log) => log.compact(1100, log.end, 50),
  check: (seen, log, truth) => {
    assert.equal(log.end, truth.length);
    const there = new Map(seen.map((one) => [one.offset, one]));
    for (const one of truth) {
      const found = there.get(one.offset);
      if (found !== undefined) assert.deepEqual(found, one);
      const later = truth.filter(({ key, offset }) => key !== '' && key === one.key && offset > one.offset);
      const mayGo = later.length > 0 || (one.key.startsWith('k') && one.value === '');
      if (!mayGo) assert.ok(found, `offset ${one.offset} is missing`);
      // What a tombstone buried does not come back when the tombstone goes.
      const tombstone = later.at(-1);
      if (found !== undefined && tombstone?.value === '') assert.ok(there.has(tombstone.offset), `offset ${one.offset} came back`);
    }
  },
};

const trimming: Scenario = {
  act: (log) => log.trim(offset(10)),
  check: (seen, log, truth) => {
    assert.ok(log.start <= 10);
    assert.deepEqual(seen, truth.slice(log.start));
  },
};

const trimmingAll: Scenario = {
  act: (log) => log.trim(log.end),
  check: (seen, log, truth) => {
    assert.equal(log.end, truth.length);
    assert.deepEqual(seen, truth.slice(log.start));
  },
};

const truncation: Scenario = {
  act: (log) => log.truncate(offset(8)),
  check: (seen, log, truth) => {
    assert.ok(log.end === 8 || log.end === truth.length, `${log.end}`);
    assert.deepEqual(seen, truth.slice(0, log.end));
  },
};

const closing: Scenario = {
  act: (log) => {
    append(log, batch(20), 3000);
    append(log, batch(21), 3001);
    return log.close();
  },
  check: (seen, log, truth) => {
    assert.ok(log.end >= truth.length);
    assert.deepEqual(seen.slice(0, truth.length), truth);
  },
};

for (const [name, scenario] of Object.entries({ compaction, trimming, trimmingAll, truncation, closing })) {
  test(`${name}, with a power cut at every operation of the disk`, () => sweep(scenario, 'crash', [1, 2]));
  test(`${name}, with an error at every operation of the disk`, () => sweep(scenario, 'eio', [1]));
}
test('compaction, with a full disk at every write', () => sweep(compaction, 'enospc', [1]));
test('closing, with a short write at every write', () => sweep(closing, 'short', [1]));
