/** Texts that all threads know by number: event types, module addresses, names of exports. Never forgotten, so there must be few. */

import { hash32 } from '../bytes/hash.ts';
import { Refused } from '../model/refusal.ts';
import { type Memory, NAME_BYTES, NAMES } from './memory.ts';

const LENGTH_BYTES = 4;

export class Names {
  readonly #memory: Memory;
  readonly #numbers = new Map<string, number>();
  readonly #texts: (string | undefined)[] = new Array(NAMES + 1).fill(undefined);

  /** The one that was asked for last. */
  #last: string | undefined;
  #lastNumber = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** The number of a text, 1 to 4096. Throws `Refused('full')` when there are too many different ones. */
  number(name: string): number {
    if (name === this.#last) return this.#lastNumber;
    const number = this.#numbers.get(name) ?? this.#find(name);
    this.#numbers.set(name, number);
    this.#texts[number] = name;
    this.#last = name;
    this.#lastNumber = number;
    return number;
  }

  /** The text of a number that another thread got from `number`. */
  text(number: number): string {
    const known = this.#texts[number];
    if (known !== undefined) return known;
    const name = this.#read(this.#memory.words[this.#memory.layout.names + number - 1] as number);
    this.#numbers.set(name, number);
    this.#texts[number] = name;
    return name;
  }

  /** The first free place from the text's hash on is its number: the same for every thread that looks for it. */
  #find(name: string): number {
    const { words, layout } = this.#memory;
    let written = 0;
    let place = hash32(name) % NAMES;
    for (let tried = 0; tried < NAMES; tried++) {
      const at = layout.names + place;
      let held = Atomics.load(words, at);
      if (held === 0) {
        if (written === 0) written = this.#write(name);
        held = Atomics.compareExchange(words, at, 0, written);
        if (held === 0) return place + 1;
      }
      if (this.#read(held) === name) return place + 1;
      place = (place + 1) % NAMES;
    }
    throw new Refused('full', `The queue knows ${NAMES} names already and cannot take "${name}". Use fewer event types and handlers.`);
  }

  /** Stores a text. Answers its place + 1. */
  #write(name: string): number {
    const { words, text, layout } = this.#memory;
    const length = Buffer.byteLength(name);
    const room = LENGTH_BYTES + Math.ceil(length / 4) * 4;
    const from = Atomics.add(words, layout.globals.nameBytes, room);
    if (from + room > NAME_BYTES) {
      Atomics.sub(words, layout.globals.nameBytes, room);
      throw new Refused(
        'full',
        `The names of this queue take ${NAME_BYTES} bytes already; "${name}" finds no room. Use fewer or shorter ones.`,
      );
    }
    words[layout.nameText + from / 4] = length;
    text.utf8Write(name, layout.nameText * 4 + from + LENGTH_BYTES, length);
    return from + 1;
  }

  #read(held: number): string {
    const { words, text, layout } = this.#memory;
    const from = held - 1;
    const length = words[layout.nameText + from / 4] as number;
    const at = layout.nameText * 4 + from + LENGTH_BYTES;
    return text.utf8Slice(at, at + length);
  }
}
