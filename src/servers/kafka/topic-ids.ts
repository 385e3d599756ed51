/** Topic ids as Kafka has them, 16 bytes: half of them this broker's identity, half the topic's own number. */

import type { Engine } from '../../model/engine.ts';

export class TopicIds {
  readonly #ours: string;
  /** By number. A hint only: whoever uses it looks whether the topic still has that number. */
  readonly #names = new Map<number, string>();

  constructor(identity: string) {
    this.#ours = identity.slice(0, 16);
  }

  idOf(number: number): string {
    return this.#ours + number.toString(16).padStart(16, '0');
  }

  /** The name of the topic that has this id now. */
  async nameOf(engine: Engine, id: string): Promise<string | undefined> {
    const number = Number.parseInt(id.slice(16), 16);
    if (!id.startsWith(this.#ours) || !Number.isSafeInteger(number)) return undefined;
    const known = this.#names.get(number);
    if (known !== undefined && (await this.#is(engine, known, number))) return known;
    this.#names.delete(number);
    for (const description of await engine.list('topic', { brief: true })) {
      if (description.kind === 'topic') this.#names.set(description.id, description.spec.name);
    }
    return this.#names.get(number);
  }

  async #is(engine: Engine, name: string, number: number): Promise<boolean> {
    const description = await engine.describe('topic', name, { brief: true });
    return description?.kind === 'topic' && description.id === number;
  }
}
