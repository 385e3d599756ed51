/** The event bus, its emitter façade, and Node's EventEmitter: 4,096 names with three handlers each, events in turn to each name. */

import { EventEmitter } from 'node:events';
import { EventBus } from '../../src/events/bus.ts';
import type { Side } from './ours.ts';

const NAMES = 4096;

export interface BusSides {
  readonly emitter: () => Side;
  readonly publish: () => Side;
  readonly facade: () => Side;
}

interface Ticket {
  readonly id: number;
}

export function busSides(): BusSides {
  const names = Array.from({ length: NAMES }, (_, index) => `order.${index}`);
  const tally = { sum: 0, mixed: 0, count: 0 };
  const handlers = [
    (ticket: Ticket): void => {
      tally.sum += ticket.id;
    },
    (ticket: Ticket): void => {
      tally.mixed ^= ticket.id;
    },
    (_: Ticket): void => {
      tally.count++;
    },
  ];
  const timed = (send: (name: string, ticket: Ticket) => void): Side => ({
    async round(events) {
      const before = tally.count;
      const startMs = performance.now();
      for (let id = 0; id < events; id++) send(names[id & (NAMES - 1)] as string, { id });
      const seconds = (performance.now() - startMs) / 1000;
      if (tally.count - before !== events) throw new Error(`${events} events were sent and ${tally.count - before} arrived.`);
      return events / seconds;
    },
    async end() {},
  });
  return {
    emitter: () => {
      const emitter = new EventEmitter();
      for (const name of names) for (const handler of handlers) emitter.on(name, handler);
      return timed((name, ticket) => emitter.emit(name, ticket));
    },
    publish: () => {
      const bus = new EventBus<Record<string, Ticket>>();
      for (const name of names) for (const handler of handlers) bus.subscribe(name, handler);
      return timed((name, ticket) => bus.publish(name, ticket));
    },
    facade: () => {
      const { emitter } = new EventBus();
      for (const name of names) for (const handler of handlers) emitter.on(name, handler);
      return timed((name, ticket) => emitter.emit(name, ticket));
    },
  };
}
