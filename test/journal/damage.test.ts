/** Damage at rest: whatever is done to the files, it is noticed or does no harm. Never is something lost, or made up, in silence. */

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { examine, salvage } from '../../src/journal/journal.ts';
import { type Position, segmentOf } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { Harness, harness, type Kept, SMALL } from './harness.ts';
import { changed, diskOf, type Image, imageOf, same } from './image.ts';

const DIRECTORY = 'data/journal';

interface Subject {
  /** Still open when it was taken: as after a kill. */
  readonly killed: Image;
  readonly closed: Image;
  /** Everything in the journal, and from the checkpoint on. */
  readonly all: Kept[];
  readonly replayed: Kept[];
  readonly checkpoint: Position;
  /** The first entry of the last block. */
  readonly lastBlock: Position;
}

/** Segments 0 to 2 are recycled, 3 and 4 lie before the checkpoint, 5 to 8 are replayed, and 9 is a spare full of stale blocks. */
async function build(): Promise<Subject> {
  const j = await harness();
  const all: Kept[] = [];
  const fillUntil = async (segment: number) => {
    while (segmentOf(j.journal.tip) < segment) {
      all.push(...j.append(3, (i) => 300 + i * 500));
      await j.sync();
    }
  };
  await fillUntil(5);
  all.push(...j.append(2, () => 50));
  await j.sync();
  const checkpoint = j.journal.tip;
  all.push(...j.append(3, () => 100));
  j.journal.checkpointed(checkpoint);
  for (const segment of [0, 1, 2]) j.journal.recycle(segment);
  await fillUntil(8);
  const last = j.append(4, () => 700);
  await j.sync();
  all.push(...last);
  const killed = await imageOf(j.disk, DIRECTORY);
  await j.journal.close();
  const kept = all.filter((entry) => segmentOf(entry.position) > 2);
  const replayed = kept.filter((entry) => entry.position >= checkpoint);
  const lastBlock = last[0]?.position as Position;
  return { killed, closed: await imageOf(j.disk, DIRECTORY), all: kept, replayed, checkpoint, lastBlock };
}

let subject: Subject;
before(async () => {
  subject = await build();
});

function name(segment: number): string {
  return `${String(segment).padStart(10, '0')}.journal`;
}

function bytesOf(image: Image, segment: number): Uint8Array {
  const bytes = image.get(name(segment));
  assert.ok(bytes !== undefined, `segment ${segment} is in the image`);
  return bytes;
}

interface Opened {
  readonly j: Harness | undefined;
  readonly error: unknown;
}

async function opened(image: Image): Promise<Opened> {
  const j = new Harness(SMALL, await diskOf(image, DIRECTORY));
  try {
    await j.open();
    return { j, error: undefined };
  } catch (error) {
    return { j: undefined, error };
  }
}

async function refused(image: Image, pattern: RegExp): Promise<void> {
  const { error } = await opened(image);
  assert.ok(error instanceof Refused, `it opened, or failed with ${String(error)}`);
  assert.equal(error.code, 'damaged');
  assert.match(error.message, pattern);
  assert.match(error.message, /signalbox doctor/);
}

test('the subject itself opens, and is what it is meant to be', async () => {
  assert.deepEqual([...subject.closed.keys()].sort(), ['head', ...[3, 4, 5, 6, 7, 8, 9].map(name)].sort());
  for (const image of [subject.killed, subject.closed]) {
    const { j, error } = await opened(image);
    assert.equal(error, undefined);
    assert.deepEqual(j?.replayed, subject.replayed);
    const report = await examine(await diskOf(image, DIRECTORY), DIRECTORY);
    assert.equal(report.state, 'sound', report.says);
    assert.equal(report.checkpoint, subject.checkpoint);
    assert.equal(report.entries, subject.all.length);
  }
});

