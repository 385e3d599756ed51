/** A writer for whole messages of which the large parts are not copied. */

import { Writer } from '../../bytes/writer.ts';

/** Writes one message; large bytes in it are not copied but stand aside, to leave as pieces of their own. */
export class MessageWriter extends Writer {
  /** Behind which byte of what is written each of them belongs. */
  readonly #asides: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #asideBytes = 0;

  /** Of the whole message, with what stands aside. */
  get sizeBytes(): number {
    return this.at + this.#asideBytes;
  }

  aside(bytes: Uint8Array): void {
    this.#asides.push({ at: this.at, bytes });
    this.#asideBytes += bytes.length;
  }

  /** The message, in pieces; the writer is of no use afterwards. */
  pieces(): readonly Uint8Array[] {
    const written = this.written();
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#asides) {
      if (at > from) pieces.push(written.subarray(from, at));
      pieces.push(bytes);
      from = at;
    }
    if (written.length > from) pieces.push(written.subarray(from));
    return pieces;
  }
}
