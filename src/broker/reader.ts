/** Record bytes by journal position: from memory when there, else read block-wise, keeping the last few blocks. */

import type { Journal, View } from '../journal/journal.ts';
import type { Position } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';

const KEPT_MAX = 4;

export class Reader {
  readonly #journal: Journal;
  /** Blocks read from disk, most recently used last. */
  readonly #kept: View[] = [];
  readonly #reading = new Map<number, Promise<View>>();
  #last: View | undefined;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The block with this position if it is in memory. Valid for this turn. */
  view(position: Position): View | undefined {
    const inMemory = this.#journal.view(position);
    if (inMemory !== undefined) return inMemory;
    if (this.#last !== undefined && covers(this.#last, position)) return this.#last;
    const at = this.#kept.findIndex((view) => covers(view, position));
    if (at < 0) return undefined;
    const [found] = this.#kept.splice(at, 1);
    if (found !== undefined) this.#kept.push(found);
    this.#last = found;
    return found;
  }

  /** Reads the block; afterwards `view` has it, for this turn at least. Rejects with `Refused('damaged')`. */
  async load(position: Position): Promise<View> {
    const known = this.view(position);
    if (known !== undefined) return known;
    const under = this.#reading.get(position);
    if (under !== undefined) return under;
    const reading = this.#journal.fetch(position).then(
      (view) => this.#keep(view),
      (error: unknown) => {
        throw unreadable(position, error);
      },
    );
    this.#reading.set(position, reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(position);
    }
  }

  #keep(view: View): View {
    this.#kept.push(view);
    if (this.#kept.length > KEPT_MAX) {
      const gone = this.#kept.shift();
      if (gone === this.#last) this.#last = undefined;
      gone?.release();
    }
    return view;
  }

  close(): void {
    for (const view of this.#kept.splice(0)) view.release();
    this.#last = undefined;
  }
}

export function covers(view: View, position: Position): boolean {
  return position >= view.base && position < view.end;
}

/** What the journal refuses stays as it is; an error of the drive becomes a refusal that says where it struck. */
function unreadable(position: Position, error: unknown): Refused {
  if (error instanceof Refused) return error;
  return new Refused(
    'damaged',
    `The message at journal position ${position} cannot be read: ${(error as Error).message}. Check the drive.`,
    { cause: error },
  );
}
