/** What a fuzzer finds: saved to its corpus, which every run replays first, and counted. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Chance } from './chance.ts';

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Throws for a finding, or what it may throw. */
  readonly run: (input: Buffer, chance: Chance) => void;
}

const SLOW_MS = 50;
/** Enough to see what is wrong; the rest are mostly the same. */
const SAVED_MAX = 20;

export class Findings {
  readonly #corpus: URL;
  readonly #isRefusal: (error: unknown) => boolean;
  count = 0;

  /** `isRefusal`: what a decoder may well throw. */
  constructor(name: string, isRefusal: (error: unknown) => boolean) {
    this.#corpus = new URL(`../corpus/${name}/`, import.meta.url);
    this.#isRefusal = isRefusal;
  }

  tryOut(target: Target, input: Buffer, chance: Chance): void {
    const beganMs = performance.now();
    try {
      target.run(input, chance);
    } catch (error) {
      if (!this.#isRefusal(error)) return this.found(target.name, input, error);
    }
    // A pause of the machine is not a hang: what is slow must be so again, by what this thread itself needs.
    if (performance.now() - beganMs > SLOW_MS && isSlow(target, input, chance))
      this.found(target.name, input, `It takes more than ${SLOW_MS} ms.`);
  }

  found(name: string, input: Uint8Array, why: unknown): void {
    this.count += 1;
    if (this.count > SAVED_MAX) return;
    const file = `${name}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
    mkdirSync(this.#corpus, { recursive: true });
    writeFileSync(new URL(file, this.#corpus), input);
    console.error(`FOUND ${file}: ${why instanceof Error ? (why.stack ?? why.message) : String(why)}`);
  }

  /** Tries again what was found before, each by the target it was found with; `other` gets what is of none. Answers how many. */
  async replay(targets: readonly Target[], chance: Chance, other: (input: Buffer) => Promise<void>): Promise<number> {
    mkdirSync(this.#corpus, { recursive: true });
    const files = readdirSync(this.#corpus);
    for (const file of files) {
      const input = readFileSync(new URL(file, this.#corpus));
      const target = targets.find(({ name }) => file.startsWith(`${name}-`));
      if (target === undefined) await other(input);
      else this.tryOut(target, input, chance);
    }
    return files.length;
  }
}

function isSlow(target: Target, input: Buffer, chance: Chance): boolean {
  for (let times = 0; times < 3; times++) {
    const beganMs = cpuMs();
    try {
      target.run(input, chance);
    } catch {
      // It was told above.
    }
    if (cpuMs() - beganMs <= SLOW_MS) return false;
  }
  return true;
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
