import { after, test } from 'node:test';
import { Apart } from '../apart.ts';
import type { LifeOptions } from './life.ts';

const SIZES = { lives: 5, steps: 80, segmentBytes: 1500, bufferBytes: 600 };

const KINDS: Readonly<Record<string, LifeOptions>> = {
  'power cuts and kills': { ...SIZES, faults: false, compacted: false },
  'failing and short writes, failing syncs, stalls': { ...SIZES, faults: true, compacted: false },
  'compaction, trimming and truncation cut short anywhere': { ...SIZES, faults: false, compacted: true },
  'all of it': { ...SIZES, faults: true, compacted: true },
  'a full disk': { ...SIZES, faults: false, compacted: true, capacityBytes: 30_000 },
  'batches much larger than segments and buffers': { ...SIZES, faults: true, compacted: true, segmentBytes: 100, bufferBytes: 50 },
  'packs, small segments, and all that fails': {
    ...SIZES,
    faults: true,
    compacted: false,
    told: 'packs',
    segmentBytes: 400,
    bufferBytes: 200,
  },
  'times of their own, and compaction': { ...SIZES, faults: true, compacted: true, told: 'times' },
  'one segment for all': { ...SIZES, faults: true, compacted: true, segmentBytes: 1_000_000, bufferBytes: 4000 },
};
const SEEDS = 15;

const apart = new Apart(new URL('./crashes.ts', import.meta.url));
after(() => apart.close());

for (const [name, options] of Object.entries(KINDS)) {
  test(`after a crash the log holds what was safe and nothing that was not appended: ${name}`, async () => {
    await apart.call('crashes', SEEDS, options);
  });
}
