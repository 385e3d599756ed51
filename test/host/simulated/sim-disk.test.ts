/** The simulated disk keeps what it promised, loses what it did not, and does both again for the same seed. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { File } from '../../../src/host/disk.ts';
import { SimClock } from '../../../src/host/simulated/sim-clock.ts';
import { SimDisk, type SimDiskOptions } from '../../../src/host/simulated/sim-disk.ts';
import { SECTOR_BYTES } from '../../../src/host/simulated/sim-inode.ts';
import { SimRandom } from '../../../src/host/simulated/sim-random.ts';

interface Rig {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly disk: SimDisk;
  readonly file: File;
}

/** A disk with one empty file `a`, whose name is safe. */
async function rig(seed: number, options: SimDiskOptions & { dsync?: boolean } = {}): Promise<Rig> {
  const clock = new SimClock();
  const random = new SimRandom(seed);
  const disk = new SimDisk(clock, random, options);
  const file = await clock.settle(disk.open('a', { create: true, dsync: options.dsync === true }));
  await clock.settle(disk.syncDirectory('.'));
  return { clock, random, disk, file };
}

function sectors(...fills: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(fills.length * SECTOR_BYTES);
  fills.forEach((fill, i) => {
    bytes.fill(fill, i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES);
  });
  return bytes;
}

function fillsOf(bytes: Uint8Array | undefined): number[] {
  const fills: number[] = [];
  for (let at = 0; bytes !== undefined && at < bytes.length; at += SECTOR_BYTES) fills.push(bytes[at] ?? -1);
  return fills;
}

/** Runs `body` for many seeds and collects the distinct results, as texts. */
async function over(seeds: number, body: (seed: number) => Promise<unknown>): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 0; seed < seeds; seed++) seen.add(JSON.stringify(await body(seed)));
  return seen;
}

/** A writer of numbered records that says `acked` for each; `ack` decides when. Answers how many acked records a crash took. */
async function lostRecords(seed: number, ack: 'before sync' | 'sync begun too early' | 'after sync' | 'dsync'): Promise<number> {
  const { clock, random, disk, file } = await rig(seed, { dsync: ack === 'dsync' });
  let acked = 0;
  const write = async (n: number) => {
    const early = ack === 'sync begun too early' ? file.sync() : undefined;
    await file.write(sectors(n), n * SECTOR_BYTES - SECTOR_BYTES);
    if (ack === 'before sync') acked = n;
    await (early ?? (ack === 'dsync' ? undefined : file.sync()));
    acked = n;
  };
  disk.failAt(disk.operations + 1 + random.int(60), 'crash');
  void (async () => {
    for (let n = 1; n <= 60; n++) await write(n);
  })();
  await clock.runUntil(() => disk.halted);
  assert.equal(disk.halted, true);
  const left = fillsOf(disk.crash().contents('a'));
  let lost = 0;
  for (let n = 1; n <= acked; n++) if (left[n - 1] !== n) lost++;
  return lost;
}

describe('controls: who acknowledges too early is seen to lose, who waits is not', () => {
  for (const ack of ['before sync', 'sync begun too early'] as const) {
    test(ack, async () => {
      let losing = 0;
      for (let seed = 0; seed < 100; seed++) if ((await lostRecords(seed, ack)) > 0) losing++;
      assert.ok(losing > 10, `${losing} of 100 seeds lost acknowledged records`);
    });
  }
  for (const ack of ['after sync', 'dsync'] as const) {
    test(ack, async () => {
      for (let seed = 0; seed < 300; seed++) assert.equal(await lostRecords(seed, ack), 0, `seed ${seed}`);
    });
  }
});

