/** Whether all records, nodes and pages of a queue are where they belong when everybody has left: in the stock, or in use as can be told. */

import type { Handle } from '../../../src/events/events.ts';
import { BODY_OF, FINISHED, FREE, kindOf, LOOSE, ownerOf, PART, restOf, WAITING } from '../../../src/events/life.ts';
import {
  BUSY,
  CACHE_WORDS,
  CACHES,
  LIFE,
  OP,
  OP_A,
  openMemory,
  POPPING,
  type SlabPlace,
  STARTED,
  STATE,
  THREAD_ID,
} from '../../../src/events/memory.ts';
import { Slab } from '../../../src/events/slab.ts';
import { blockOf, joinThreads } from '../../../src/events/thread.ts';

/** What is missing, by name; empty when all is there. */
export function missingFrom({ shared, settings }: Handle): string[] {
  const memory = openMemory(shared, settings.shape);
  const { words, layout } = memory;
  const me = joinThreads(memory, 0, 0);
  const cache = blockOf(memory, me) + CACHES;
  const missing: string[] = [];
  const places: [string, SlabPlace][] = [
    ['records', layout.records],
    ['nodes', layout.nodes],
    ['pages', layout.pages],
  ];
  for (const [index, [name, place]] of places.entries()) {
    const inUse = countUsed(words, place);
    const slab = new Slab(words, place, cache + index * CACHE_WORDS, me);
    let free = 0;
    while (slab.take() !== 0 && free <= place.count) free++;
    if (free + inUse !== place.count) missing.push(`${place.count - free - inUse} of ${place.count} ${name}`);
  }
  return missing;
}

function countUsed(words: Int32Array, place: SlabPlace): number {
  let count = 0;
  for (let thing = 1; thing <= place.count; thing++) {
    const kind = kindOf(words[place.base + thing * place.stride + LIFE] as number);
    if ([FINISHED, WAITING, BODY_OF, PART].includes(kind)) count++;
  }
  return count;
}

/** Records that are neither free nor over, and the threads, for people who look for what has gone wrong. */
export function underWay({ shared, settings }: Handle): string[] {
  const { words, layout } = openMemory(shared, settings.shape);
  const lines: string[] = [];
  for (let record = 1; record <= layout.records.count; record++) {
    const at = layout.records.base + record * layout.records.stride;
    const word = words[at + LIFE] as number;
    if ([FREE, LOOSE, FINISHED, WAITING, BODY_OF].includes(kindOf(word))) continue;
    lines.push(`record ${record}: kind ${kindOf(word)}, owner ${ownerOf(word)}, rest ${restOf(word)}, started ${words[at + STARTED]}`);
  }
  for (let thread = 1; thread <= settings.shape.threads; thread++) {
    const block = blockOf({ layout } as Parameters<typeof blockOf>[0], thread);
    const word = (of: number): number => words[block + of] as number;
    if (word(STATE) === 0) continue;
    const state = `state ${word(STATE) & 3}, epoch ${word(STATE) >>> 2}`;
    lines.push(
      `thread ${thread} (${word(THREAD_ID)}): ${state}, op ${word(OP)} ${word(OP_A)}, popping ${word(POPPING)}, busy ${word(BUSY)}`,
    );
  }
  return lines;
}
