import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine, Fetched } from '../../../src/model/engine.ts';
import { offset } from '../../../src/model/lines.ts';
import { Refused } from '../../../src/model/refusal.ts';
import { readPartition } from '../../../src/servers/http/partitions.ts';

const RECORDS = { bytes: new Uint8Array(0), start: 0, ends: new Uint32Array(9) };

/** A partition that begins at `start` and ends at 9, read three records at a time; ends the reading at its end. */
function engineFrom(start: number, stop: AbortController): Engine {
  return {
    fetch: async ({ offset: from }: { offset: number }): Promise<Fetched> => {
      if (from < start || from > 9) throw new Refused('out-of-range', 'not there');
      const count = Math.min(3, 9 - from);
      if (count === 0) stop.abort();
      const offsets = Float64Array.from({ length: count }, (_, i) => from + i);
      const next = offset(from + count);
      return {
        records: { ...RECORDS, count },
        offsets,
        timestamps: offsets,
        next,
        start: offset(start),
        end: offset(9),
        stable: offset(9),
      };
    },
    describe: async () => ({
      kind: 'topic',
      spec: {},
      partitions: [{ partition: 0, start: offset(start), end: offset(9), stable: offset(9) }],
      sizeBytes: 0,
    }),
  } as unknown as Engine;
}

async function read(start: number, from: number): Promise<string[]> {
  const told: string[] = [];
  const stop = new AbortController();
  await readPartition(
    engineFrom(start, stop),
    't',
    0,
    offset(from),
    {
      records: async (_, fetched) => void told.push([...fetched.offsets.subarray(0, fetched.records.count)].join()),
      skipped: (_, a, b) => void told.push(`skipped ${a}-${b}`),
      failed: (error) => void told.push(`failed ${(error as Refused).code}`),
    },
    stop.signal,
  );
  return told;
}

test('records that retention took before they were read are told, and reading goes on behind them', async () => {
  assert.deepEqual(await read(5, 2), ['skipped 2-5', '5,6,7', '8']);
});

test('an offset past the end is an error, and not a reason to begin anew', async () => {
  assert.deepEqual(await read(0, 12), ['failed out-of-range']);
});

test('no batch is read while the one before is not taken', async () => {
  const stop = new AbortController();
  const engine = engineFrom(0, stop);
  const taken = Promise.withResolvers<void>();
  let batches = 0;
  const receiver = {
    records: () => {
      batches += 1;
      return taken.promise;
    },
    skipped: () => undefined,
    failed: () => undefined,
  };
  const reading = readPartition(engine, 't', 0, offset(0), receiver, stop.signal);
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
  assert.equal(batches, 1);
  taken.resolve();
  await reading;
  assert.equal(batches, 3);
});
