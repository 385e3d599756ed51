/** Chance as a parameter. */

export interface Random {
  /** A whole number, 0 to 2^32 - 1. */
  u32(): number;
  /** 0 <= x < 1 */
  float(): number;
  bytes(length: number): Uint8Array;
}