for (const state of ['killed', 'closed'] as const) {
  describe(`${state}: a segment that replay needs`, () => {
    for (const segment of [5, 6, 7, 8]) {
      test(`${segment} zeroed`, async () => {
        const image = subject[state];
        await refused(changed(image, name(segment), new Uint8Array(65536)), /0000000\d\d\d\.journal/);
      });

      test(`${segment} missing`, async () => {
        await refused(changed(subject[state], name(segment), undefined), /0000000\d\d\d\.journal/);
      });

      test(`${segment} cut short`, async () => {
        const image = subject[state];
        // The last one holds few blocks, and after a kill the end of those may not have been safe.
        for (const sizeBytes of segment === 8 ? [0, 100] : [0, 100, 4096, 5000, 20480]) {
          await refused(changed(image, name(segment), bytesOf(image, segment).slice(0, sizeBytes)), /byte \d+/);
        }
      });

      test(`${segment} swapped with another`, async () => {
        const image = subject[state];
        for (const other of [3, 4, 5, 6, 7, 8, 9]) {
          if (other === segment) continue;
          const swapped = changed(changed(image, name(segment), bytesOf(image, other)), name(other), bytesOf(image, segment));
          await refused(swapped, /byte \d+/);
        }
      });
    }
  });

  test(`${state}: the head missing, or neither of its copies whole`, async () => {
    const image = subject[state];
    await refused(changed(image, 'head', undefined), /head is missing/);
    await refused(changed(image, 'head', new Uint8Array(8192)), /neither of its two copies/);
    const flipped = bytesOf8(image);
    flipped[30] = (flipped[30] as number) ^ 1;
    flipped[4096 + 30] = (flipped[4096 + 30] as number) ^ 1;
    await refused(changed(image, 'head', flipped), /neither of its two copies/);
  });

  test(`${state}: one bit anywhere is noticed or does no harm, and the doctor agrees`, async () => {
    const image = subject[state];
    const random = new SimRandom(state === 'killed' ? 1 : 2);
    const counts = { refused: 0, harmless: 0, cut: 0 };
    for (let i = 0; i < 400; i++) {
      const { damaged, what } = flip(image, random);
      const { j, error } = await opened(damaged);
      const report = await examine(await diskOf(damaged, DIRECTORY), DIRECTORY);
      const needed = report.findings.some((finding) => finding.needed);
      if (error !== undefined) {
        assert.ok(error instanceof Refused, `${what}: ${String(error)}`);
        assert.ok(error.code === 'damaged', `${what}: ${error.message}`);
        assert.ok(report.state === 'damaged' && needed, `${what}: refused, but the doctor says ${report.says}`);
        counts.refused++;
        continue;
      }
      assert.ok(j !== undefined);
      assert.ok(!needed, `${what}: opened, but the doctor says ${report.says}`);
      const whole = j.replayed.length === subject.replayed.length;
      const expected = whole ? subject.replayed : subject.replayed.filter((entry) => entry.position < subject.lastBlock);
      assert.deepEqual(j.replayed, expected, what);
      // The last block before a kill cannot be told from one that was being written.
      if (!whole) assert.ok(state === 'killed' && report.state === 'cut' && j.warnings.includes('journal.cut'), what);
      counts[whole ? 'harmless' : 'cut']++;
      await readBack(j, subject.all, what);
    }
    assert.ok(counts.refused > 50 && counts.harmless > 50, JSON.stringify(counts));
  });
}

/** Everything is what it was, or refused by name. */
async function readBack(j: Harness, all: readonly Kept[], what: string): Promise<void> {
  for (let i = 0; i < all.length; i += 7) {
    const entry = all[i] as Kept;
    if (entry.position >= j.journal.tip) continue;
    try {
      const view = await j.journal.fetch(entry.position);
      const at = entry.position - view.base;
      assert.equal(Buffer.from(view.bytes.slice(at, at + entry.bytes.length / 2)).toString('hex'), entry.bytes, what);
      view.release();
    } catch (error) {
      assert.ok(error instanceof Refused && error.code === 'damaged', `${what}: ${String(error)}`);
    }
  }
}

function bytesOf8(image: Image): Uint8Array {
  return (image.get('head') as Uint8Array).slice();
}

