/** Packs: records of a partition that stand for several messages, by the word of their language. */

import { bodyAt, type Language, languageOf, RECORD_HEAD_BYTES, sizeOf, type Unpacked } from './record.ts';
import { Refused } from './refusal.ts';

/** What is told of a partition's records beside their bytes: one element per record of the batch they stand in. */
export interface RecordColumns {
  /** How many messages each stands for, 1 to `PACK_MAX`; absent: one each. */
  readonly packs?: Uint32Array | undefined;
  /** The publisher's time of each (of a pack, its latest), milliseconds since 1970: what records are found by. Absent: the time of the append. */
  readonly timesMs?: Float64Array | undefined;
}

/** Most messages of one pack. */
export const PACK_MAX: number = 0x7fff_ffff;

/** How many messages the record at `at` packs; 0: it is a single message, or of a language that is not spoken here. */
export function packedIn(bytes: Uint8Array, at: number, languages: ReadonlyMap<number, Language>): number {
  const language = languages.get(languageOf(bytes, at));
  if (language?.count === undefined) return 0;
  const body = bodyAt(bytes, at);
  return language.count(bytes.subarray(at + RECORD_HEAD_BYTES, body), bytes.subarray(body, at + sizeOf(bytes, at)));
}

/** The messages of the pack at `at`. Throws `Refused('unsupported')` when nobody here can unpack it, and what the language throws. */
export function unpackRecord(bytes: Uint8Array, at: number, languages: ReadonlyMap<number, Language>): Unpacked {
  const number = languageOf(bytes, at);
  const language = languages.get(number);
  if (language?.unpack === undefined) {
    throw new Refused('unsupported', `A pack of messages is in language ${number}, which no open door can unpack.`);
  }
  const body = bodyAt(bytes, at);
  return language.unpack(bytes.subarray(at + RECORD_HEAD_BYTES, body), bytes.subarray(body, at + sizeOf(bytes, at)));
}
