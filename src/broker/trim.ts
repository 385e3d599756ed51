/** A partition begins later: by retention, or because somebody asked for it. */

import type { Topic } from '../core/core.ts';
import type { House } from './house.ts';

/** Journals that a partition begins later; resolves when that is safe. */
export async function trim({ ledger, queues }: House, topic: Topic, partition: number, start: number): Promise<void> {
  const tip = await ledger.run(() => {
    ledger.record([{ kind: 'trimmed', topic: topic.id, partition, start }]);
    queues.endTurn();
    return ledger.journal.tip;
  });
  await ledger.gate.passed(tip);
}
