/** Channels of one connection that something has happened to: only they are looked at when a read or a turn ends, however many others there are. */

import type { Sleeper } from './link.ts';

export class Awake {
  #channels: Sleeper[] = [];
  #spare: Sleeper[] = [];

  stir(channel: Sleeper): void {
    if (channel.awake) return;
    channel.awake = true;
    this.#channels.push(channel);
  }

  /** `rests`: no turn is to come that would look at them again. */
  endOfRead(rests: boolean): void {
    for (const channel of this.#channels) channel.endOfRead();
    if (!rests) return;
    for (const channel of this.#channels) channel.awake = false;
    this.#channels.length = 0;
  }

  /** Whoever is woken meanwhile waits for the next one. `serving`: otherwise they only go to sleep. */
  endOfTurn(serving: boolean): void {
    const channels = this.#channels;
    this.#channels = this.#spare;
    for (const channel of channels) channel.awake = false;
    if (serving) for (const channel of channels) channel.endOfTurn();
    channels.length = 0;
    this.#spare = channels;
  }
}