test('after a crash every sector is one of those written since the last promise, whatever overlapped', async () => {
  let lost = 0;
  let kept = 0;
  for (let seed = 0; seed < 400; seed++) {
    const { clock, random, disk, file } = await rig(seed);
    const direct = await clock.settle(disk.open('a', { dsync: true }));
    const written = Array.from({ length: 8 }, () => 0);
    const promised = [...written];
    const syncing = async () => {
      const owed = [...written];
      await file.sync();
      owed.forEach((fill, s) => {
        promised[s] = Math.max(promised[s] ?? 0, fill);
      });
    };
    let begun = [0, 0, 0];
    const writer = async () => {
      for (let fill = 1; fill <= 40; fill++) {
        const first = random.int(8);
        const count = 1 + random.int(8 - first);
        const dsync = random.chance(0.2);
        begun = [fill, first, count];
        await (dsync ? direct : file).write(sectors(...Array(count).fill(fill)), first * SECTOR_BYTES);
        written.fill(fill, first, first + count);
        if (dsync) promised.fill(fill, first, first + count);
        if (random.chance(0.3)) void syncing();
      }
    };
    disk.failAt(disk.operations + 1 + random.int(50), 'crash');
    void writer();
    await clock.runUntil(() => disk.halted);
    const left = fillsOf(disk.crash().contents('a'));
    const [fill = 0, first = 0, count = 0] = begun;
    for (let s = 0; s < 8; s++) {
      const newest = s >= first && s < first + count ? fill : (written[s] ?? 0);
      const found = left[s] ?? 0;
      assert.ok(
        found >= (promised[s] ?? 0) && found <= newest,
        `seed ${seed}: sector ${s} holds ${found}, promised ${promised}, written ${written}`,
      );
      if (found < newest) lost++;
      else if (newest > (promised[s] ?? 0)) kept++;
    }
  }
  assert.ok(lost > 100 && kept > 100, `of the unpromised, ${lost} were lost and ${kept} kept`);
});

describe('crash', () => {
  test('an unsynced write is there, not there, or in part; the size by itself', async () => {
    const seen = await over(200, async (seed) => {
      const { clock, disk, file } = await rig(seed);
      await clock.settle(file.write(sectors(1, 2, 3), 0));
      return fillsOf(disk.crash().contents('a'));
    });
    for (const expected of ['[]', '[1,2,3]', '[0,0,0]', '[1,0,3]', '[0,2]'])
      assert.ok(seen.has(expected), `${expected} not among ${[...seen]}`);
  });

  test('a dsync write in flight may be there in part, one that was answered is there', async () => {
    const seen = await over(200, async (seed) => {
      const { clock, disk, file } = await rig(seed, { dsync: true });
      await clock.settle(file.write(sectors(1, 1, 1), 0));
      disk.failAt(disk.operations + 1, 'crash');
      void file.write(sectors(2, 2, 2), 0);
      await clock.run();
      return fillsOf(disk.crash().contents('a'));
    });
    assert.equal(seen.has('[0,0,0]') || seen.has('[]'), false);
    for (const expected of ['[1,1,1]', '[2,2,2]', '[1,2,1]']) assert.ok(seen.has(expected), `${expected} not among ${[...seen]}`);
  });

  test('what was written while a sync ran over the same sector is not promised by it, what was there before is', async () => {
    const seen = await over(200, async (seed) => {
      const { clock, disk, file } = await rig(seed);
      await clock.settle(file.write(sectors(1), 0));
      const syncing = file.sync();
      void file.write(sectors(2), 0);
      await clock.settle(syncing);
      return fillsOf(disk.crash().contents('a'));
    });
    assert.deepEqual([...seen].sort(), ['[1]', '[2]']);
  });

  test('an unsynced truncation may come undone', async () => {
    const seen = await over(100, async (seed) => {
      const { clock, disk, file } = await rig(seed, { dsync: true });
      await clock.settle(file.write(sectors(1, 2), 0));
      await clock.settle(file.truncate(SECTOR_BYTES));
      return fillsOf(disk.crash().contents('a'));
    });
    assert.ok(seen.has('[1]') && seen.has('[1,2]'), `${[...seen]}`);
  });

  test('a synced truncation is final: growing again shows zeros', async () => {
    const seen = await over(100, async (seed) => {
      const { clock, disk, file } = await rig(seed, { dsync: true });
      await clock.settle(file.write(sectors(1, 2), 0));
      await clock.settle(file.truncate(SECTOR_BYTES));
      await clock.settle(file.truncate(2 * SECTOR_BYTES));
      await clock.settle(file.sync());
      return fillsOf(disk.crash().contents('a'));
    });
    assert.deepEqual([...seen], ['[1,0]']);
  });

  test('old handles and operations never answer again', async () => {
    const { clock, disk, file } = await rig(1);
    let answered = 0;
    const count = () => answered++;
    file.write(sectors(1), 0).then(count, count);
    disk.crash();
    file.sync().then(count, count);
    disk.list('.').then(count, count);
    file.close().then(count, count);
    await clock.run();
    assert.equal(answered, 0);
    assert.equal(disk.halted, true);
  });

  test('kill -9 loses nothing that was written, and a later power cut still may', async () => {
    const seen = await over(100, async (seed) => {
      const { clock, disk, file } = await rig(seed);
      await clock.settle(file.write(sectors(1), 0));
      const afterKill = disk.kill();
      assert.deepEqual(fillsOf(afterKill.contents('a')), [1]);
      return fillsOf(afterKill.crash().contents('a'));
    });
    assert.ok(seen.has('[1]') && seen.has('[]'), `${[...seen]}`);
  });
});

