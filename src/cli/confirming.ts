/** Asks somebody at a terminal before something is gone for good. */

import { createInterface } from 'node:readline/promises';

/** True for a yes; where nobody can answer (stdin is no terminal), the command was meant as it was written. */
export async function confirmed(question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true) return true;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