/** One bit in a file of the image; headers of blocks are hit as often as all the rest. */
function flip(image: Image, random: SimRandom): { damaged: Image; what: string } {
  const file = random.pick([...image.keys()]);
  const bytes = (image.get(file) as Uint8Array).slice();
  const at = random.chance(0.5) ? random.int(bytes.length / 4096) * 4096 + random.int(80) : random.int(bytes.length);
  const bit = random.int(8);
  bytes[at] = (bytes[at] as number) ^ (1 << bit);
  return { damaged: changed(image, file, bytes), what: `${file} byte ${at} bit ${bit}` };
}

describe('the doctor', () => {
  test('says where, and how much is lost', async () => {
    const image = subject.closed;
    const bytes = bytesOf(image, 6).slice();
    bytes.fill(0, 8192, 20480);
    const report = await examine(await diskOf(changed(image, name(6), bytes), DIRECTORY), DIRECTORY);
    assert.equal(report.state, 'damaged');
    assert.equal(report.findings.length, 1);
    const [finding] = report.findings;
    assert.equal(finding?.path, `${DIRECTORY}/${name(6)}`);
    assert.equal(finding.byte, 8192);
    assert.deepEqual(finding.end, { path: `${DIRECTORY}/${name(6)}`, byte: 20480 });
    assert.ok(finding.blocks !== undefined && finding.blocks > 0);
    assert.equal(finding.needed, true);
    assert.match(finding.says, /byte 8192: no block begins there; \d+ blocks? (is|are) lost/);
  });

  test('finds what recovery had no need to read', async () => {
    const image = subject.closed;
    const bytes = bytesOf(image, 4).slice();
    bytes[5000] = (bytes[5000] as number) ^ 4;
    const damaged = changed(image, name(4), bytes);
    assert.equal((await opened(damaged)).error, undefined);
    const report = await examine(await diskOf(damaged, DIRECTORY), DIRECTORY);
    assert.equal(report.state, 'damaged');
    assert.equal(report.findings[0]?.needed, false);
    assert.match(report.says, /opens, but not all of it can be read/);
  });

  test('changes nothing', async () => {
    const bytes = bytesOf(subject.killed, 6).slice();
    bytes.fill(7, 8192, 20480);
    const damaged = changed(subject.killed, name(6), bytes);
    const disk = await diskOf(damaged, DIRECTORY);
    await examine(disk, DIRECTORY);
    await salvage(disk, DIRECTORY, 'data/rescued');
    assert.ok(same(await imageOf(disk, DIRECTORY), damaged));
  });

  test('takes no end that was cut off long ago for the journal', async () => {
    const first = await harness({ ...SMALL, durability: 'os' });
    for (let i = 0; i < 6; i++) {
      first.append(1, () => 1000);
      await first.sync();
    }
    // A power cut lost block 2 and kept the ones behind it, which is its right without fsync.
    const left = await imageOf(first.disk, DIRECTORY);
    left.get(name(0))?.fill(0, 8192, 12_288);
    const disk = await diskOf(left, DIRECTORY);
    assert.equal((await examine(disk, DIRECTORY)).state, 'cut');
    const second = new Harness(SMALL, disk);
    await second.open();
    assert.equal(second.replayed.length, 2);
    assert.deepEqual(second.warnings, ['journal.cut']);
    const [third] = second.append(1, () => 500);
    await second.sync();
    const report = await examine(disk, DIRECTORY);
    assert.equal(report.entries, 3, report.says);
    assert.equal(report.findings.length, 0);
    const result = await salvage(disk, DIRECTORY, 'data/rescued');
    assert.deepEqual([result.entries, result.skipped], [3, []]);
    const rescued = new Harness(SMALL, disk, 'data/rescued');
    await rescued.open();
    assert.deepEqual(rescued.replayed, [...second.replayed, third]);
    await first.journal.close();
  });

  test('an empty or missing directory is said to be so', async () => {
    const report = await examine(await diskOf(new Map(), DIRECTORY), DIRECTORY);
    assert.equal(report.state, 'empty');
    assert.equal((await examine(await diskOf(new Map(), DIRECTORY), 'nowhere')).state, 'empty');
  });
});

