/** Confirms of a channel: told in order, as many as possible with one frame. */

import type { Output } from '../../wire/amqp/amqp.ts';

/** Publishes that are confirmed together. */
export interface Ticket {
  /** The number of the last one. */
  readonly last: number;
  readonly count: number;
  state: 'waiting' | 'acked' | 'nacked';
}

export class Confirms {
  #given = 0;
  #tickets: Ticket[] = [];
  #head = 0;

  /** Numbers for so many publishes. */
  expect(count: number): Ticket {
    this.#given += count;
    const ticket: Ticket = { last: this.#given, count, state: 'waiting' };
    this.#tickets.push(ticket);
    return ticket;
  }

  /** In place of a ticket one for each of its publishes, in order. */
  split(ticket: Ticket): Ticket[] {
    const at = this.#tickets.indexOf(ticket, this.#head);
    const first = ticket.last - ticket.count + 1;
    const parts = Array.from({ length: ticket.count }, (_, i): Ticket => ({ last: first + i, count: 1, state: 'waiting' }));
    this.#tickets.splice(at, 1, ...parts);
    return parts;
  }

  /** Writes what can be told: everything before it is known, so that one frame may speak of many. */
  write(output: Output, channel: number): void {
    let told = 0;
    let count = 0;
    for (let ticket = this.#tickets[this.#head]; ticket !== undefined && ticket.state !== 'waiting'; ticket = this.#tickets[this.#head]) {
      this.#head++;
      if (ticket.state === 'acked') {
        told = ticket.last;
        count += ticket.count;
        continue;
      }
      if (count > 0) output.ack(channel, told, count > 1);
      count = 0;
      output.nack(channel, ticket.last, ticket.count > 1);
    }
    if (count > 0) output.ack(channel, told, count > 1);
    if (this.#head === this.#tickets.length || this.#head > 1024) {
      this.#tickets = this.#tickets.slice(this.#head);
      this.#head = 0;
    }
  }
}