describe('names', () => {
  test('a create, rename or remove that was not synced is kept or lost whole', async () => {
    const seen = await over(200, async (seed) => {
      const { clock, disk, file } = await rig(seed);
      const run = async () => {
        await file.write(sectors(1), 0);
        await file.sync();
        await disk.rename('a', 'b');
        const other = await disk.open('c', { create: true });
        await other.sync();
        await disk.remove('b');
      };
      await clock.settle(run());
      const next = disk.crash();
      return next.files().map((name) => `${name}${next.contents(name)?.length}`);
    });
    assert.deepEqual([...seen].sort(), ['[]', '["a512","c0"]', '["a512"]', '["b512","c0"]', '["b512"]', '["c0"]'].sort());
  });

  test('after syncDirectory they are safe', async () => {
    const seen = await over(100, async (seed) => {
      const { clock, disk, file } = await rig(seed);
      const run = async () => {
        await file.write(sectors(1), 0);
        await file.sync();
        await disk.makeDirectory('d');
        await disk.rename('a', 'd/b');
        await disk.syncDirectory('d');
      };
      await clock.settle(run());
      const next = disk.crash();
      return [next.files(), fillsOf(next.contents('d/b')), await clock.settle(next.list('d'))];
    });
    assert.deepEqual([...seen], ['[["d/b"],[1],["b"]]']);
  });

  test('a sync that began before the change does not cover it', async () => {
    const seen = await over(100, async (seed) => {
      const { clock, disk } = await rig(seed);
      const syncing = disk.syncDirectory('.');
      await clock.settle(Promise.all([syncing, disk.rename('a', 'b')]));
      return disk.crash().files();
    });
    assert.deepEqual([...seen].sort(), ['["a"]', '["b"]']);
  });

  test('a new name never comes without the rename that made room for it', async () => {
    const seen = await over(200, async (seed) => {
      const { clock, disk } = await rig(seed);
      const run = async () => {
        await disk.rename('a', 'old');
        await disk.open('a', { create: true });
      };
      await clock.settle(run());
      return disk.crash().files();
    });
    assert.deepEqual([...seen].sort(), ['["a","old"]', '["a"]', '["old"]']);
  });
});

