/** How often the journal is tidied, and how far. */

export interface UpkeepOptions {
  /** Journal written since the last checkpoint that makes the next one due; also at least eight times its size. */
  readonly checkpointBytes: number;
  /** A segment is carried when it holds at most this many messages and more than `segmentsMin` are kept. */
  readonly carryCountMax: number;
  readonly segmentsMin: number;
  readonly intervalMs: number;
  readonly tombstoneMs: number;
}

export const UPKEEP: UpkeepOptions = {
  checkpointBytes: 256 * 1024 * 1024,
  carryCountMax: 20_000,
  segmentsMin: 8,
  intervalMs: 1000,
  tombstoneMs: 24 * 3600 * 1000,
};
