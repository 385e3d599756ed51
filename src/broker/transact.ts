/** Transactions: every step decided against one plan, all of it one journal entry. */

import {
  type Burial,
  countOf,
  decidePublish,
  decideSettle,
  type Entry,
  nothingPlanned,
  type PublishDecision,
  type Tenant,
} from '../core/core.ts';
import type { Membership, Operation, Published } from '../model/engine.ts';
import { isRefusal, Refused } from '../model/refusal.ts';
import { checkRuns } from './checks.ts';
import type { Member } from './groups.ts';
import type { House } from './house.ts';
import type { Read } from './morgue.ts';
import { publishedOf } from './published.ts';

type Answer = { readonly publish: PublishDecision } | { readonly settled: number };

interface Decided {
  readonly answers: readonly Answer[];
  readonly entries: readonly Entry[];
  readonly burials: readonly Burial[];
  /** Which leases get room back: see `Queues.holders`. */
  readonly holders: readonly (readonly number[])[];
}

type MemberOf = (membership: Membership) => Member | undefined;

/**
 * All or nothing: the first refusal of any step refuses the whole. What a step ends for good goes to its dead-letter target in the same
 * entry. That takes its record, which may have to be read from disk; everything is then decided anew, for time has passed. `ending`: what
 * else stands in the entry, at its end; when that is nothing, all of it has been done before.
 */
export async function transact(
  house: House,
  tenant: Tenant,
  operations: readonly Operation[],
  memberOf: MemberOf,
  ending?: () => readonly Entry[],
): Promise<readonly (Published | number)[]> {
  const { ledger, queues } = house;
  let read: readonly Read[] = [];
  for (;;) {
    const turn = await ledger.run(() => {
      const last = ending?.() ?? [];
      if (ending !== undefined && last.length === 0) return { answers: [], ends: [], tip: ledger.journal.tip };
      const decided = decide(house, tenant, operations, memberOf);
      const ends = decided.burials.map((burial, k) => queues.morgue.decideRead(burial, read[k]));
      if (ends.some((end) => end === undefined)) return decided.burials;
      // A transaction too large for the journal is refused here: nobody may have been given room by then.
      ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? []), ...last]);
      queues.announce(decided.entries);
      for (const freed of decided.holders) queues.freed(freed);
      queues.endTurn();
      return { answers: decided.answers, ends, tip: ledger.journal.tip };
    });
    if (!('tip' in turn)) {
      read = await Promise.all(turn.map((burial) => queues.morgue.read(burial)));
      continue;
    }
    await ledger.gate.passed(turn.tip);
    for (const end of turn.ends) end?.tell();
    return turn.answers.map((answer) => ('publish' in answer ? publishedOf(answer.publish) : answer.settled));
  }
}

/** Changes nothing. */
function decide(house: House, tenant: Tenant, operations: readonly Operation[], memberOf: MemberOf): Decided {
  const { ledger, queues, rules, groups, host } = house;
  const nowMs = ledger.nowMs();
  const plan = nothingPlanned();
  const entries: Entry[] = [];
  const burials: Burial[] = [];
  const answers: Answer[] = [];
  const holders: number[][] = [];
  for (const operation of operations) {
    if (operation.kind === 'publish') {
      if (operation.within !== undefined)
        throw new Refused('invalid', 'A step of a transaction cannot be within another one that is open. Publish it by itself.');
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
      const asked = countOf(operation.runs);
      if (decided.count < asked) {
        throw new Refused(
          'stale',
          `${asked - decided.count} of the ${asked} messages of queue "${operation.queue}" are no longer held: the transaction was not done. Receive them again.`,
        );
      }
      entries.push(...decided.entries);
      burials.push(...decided.burials);
      holders.push(queues.holders(decided.queue, decided.runs));
      answers.push({ settled: decided.count });
    } else {
      const member = operation.membership && memberOf(operation.membership);
      const moves = groups.check(tenant, operation.group, operation.membership === undefined ? 'nobody' : member, operation.moves);
      entries.push({ kind: 'moved', tenant: tenant.name, group: operation.group, moves });
      answers.push({ settled: moves.length });
    }
  }
  return { answers, entries, burials, holders };
}