describe('faults', () => {
  test('a failed sync: the cache shows the new bytes, later syncs succeed, the device keeps the old', async () => {
    let lost = 0;
    for (let seed = 0; seed < 100; seed++) {
      const { clock, disk, file } = await rig(seed);
      const run = async () => {
        await file.write(sectors(1, 1, 1, 1), 0);
        await file.sync();
        await file.write(sectors(2, 2, 2, 2), 0);
        disk.failAt(disk.operations + 1, 'eio');
        await assert.rejects(file.sync(), { code: 'EIO' });
        await file.sync();
      };
      await clock.settle(run());
      assert.deepEqual(fillsOf(disk.contents('a')), [2, 2, 2, 2]);
      const left = fillsOf(disk.crash().contents('a'));
      if (left.includes(1)) lost++;
    }
    assert.ok(lost > 50, `${lost} of 100`);
  });

  test('a dsync write that fails is the same', async () => {
    const seen = await over(100, async (seed) => {
      const { clock, disk, file } = await rig(seed, { dsync: true });
      await clock.settle(file.write(sectors(1, 1), 0));
      disk.failAt(disk.operations + 1, 'eio');
      await clock.settle(assert.rejects(file.write(sectors(2, 2), 0), { code: 'EIO' }));
      await clock.settle(file.sync());
      const shown = fillsOf(disk.contents('a'));
      return [shown, fillsOf(disk.crash().contents('a'))];
    });
    assert.ok(seen.has('[[2,2],[1,1]]'), `${[...seen]}`);
  });

  test('a failed directory sync forgets the change', async () => {
    const seen = await over(50, async (seed) => {
      const { clock, disk } = await rig(seed);
      await clock.settle(disk.rename('a', 'b'));
      disk.failAt(disk.operations + 1, 'eio');
      await clock.settle(assert.rejects(disk.syncDirectory('.'), { code: 'EIO' }));
      await clock.settle(disk.syncDirectory('.'));
      assert.deepEqual(disk.files(), ['b']);
      return disk.crash().files();
    });
    assert.deepEqual([...seen].sort(), ['["a"]', '["b"]']);
  });

  test('a short write says how much it took, and no more is there', async () => {
    const { clock, disk, file } = await rig(3);
    disk.failAt(disk.operations + 1, 'short');
    const count = await clock.settle(file.write(sectors(1, 1, 1), 0));
    assert.ok(count > 0 && count < 3 * SECTOR_BYTES);
    assert.equal(disk.contents('a')?.length, count);
    assert.equal(disk.struck, 1);
  });

  test('a full disk: first short, then ENOSPC; overwriting goes on; removing makes room', async () => {
    const { clock, disk, file } = await rig(4, { capacityBytes: 16 * 4096 });
    const run = async () => {
      assert.equal(await disk.freeBytes('.'), 16 * 4096);
      const other = await disk.open('b', { create: true });
      assert.equal(await other.write(new Uint8Array(10 * 4096), 0), 10 * 4096);
      assert.equal(await disk.freeBytes('.'), 6 * 4096, 'zeros take room too');
      assert.equal(await file.write(new Uint8Array(8 * 4096).fill(1), 100), 6 * 4096 - 100);
      await assert.rejects(file.write(new Uint8Array(1), 6 * 4096), { code: 'ENOSPC' });
      assert.equal(await file.write(new Uint8Array(4096), 0), 4096);
      await file.truncate(100_000);
      assert.equal(await disk.freeBytes('.'), 0, 'truncate reserves nothing');
      await disk.remove('b');
      assert.equal(await disk.freeBytes('.'), 0, 'still open');
      await other.close();
      assert.equal(await disk.freeBytes('.'), 10 * 4096);
      await file.truncate(4096);
      assert.equal(await disk.freeBytes('.'), 15 * 4096);
      disk.setCapacity(4096);
      await assert.rejects(file.write(new Uint8Array(1), 4096), { code: 'ENOSPC' });
    };
    await clock.settle(run());
    assert.equal(await clock.settle(disk.kill().freeBytes('.')), 0);
  });

  test('planned ENOSPC and EIO strike every kind of operation once, and after them all is well', async () => {
    const script = async (disk: SimDisk) => {
      await disk.makeDirectory('d');
      const file = await disk.open('d/x', { create: true });
      await file.write(sectors(1), 0);
      await file.read(new Uint8Array(1), 0);
      await file.truncate(1);
      await file.sync();
      await file.sizeBytes();
      await disk.list('d');
      await disk.rename('d/x', 'd/y');
      await disk.syncDirectory('d');
      await disk.remove('d/y');
      const lock = await disk.lock('d');
      await lock.release();
      await disk.freeBytes('d');
      await file.close();
    };
    const kinds: string[] = [];
    for (let n = 1; n <= 15; n++) {
      for (const fault of ['eio', 'enospc'] as const) {
        const clock = new SimClock();
        const lines: string[] = [];
        const disk = new SimDisk(clock, new SimRandom(n), { trace: (line) => lines.push(line) });
        disk.failAt(n, fault);
        const outcome = await clock.settle(
          script(disk).then(
            () => undefined,
            (error: { code: string }) => error.code,
          ),
        );
        assert.equal(outcome, disk.struck === 0 ? undefined : fault === 'eio' ? 'EIO' : 'ENOSPC', `${fault} at ${n}`);
        if (fault === 'eio') kinds.push(lines.at(-1)?.split(' ')[1] ?? '');
        else assert.equal(disk.struck, ['write', 'sync', 'syncDirectory'].includes(kinds.at(-1) ?? '') ? 1 : 0);
      }
    }
    assert.equal(new Set(kinds).size, 14, `every kind was struck: ${kinds}`);
  });

  test('a stalled sync takes 10 s', async () => {
    const { clock, disk, file } = await rig(5);
    disk.failAt(disk.operations + 1, 'stall');
    const before = clock.monotonicMs();
    await clock.settle(file.sync());
    assert.equal(clock.monotonicMs() - before, 10_000);
  });

  test('rates strike about as often as they say, and heal ends them', async () => {
    const { clock, disk, file } = await rig(6);
    disk.setFaults({ shortWrite: 0.1, readError: 0.5 });
    let short = 0;
    let failed = 0;
    const run = async () => {
      for (let i = 0; i < 1000; i++) {
        if ((await file.write(sectors(1), 0)) < SECTOR_BYTES) short++;
        await file.read(new Uint8Array(1), 0).catch(() => failed++);
      }
    };
    await clock.settle(run());
    assert.ok(short > 60 && short < 140, `${short} short`);
    assert.ok(failed > 420 && failed < 580, `${failed} failed`);
    disk.heal();
    disk.failAt(disk.operations + 1, 'eio');
    disk.heal();
    const { struck } = disk;
    await clock.settle(run());
    assert.equal(disk.struck, struck);
  });
});

