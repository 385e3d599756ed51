/** tx.select, commit, rollback [AMQP 0-9-1, 1.9]: publishes and settlements of the channel, all or nothing. */

import type { Operation, Settle } from '../../../model/engine.ts';
import { Refused } from '../../../model/refusal.ts';
import { encodeMethod } from '../../../wire/amqp/amqp.ts';
import type { Channel, Transaction } from '../channel.ts';
import { AmqpFault, faultOf } from '../faults.ts';
import { isUnrouted, publishOf, type Sending } from '../sending.ts';

export function select(channel: Channel): void {
  if (channel.confirms !== undefined) throw new AmqpFault(406, 'cannot switch from confirm to tx mode');
  channel.transaction ??= { sent: [], settled: [] };
  channel.link.output.method(channel.id, encodeMethod('tx.select-ok', {}));
}

function begun(channel: Channel): Transaction {
  if (channel.transaction === undefined) throw new AmqpFault(406, 'channel is not transactional');
  return channel.transaction;
}

export async function commit(channel: Channel): Promise<void> {
  const { link } = channel;
  const transaction = begun(channel);
  channel.transaction = { sent: [], settled: [] };
  const settles = settlesOf(channel, transaction);
  const { sent } = transaction;
  try {
    const operations: Operation[] = [
      ...sent.map((one) => operationOf(one)),
      ...settles.map((settle): Operation => ({ kind: 'settle', ...settle })),
    ];
    const answers = operations.length === 0 ? [] : await link.engine.transact(operations);
    for (const [i, one] of sent.entries()) if (one.apart.mandatory && isUnrouted(answers[i])) channel.publisher.returned(one, 0);
    for (const { tags } of transaction.settled) channel.unacked.finish(tags, (_number, _lease, source) => channel.source(source)?.freed(1));
  } catch (error) {
    for (const { tags } of transaction.settled) channel.unacked.restore(tags);
    if (!(error instanceof Refused)) throw error;
    const [first] = sent;
    throw error.code === 'unknown' && first !== undefined ? await channel.publisher.explain(error, first.route) : faultOf(error);
  } finally {
    letGo(channel, transaction);
  }
  link.output.method(channel.id, encodeMethod('tx.commit-ok', {}));
}

export function rollback(channel: Channel): void {
  const transaction = begun(channel);
  channel.transaction = { sent: [], settled: [] };
  for (const { tags } of transaction.settled) channel.unacked.restore(tags);
  letGo(channel, transaction);
  channel.link.output.method(channel.id, encodeMethod('tx.rollback-ok', {}));
}

function letGo(channel: Channel, { sent }: Transaction): void {
  const { link } = channel;
  for (const { batch } of sent) {
    link.waiting(-batch.sizeBytes);
    link.door.batches.give(batch);
  }
}

/** What nobody takes is returned after the commit, not refused with all the rest. */
function operationOf(sending: Sending): Operation {
  const { mandatory: _, ...publish } = publishOf(sending, 0, sending.batch.count);
  return { kind: 'publish', ...publish };
}

function settlesOf(channel: Channel, { settled }: Transaction): Settle[] {
  const settles: Settle[] = [];
  for (const { tags, outcome } of settled) {
    const byQueue = new Map<string, number[]>();
    channel.unacked.look(tags, (number, _lease, source) => {
      const from = channel.source(source);
      if (from === undefined || from.counted === true) return;
      const { queue } = from;
      const runs = byQueue.get(queue);
      if (runs === undefined) byQueue.set(queue, [number, 1]);
      else runs.push(number, 1);
    });
    for (const [queue, runs] of byQueue) settles.push({ queue, runs: Float64Array.from(runs), outcome });
  }
  return settles;
}
