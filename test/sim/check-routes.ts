/** The checkers of routing: what consistent hashes decided, and that nothing came where the plan does not lead. */

import type { Where } from './check.ts';
import type { History } from './history.ts';
import type { Plan } from './plan.ts';

export function checkRoutes(history: History, plan: Plan, where: Where): void {
  settleDraws(history, plan, where);
  for (const [id, places] of where) {
    const sent = history.sent.get(id);
    if (sent === undefined) continue;
    const { queues, topics, draws } = sent;
    const lawful = new Set([...queues, ...topics, ...[...draws.values()].flat()]);
    for (const name of lawful) {
      const dead = plan.deadLetters.get(name);
      if (dead !== undefined) lawful.add(dead);
    }
    for (const place of places) if (!lawful.has(place)) history.fault('R1 misrouted', `${id} came to ${place}, and nothing leads it there`);
  }
}

/** One address, one queue, for ever; only those of a queue that goes go elsewhere meanwhile. What is known now is expected like anything else. */
function settleDraws(history: History, plan: Plan, where: Where): void {
  const chosen = new Map<string, string>();
  const lasting = (candidates: readonly string[]) => candidates.filter((name) => !plan.churned.some((spec) => spec.name === name));
  for (const { id, draws, queues } of history.sent.values()) {
    for (const [key, candidates] of draws) {
      const seen = lasting(candidates).filter((name) => !queues.includes(name) && where.get(id)?.has(name) === true);
      if (seen.length > draws.size) history.fault('H1 hash', `${id} came to ${seen.join(' and ')}: ${key} has one of them`);
      const [only] = seen;
      if (only === undefined || draws.size > 1) continue;
      const former = chosen.get(key);
      if (former !== undefined && former !== only) history.fault('H2 hash', `${id} came to ${only}, and others of ${key} to ${former}`);
      chosen.set(key, only);
    }
  }
  for (const { draws, queues } of history.sent.values()) {
    for (const [key, candidates] of draws) {
      const only = chosen.get(key);
      if (only !== undefined && lasting(candidates).length === candidates.length && !queues.includes(only)) queues.push(only);
    }
  }
}