test('the same seed gives the same operations, delays and wreck; another seed another', async () => {
  const run = async (seed: number) => {
    const lines: string[] = [];
    const { clock, random, disk, file } = await rig(seed, {
      trace: (line) => lines.push(line),
      faults: { shortWrite: 0.2, syncError: 0.1 },
    });
    const worker = async (id: number) => {
      for (let i = 0; i < 30; i++) {
        await file.write(random.bytes(700), (id * 30 + i) * 700).catch(() => {});
        if (random.chance(0.3)) await file.sync().catch(() => {});
      }
    };
    void worker(0);
    void worker(1);
    await clock.run(20);
    return [lines, clock.monotonicMs(), Buffer.from(disk.crash().contents('a') ?? []).toString('base64')];
  };
  assert.deepEqual(await run(7), await run(7));
  assert.notDeepEqual(await run(7), await run(8));
});

describe('damage at rest', () => {
  test('each kind changes the file once, and says how; what would change nothing is not said to have happened', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const { clock, disk, file } = await rig(seed, { dsync: true });
      await clock.settle(file.write(sectors(1, 2, 0, 3), 0));
      disk.remember();
      await clock.settle(file.write(sectors(4), 0));
      await clock.settle(file.close());
      assert.equal(disk.damage('zero', 'a', 2 * SECTOR_BYTES), undefined);
      assert.equal(disk.damage('old', 'a', SECTOR_BYTES), undefined);
      assert.equal(disk.damage('flip', 'none'), undefined);

      const before = disk.contents('a') as Uint8Array;
      assert.match(disk.damage('flip', 'a') ?? '', /^a: a bit of byte \d+ flipped$/);
      const flipped = disk.contents('a') as Uint8Array;
      const changed = [...flipped].flatMap((byte, i) => (byte === before[i] ? [] : [byte ^ (before[i] ?? 0)]));
      assert.equal(changed.length, 1);
      assert.ok([1, 2, 4, 8, 16, 32, 64, 128].includes(changed[0] ?? 0));

      assert.match(disk.damage('old', 'a', 5) ?? '', /^a: bytes 0 to 512 are old$/);
      assert.equal(disk.contents('a')?.[0], 1);
      assert.match(disk.damage('zero', 'a', 5) ?? '', /are zero/);
      assert.equal(disk.contents('a')?.[0], 0);
      assert.match(disk.damage('truncate', 'a', 700) ?? '', /cut to 700 bytes/);
      assert.equal(disk.contents('a')?.length, 700);
      assert.deepEqual(disk.deviceContents('a'), disk.contents('a'));
    }
  });

  test('a misplaced sector is a copy of another', async () => {
    const seen = await over(50, async (seed) => {
      const { clock, disk, file } = await rig(seed, { dsync: true });
      await clock.settle(file.write(sectors(1, 2, 3), 0));
      const done = disk.damage('misplaced', 'a', 0);
      return [done === undefined, fillsOf(disk.contents('a'))];
    });
    assert.deepEqual([...seen].sort(), ['[false,[2,2,3]]', '[false,[3,2,3]]', '[true,[1,2,3]]']);
  });
});
