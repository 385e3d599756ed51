/** Transactions: every step decided against one plan, all of it one journal entry. */

import {
  type Burial,
  decidePublish,
  decideSettle,
  type Entry,
  nothingPlanned,
  type PublishDecision,
  type Queue,
  type Tenant,
} from '../core/core.ts';
import type { Membership, Operation, Published, Runs } from '../model/engine.ts';
import { isRefusal, Refused } from '../model/refusal.ts';
import { checkRuns } from './checks.ts';
import type { Member } from './groups.ts';
import type { House } from './house.ts';
import { publishedOf } from './published.ts';

type Answer = { readonly publish: PublishDecision } | { readonly settled: number };

/** All or nothing: the first refusal of any step refuses the whole. */
export async function transact(
  house: House,
  tenant: Tenant,
  operations: readonly Operation[],
  memberOf: (membership: Membership) => Member | undefined,
): Promise<readonly (Published | number)[]> {
  const { ledger, queues, rules, groups, host } = house;
  const { answers, tip, buried } = await ledger.run(() => {
    const nowMs = ledger.nowMs();
    const plan = nothingPlanned();
    const entries: Entry[] = [];
    const burials: Burial[] = [];
    const answers: Answer[] = [];
    const settles: { queue: Queue; runs: Runs }[] = [];
    for (const operation of operations) {
      if (operation.kind === 'publish') {
        if (ledger.journal.tight)
          throw new Refused('disk-full', 'The disk is nearly full: transactions that publish are refused until there is room again.');
        const decided = decidePublish(ledger.state, tenant, operation, nowMs, rules, plan);
        if (isRefusal(decided)) throw Refused.of(decided);
        entries.push(...decided.entries);
        answers.push({ publish: decided });
      } else if (operation.kind === 'settle') {
        checkRuns(operation.runs);
        const decided = decideSettle(tenant, operation, nowMs, () => host.random.float(), plan);
        if (isRefusal(decided)) throw Refused.of(decided);
        const asked = count(operation.runs);
        if (decided.count < asked) {
          throw new Refused(
            'stale',
            `${asked - decided.count} of the ${asked} messages of queue "${operation.queue}" are no longer held: the transaction was not done. Receive them again.`,
          );
        }
        entries.push(...decided.entries);
        burials.push(...decided.burials);
        settles.push({ queue: decided.queue, runs: decided.runs });
        answers.push({ settled: decided.count });
      } else {
        const member = operation.membership && memberOf(operation.membership);
        const moves = groups.check(tenant, operation.group, operation.membership === undefined ? 'nobody' : member, operation.moves);
        entries.push({ kind: 'moved', tenant: tenant.name, group: operation.group, moves });
        answers.push({ settled: moves.length });
      }
    }
    // A transaction too large for the journal is refused here: nobody may have been given room by then.
    const holders = settles.map(({ queue, runs }) => queues.holders(queue, runs));
    ledger.record(entries);
    queues.announce(entries);
    for (const freed of holders) queues.freed(freed);
    const buried = queues.bury(burials);
    queues.endTurn();
    return { answers, tip: ledger.journal.tip, buried };
  });
  await ledger.gate.passed(tip);
  await buried;
  return answers.map((answer) => ('publish' in answer ? publishedOf(answer.publish) : answer.settled));
}

function count(runs: Float64Array): number {
  let sum = 0;
  for (let r = 1; r < runs.length; r += 2) sum += runs[r] ?? 0;
  return sum;
}
