/** The bytes of one file in memory, in pages that exist only once something other than zero was written to them. */

const FIRST_BYTES = 4096;
const ZEROS = new Uint8Array(64 * 1024);

export class SparseBytes {
  readonly #pageBytes: number;
  /** Page 0 may be shorter than the others while the file is small; what a page does not have is zero. */
  readonly #pages: (Uint8Array | undefined)[] = [];
  #allocatedBytes = 0;

  /** `pageBytes`: a power of two, at least 4096. */
  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /** Fills `into` from `position` on, with zeros where nothing was ever written. */
  read(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length; ) {
      const page = Math.floor((position + done) / this.#pageBytes);
      const from = (position + done) % this.#pageBytes;
      const count = Math.min(this.#pageBytes - from, into.length - done);
      const bytes = this.#pages[page];
      const there = bytes === undefined ? 0 : Math.max(0, Math.min(count, bytes.length - from));
      if (bytes !== undefined && there > 0) into.set(bytes.subarray(from, from + there), done);
      if (there < count) into.fill(0, done + there, done + count);
      done += count;
    }
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const page = Math.floor((position + done) / this.#pageBytes);
      const from = (position + done) % this.#pageBytes;
      const count = Math.min(this.#pageBytes - from, bytes.length - done);
      const part = count === bytes.length ? bytes : bytes.subarray(done, done + count);
      const there = this.#pages[page]?.length ?? 0;
      if (from + count <= there || !isZero(part)) this.#page(page, from + count).set(part, from);
      else if (from < there) this.#pages[page]?.fill(0, from);
      done += count;
    }
  }

  /** Memory that writing `length` bytes at `position` takes at most, beside what is allocated. */
  missingBytes(position: number, length: number): number {
    let missing = 0;
    for (let page = Math.floor(position / this.#pageBytes); page * this.#pageBytes < position + length; page++) {
      const there = this.#pages[page]?.length ?? 0;
      const end = Math.min(this.#pageBytes, position + length - page * this.#pageBytes);
      if (end > there) missing += this.#sizeFor(page, end) - there;
    }
    return missing;
  }

  /** Everything from `sizeBytes` on becomes zero, and its memory free. */
  cut(sizeBytes: number): void {
    const keep = Math.ceil(sizeBytes / this.#pageBytes);
    for (let page = keep; page < this.#pages.length; page++) this.#allocatedBytes -= this.#pages[page]?.length ?? 0;
    if (keep < this.#pages.length) this.#pages.length = keep;
    if (sizeBytes % this.#pageBytes !== 0) this.#pages[keep - 1]?.fill(0, sizeBytes % this.#pageBytes);
  }

  clone(): SparseBytes {
    const copy = new SparseBytes(this.#pageBytes);
    for (const page of this.#pages) copy.#pages.push(page?.slice());
    copy.#allocatedBytes = this.#allocatedBytes;
    return copy;
  }

  #page(page: number, endByte: number): Uint8Array {
    const old = this.#pages[page];
    if (old !== undefined && old.length >= endByte) return old;
    const size = this.#sizeFor(page, endByte);
    const bytes = new Uint8Array(size);
    if (old !== undefined) bytes.set(old);
    while (this.#pages.length < page) this.#pages.push(undefined);
    this.#pages[page] = bytes;
    this.#allocatedBytes += size - (old?.length ?? 0);
    return bytes;
  }

  #sizeFor(page: number, endByte: number): number {
    let size = page > 0 ? this.#pageBytes : Math.min(FIRST_BYTES, this.#pageBytes);
    while (size < endByte) size *= 2;
    return size;
  }
}

export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    if (bytes[at] !== 0) return false;
    const end = Math.min(bytes.length, at + ZEROS.length);
    if (Buffer.compare(bytes.subarray(at, end), end - at === ZEROS.length ? ZEROS : ZEROS.subarray(0, end - at)) !== 0) return false;
  }
  return true;
}