describe('salvage', () => {
  test('of a sound journal is the same journal', async () => {
    const disk = await diskOf(subject.closed, DIRECTORY);
    const result = await salvage(disk, DIRECTORY, 'data/rescued');
    assert.deepEqual(result.skipped, []);
    assert.equal(result.entries, subject.all.length);
    assert.equal(result.checkpoint, subject.checkpoint);
    const j = new Harness(SMALL, disk, 'data/rescued');
    await j.open();
    assert.deepEqual(j.replayed, subject.replayed);
    await readBackAll(j, subject.all);
  });

  test('leaves out what cannot be read, says what, and keeps the rest where it was', async () => {
    const random = new SimRandom(5);
    for (let i = 0; i < 60; i++) {
      let damaged: Image = subject[i % 2 === 0 ? 'closed' : 'killed'];
      for (let n = 1 + random.int(3); n > 0; n--) damaged = worse(damaged, random);
      const disk = await diskOf(damaged, DIRECTORY);
      const result = await salvage(disk, DIRECTORY, 'data/rescued');
      // A missing file that replay does not need looks as if it had been recycled.
      const isThere = (at: Position) => damaged.has(name(segmentOf(at)));
      const isSkipped = (at: Position) => !isThere(at) || result.skipped.some(({ from, to }) => at >= from && at < to);
      const j = new Harness(SMALL, disk, 'data/rescued');
      await j.open();
      const end = j.journal.tip;
      const readable = subject.all.filter((entry) => entry.position < end && !isSkipped(entry.position));
      assert.equal(result.entries, readable.length, 'skipped and copied add up');
      assert.deepEqual(
        j.replayed,
        readable.filter((entry) => entry.position >= result.checkpoint),
      );
      await readBackAll(j, readable);
      const report = await examine(disk, 'data/rescued');
      assert.ok(report.state === 'sound', report.says);
      await j.journal.close();
      await j.open();
      j.append(20, () => 3000);
      await j.sync();
      await j.reopen();
      assert.equal(j.journal.failed, undefined);
    }
  });

  test('says how many blocks are missing at the end', async () => {
    const damaged = changed(subject.closed, name(8), bytesOf(subject.closed, 8).slice(0, 100));
    const disk = await diskOf(damaged, DIRECTORY);
    const { findings } = await examine(disk, DIRECTORY);
    const { lostAtEnd, skipped } = await salvage(disk, DIRECTORY, 'data/rescued');
    assert.deepEqual(skipped, []);
    assert.ok(lostAtEnd > 0);
    assert.equal(findings[0]?.blocks, lostAtEnd);
  });

  test('wants an empty target, and something to read', async () => {
    const disk = await diskOf(subject.closed, DIRECTORY);
    await assert.rejects(salvage(disk, DIRECTORY, DIRECTORY), { code: 'conflict' });
    await assert.rejects(salvage(disk, 'data/none', 'data/rescued'), { code: 'damaged' });
  });
});

async function readBackAll(j: Harness, all: readonly Kept[]): Promise<void> {
  for (const entry of all) {
    const view = await j.journal.fetch(entry.position);
    const at = entry.position - view.base;
    assert.equal(Buffer.from(view.bytes.slice(at, at + entry.bytes.length / 2)).toString('hex'), entry.bytes);
    view.release();
  }
}

/** A flipped bit, a stretch of zeros or noise, a file cut short or missing. */
function worse(image: Image, random: SimRandom): Image {
  const file = random.pick([...image.keys()]);
  const bytes = (image.get(file) as Uint8Array).slice();
  const at = random.int(Math.max(1, bytes.length));
  switch (random.int(5)) {
    case 0:
      return flip(image, random).damaged;
    case 1:
      bytes.fill(0, at, at + 1 + random.int(20000));
      return changed(image, file, bytes);
    case 2:
      bytes.set(random.bytes(Math.min(bytes.length - at, 5000)), at);
      return changed(image, file, bytes);
    case 3:
      return changed(image, file, bytes.slice(0, at));
    default:
      return changed(image, file, random.chance(0.5) ? undefined : bytes);
  }
}
