/** The bugs planted in the doors. Each names a file under src, a place that must be there exactly once, and what stands there instead. */

import type { Mutant } from '../mutant-table.ts';

export interface DoorMutant extends Mutant {
  /** Whose simulation is to find it. */
  readonly door: 'amqp' | 'kafka';
}

export const DOOR_MUTANTS: readonly DoorMutant[] = [
  {
    door: 'amqp',
    name: 'confirmed before it is safe',
    file: 'servers/amqp/publisher.ts',
    find: '    publishing.then(\n',
    replace: "    this.#settled(ticket, 'acked');\n    publishing.then(\n",
  },
  {
    door: 'amqp',
    name: 'confirmed though it was refused',
    file: 'servers/amqp/publisher.ts',
    find: "      this.#settled(ticket, 'nacked');\n      return;",
    replace: "      this.#settled(ticket, 'acked');\n      return;",
  },
  {
    door: 'amqp',
    name: 'a confirm speaks of one more',
    file: 'servers/amqp/confirms.ts',
    find: '        told = ticket.last;',
    replace: '        told = ticket.last + (ticket.count > 2 ? 1 : 0);',
  },
  {
    door: 'amqp',
    name: 'confirms of many told as of one',
    file: 'servers/amqp/confirms.ts',
    find: '    if (count > 0) output.ack(channel, told, count > 1);\n    if (this.#head',
    replace: '    if (count > 0) output.ack(channel, told, false);\n    if (this.#head',
  },
  {
    door: 'amqp',
    name: 'what waits is confirmed with what comes after it',
    file: 'servers/amqp/confirms.ts',
    find: "ticket !== undefined && ticket.state !== 'waiting'; ticket",
    replace: "ticket !== undefined && (ticket.state !== 'waiting' || this.#tickets[this.#head + 1]?.state === 'acked'); ticket",
  },
  {
    door: 'amqp',
    name: 'multiple settles one too few',
    file: 'servers/amqp/unacked.ts',
    find: 'for (let t = multiple ? this.#first : tag; t <= last; t++) if (this.#states',
    replace: 'for (let t = multiple ? this.#first : tag; t <= last - (multiple ? 1 : 0); t++) if (this.#states',
  },
  {
    door: 'amqp',
    name: 'multiple settles one too many',
    file: 'servers/amqp/unacked.ts',
    find: '    const last = tag === 0 ? this.#next - 1 : tag;\n    for (let t',
    replace: '    const last = tag === 0 ? this.#next - 1 : Math.min(this.#next - 1, multiple ? tag + 1 : tag);\n    for (let t',
  },
  {
    door: 'amqp',
    name: 'an ack counted twice',
    file: 'servers/amqp/settling.ts',
    find: '      source.freed(count);',
    replace: '      source.freed(count * 2);',
  },
  {
    door: 'amqp',
    name: 'what is given back is acknowledged',
    file: 'servers/amqp/handlers/settle.ts',
    find: "args.requeue ? 'nack' : 'reject');\n}\n\nexport function reject",
    replace: "args.requeue ? 'ack' : 'reject');\n}\n\nexport function reject",
  },
  {
    door: 'amqp',
    name: 'what is rejected is acknowledged',
    file: 'servers/amqp/handlers/settle.ts',
    find: "channel.settle(args.deliveryTag, false, args.requeue ? 'nack' : 'reject');",
    replace: "channel.settle(args.deliveryTag, false, args.requeue ? 'nack' : 'ack');",
  },
  {
    door: 'amqp',
    name: 'runs of settled numbers joined over a gap',
    file: 'servers/amqp/settling.ts',
    find: '(runs[last] as number) + (runs[last + 1] as number) === number)',
    replace: '(runs[last] as number) + (runs[last + 1] as number) >= number - 1)',
  },
  {
    door: 'amqp',
    name: 'committed before it is safe',
    file: 'servers/amqp/handlers/transaction.ts',
    find: 'operations.length === 0 ? [] : await link.engine.transact(operations);',
    replace: 'operations.length === 0 ? [] : (void link.engine.transact(operations).catch(() => undefined), []);',
  },
  {
    door: 'amqp',
    name: 'a transaction done one by one',
    file: 'servers/amqp/handlers/transaction.ts',
    find: 'operations.length === 0 ? [] : await link.engine.transact(operations);',
    replace: 'operations.length === 0 ? [] : (await Promise.all(operations.map((one) => link.engine.transact([one])))).flat();',
  },
  {
    door: 'amqp',
    name: 'a rollback forgets what was settled',
    file: 'servers/amqp/handlers/transaction.ts',
    find: '  for (const { tags } of transaction.settled) channel.unacked.restore(tags);\n  letGo',
    replace: '  letGo',
  },
  {
    door: 'amqp',
    name: 'a rollback publishes all the same',
    file: 'servers/amqp/handlers/transaction.ts',
    find: '  for (const { tags } of transaction.settled) channel.unacked.restore(tags);\n  letGo',
    replace:
      '  for (const one of transaction.sent) void channel.link.engine.publish(publishOf(one, 0, one.batch.count)).catch(() => undefined);\n  for (const { tags } of transaction.settled) channel.unacked.restore(tags);\n  letGo',
  },
  {
    door: 'amqp',
    name: 'acknowledgements of a transaction forgotten',
    file: 'servers/amqp/handlers/transaction.ts',
    find: "      ...settles.map((settle): Operation => ({ kind: 'settle', ...settle })),",
    replace: "      ...settles.slice(1).map((settle): Operation => ({ kind: 'settle', ...settle })),",
  },
  {
    door: 'amqp',
    name: 'what a closed channel published in a transaction goes its way',
    file: 'servers/amqp/channel.ts',
    find: '    for (const { batch } of transaction?.sent ?? []) {\n',
    replace:
      '    for (const { batch, route } of transaction?.sent ?? []) {\n      void this.link.engine.publish({ exchange: route.exchange, address: route.address, records: batch.records(0, batch.count) }).catch(() => undefined);\n',
  },
  {
    door: 'amqp',
    name: 'what nobody takes is not returned',
    file: 'servers/amqp/publisher.ts',
    find: '      if (sending.apart.mandatory) this.returned(sending, index);\n',
    replace: '',
  },
  {
    door: 'amqp',
    name: 'nothing says that a message comes again',
    file: 'servers/amqp/consumer.ts',
    find: 'const again =',
    replace: 'const again = false &&',
  },
  {
    door: 'amqp',
    name: 'the prefetch is one too high',
    file: 'servers/amqp/consumer.ts',
    find: 'const wanted = Math.min(this.#limit, this.#held + this.#ahead);',
    replace: 'const wanted = Math.min(this.#limit + 1, this.#held + this.#ahead);',
  },
  {
    door: 'amqp',
    name: 'a channel that goes takes with it what it was given',
    file: 'servers/amqp/channel.ts',
    find: "    this.#outcome = 'nack';\n    const ended",
    replace: "    this.#outcome = 'ack';\n    const ended",
  },
  {
    door: 'amqp',
    name: 'a batch takes what belongs to another route',
    file: 'servers/amqp/publisher.ts',
    find: 'if (open.route === route && open.transient',
    replace: 'if (open.transient',
  },
  {
    door: 'amqp',
    name: 'persistent goes with transient',
    file: 'servers/amqp/publisher.ts',
    find: 'open.route === route && open.transient === transient && apart',
    replace: 'open.route === route && apart',
  },
  {
    door: 'amqp',
    name: 'everything is transient',
    file: 'servers/amqp/intake.ts',
    find: "const transient = scan.octet('deliveryMode') !== PERSISTENT;",
    replace: "const transient = scan.octet('deliveryMode') !== PERSISTENT + 1;",
  },
  {
    door: 'amqp',
    name: 'a body cut at a frame',
    file: 'servers/amqp/intake.ts',
    find: '    this.#left -= size;\n    if (this.#left === 0)',
    replace: '    this.#left -= size;\n    if (this.#left <= 8)',
  },
  {
    door: 'amqp',
    name: 'names kept where the socket writes again',
    file: 'servers/amqp/channel.ts',
    find: 'this.#waiting.push({ type, bytes: Buffer.from(bytes.subarray(start, end)) });',
    replace: 'this.#waiting.unshift({ type, bytes: Buffer.from(bytes.subarray(start, end)) });',
  },
];
