/** The engine conformance suite: what every engine promises, checked on the Engine port and the TypeScript face, run by node:test. */

import { after, before, describe, it } from 'node:test';
import { deadLetters } from './dead-letters.ts';
import { exchanges } from './exchanges.ts';
import { handlers } from './handlers.ts';
import { badInput } from './input.ts';
import { limits } from './limits.ts';
import { packs } from './packs.ts';
import { pressure } from './pressure.ts';
import { promises } from './promises.ts';
import { queueLife } from './queue-life.ts';
import { queueOrder } from './queue-order.ts';
import { queues } from './queues.ts';
import { refusals } from './refusals.ts';
import { requests } from './requests.ts';
import { retained } from './retained.ts';
import { retries } from './retries.ts';
import { schemas } from './schemas.ts';
import { subscriptions } from './subscriptions.ts';
import { topics } from './topics.ts';
import { transactions } from './transactions.ts';
import { type Check, type ConformanceSubject, Trial } from './trial.ts';

export { BUNDLES } from './bundles.ts';
export type { ConformanceSubject } from './trial.ts';

const CHAPTERS: readonly (readonly [string, readonly Check[]])[] = [
  ['queues', queues],
  ['order in queues', queueOrder],
  ['the life of queues', queueLife],
  ['limits of queues', limits],
  ['retries', retries],
  ['dead letters', deadLetters],
  ['topics', topics],
  ['packs', packs],
  ['subscriptions', subscriptions],
  ['handlers of topics', handlers],
  ['exchanges', exchanges],
  ['schemas', schemas],
  ['transactions', transactions],
  ['delivery promises', promises],
  ['requests', requests],
  ['retained values', retained],
  ['back-pressure', pressure],
  ['bad input', badInput],
];

/** A check that waits for what never comes ends after this long. */
const CHECK_MS = 20_000;

/**
 * Checks that an engine keeps what the Engine port promises; call it at the top of a test file. What its capability record says it cannot
 * do is checked to be refused as `unsupported`, and the checks that need it are skipped with that reason. An engine with packs is opened with
 * the language `BUNDLES`.
 */
export function describeEngine(name: string, open: () => Promise<ConformanceSubject>): void {
  describe(`engine ${name}`, () => {
    let subject: ConformanceSubject | undefined;
    before(async () => {
      subject = await open();
    });
    after(() => subject?.close());
    const known = (): ConformanceSubject => {
      if (subject === undefined) throw new Error(`The engine ${name} could not be opened.`);
      return subject;
    };
    for (const [chapter, checks] of CHAPTERS) {
      describe(chapter, () => {
        for (const check of checks) {
          it(check.says, { timeout: CHECK_MS }, async (t) => {
            const why = whyNot(check, known());
            if (why !== undefined) t.skip(why);
            else await attempt(open, check);
          });
        }
      });
    }
    describe('what it cannot do', () => {
      for (const { feature, ...check } of refusals) {
        it(check.says, { timeout: CHECK_MS }, async (t) => {
          if (known().engine.capabilities[feature]) t.skip(`${name} can do it`);
          else await attempt(open, check);
        });
      }
    });
  });
}

/** Runs one check on an engine of its own. */
export async function attempt(open: () => Promise<ConformanceSubject>, check: Check): Promise<void> {
  const trial = new Trial(await open());
  try {
    await check.run(trial);
  } finally {
    await trial.close();
  }
}

/** Why a check cannot be run on this engine; undefined when it can. */
function whyNot(check: Check, { engine: { capabilities }, advance, reopen }: ConformanceSubject): string | undefined {
  const missing = (check.needs ?? []).filter((feature) => !capabilities[feature]);
  if (missing.length > 0) return `${capabilities.name} says no to: ${missing.join(', ')}`;
  if (check.turns && advance === undefined) return 'the time of this engine cannot be turned';
  if (check.reopens && reopen === undefined && !capabilities.durable) return `${capabilities.name} keeps nothing`;
  return undefined;
}

/** All checks, for looking them up by what they say. */
export function checkThat(says: string): Check {
  for (const [, checks] of CHAPTERS) for (const check of checks) if (check.says === says) return check;
  for (const check of refusals) if (check.says === says) return check;
  throw new Error(`There is no check that says: ${says}`);
}
