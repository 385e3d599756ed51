/** The conformance suite finds what it is there for: engines with planted faults fail the checks that speak of them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Capabilities, Deliveries, Engine, Operation, Publish, Receive, Settle } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { attempt, checkThat } from '../../src/testing/conformance/conformance.ts';
import { type ConformanceSubject, describeEngine } from '../../src/testing/testing.ts';
import { inMemory } from './subjects.ts';

type Changed = { readonly [K in keyof Engine]?: unknown };

/** The embedded broker with some of its methods replaced. */
async function changed(change: (engine: Engine) => Changed): Promise<ConformanceSubject> {
  const subject = await inMemory();
  const { engine } = subject;
  const instead = change(engine);
  const proxy = new Proxy(engine, {
    get(target, name) {
      if (name in instead) return instead[name as keyof Engine];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...subject, engine: proxy };
}

function recount(publish: Publish, count: number): Publish {
  return { ...publish, records: { ...publish.records, count } };
}

interface Fault {
  readonly what: string;
  readonly fails: string;
  readonly change: (engine: Engine) => Changed;
}

const FAULTS: readonly Fault[] = [
  {
    what: 'the last message of a batch is lost',
    fails: 'hands messages over in the order they were sent',
    change: (engine) => ({
      publish: (publish: Publish) => engine.publish(publish.records.count > 1 ? recount(publish, publish.records.count - 1) : publish),
    }),
  },
  {
    what: 'acks are answered and not done',
    fails: 'gives what was acked to nobody again, and says so only once',
    change: (engine) => ({ settle: async (settle: Settle) => (settle.outcome === 'ack' ? 1 : engine.settle(settle)) }),
  },
  {
    what: 'a nack is not counted',
    fails: 'brings back at once what was nacked, and counts the delivery',
    change: (engine) => ({
      settle: (settle: Settle) => engine.settle({ ...settle, outcome: settle.outcome === 'nack' ? 'requeue' : settle.outcome }),
    }),
  },
  {
    what: 'a lease is forgotten by who extends it',
    fails: 'lets a lease be extended, of each message by itself',
    change: () => ({ extend: async () => 1 }),
  },
  {
    what: 'priorities are ignored',
    fails: 'serves higher priorities first, and each in order',
    change: (engine) => ({
      publish: ({ columns: { priority: _, ...columns } = {}, ...publish }: Publish) => engine.publish({ ...publish, columns }),
    }),
  },
  {
    what: 'dedup ids are ignored',
    fails: 'stores a message of one dedup id once within the window',
    change: (engine) => ({
      publish: ({ columns: { dedupId: _, ...columns } = {}, ...publish }: Publish) => engine.publish({ ...publish, columns }),
    }),
  },
  {
    what: 'offsets are told one too high',
    fails: 'answers where each record was put: offsets from 0 without gaps',
    change: (engine) => ({
      publish: async (publish: Publish) => {
        const published = await engine.publish(publish);
        return { ...published, offsets: published.offsets?.map((at) => at + 1) };
      },
    }),
  },
  {
    what: 'keys are put by another hash',
    fails: "puts a key where Kafka's clients put it",
    change: (engine) => ({
      publish: (publish: Publish) =>
        engine.publish({
          ...publish,
          columns: { ...publish.columns, ...(publish.columns?.keyHash && { keyHash: publish.columns.keyHash.map((hash) => hash >>> 3) }) },
        }),
    }),
  },
  {
    what: 'a transaction is done step by step',
    fails: 'does nothing of a transaction when one step is refused',
    change: (engine) => ({
      transact: async (operations: readonly Operation[]) => {
        for (const operation of operations) await engine.transact([operation]);
      },
    }),
  },
  {
    what: 'a receive takes more than asked for',
    fails: 'receives no more than asked for',
    change: (engine) => ({ receive: (receive: Receive) => engine.receive({ ...receive, countMax: (receive.countMax ?? 1) + 1 }) }),
  },
  {
    what: 'a fetch skips a record',
    fails: 'is read from any offset, about as much as asked for, and at least one record',
    change: (engine) => ({
      fetch: (fetch: Parameters<Engine['fetch']>[0]) => engine.fetch({ ...fetch, offset: offset(fetch.offset === 5 ? 6 : fetch.offset) }),
    }),
  },
  {
    what: 'a consumer is given more than its prefetch',
    fails: 'never gives a consumer more than its prefetch, and as much again as it settles',
    change: (engine) => ({
      consume: (consume: Parameters<Engine['consume']>[0], receiver: Parameters<Engine['consume']>[1]) =>
        engine.consume({ ...consume, prefetch: (consume.prefetch ?? 256) + 1 }, receiver),
    }),
  },
  {
    what: 'attempts are not told',
    fails: 'brings back at once what was nacked, and counts the delivery',
    change: (engine) => ({
      receive: async (receive: Receive) => {
        const deliveries = await engine.receive(receive);
        return deliveries && ({ ...deliveries, attempts: deliveries.attempts.map(() => 1) } satisfies Deliveries);
      },
    }),
  },
  {
    what: 'a refusal is an ordinary error',
    fails: 'refuses what is more than a queue may hold, all of the batch',
    change: (engine) => ({
      publish: (publish: Publish) =>
        engine.publish(publish).catch((error: Error) => {
          throw new Error(error.message);
        }),
    }),
  },
  {
    what: 'what it says it cannot do is done in silence',
    fails: 'refuses priorities as unsupported',
    change: (engine) => ({ capabilities: { ...engine.capabilities, priorities: false } }),
  },
];

/** Turns of the event loop after which a check waits for what never comes: in the suite it runs into its time limit. */
const TURNS_MAX = 5000;

/** How a check ends: `passes`, `waits` for ever, or with what it rejects. */
async function endOf(attempted: Promise<void>): Promise<unknown> {
  let end: unknown;
  attempted.then(
    () => {
      end = 'passes';
    },
    (error: unknown) => {
      end = error;
    },
  );
  for (let turn = 0; turn < TURNS_MAX && end === undefined; turn++) await new Promise((resolve) => setImmediate(resolve));
  return end ?? 'waits';
}

describe('a planted fault is found', () => {
  for (const { what, fails, change } of FAULTS) {
    test(what, async () => {
      const end = await endOf(attempt(() => changed(change), checkThat(fails)));
      assert.notEqual(end, 'passes');
      assert.ok(!(end instanceof TypeError), String(end));
    });
  }
});

const LESS: Partial<Capabilities> = {
  name: 'plain',
  exchanges: false,
  transactions: false,
  priorities: false,
  delays: false,
  deduplication: false,
  retained: false,
  seekByTime: false,
  packs: false,
  openTransactions: false,
};

/** An engine of queues and topics and little else, which says so. */
function plain(): Promise<ConformanceSubject> {
  return changed((engine) => {
    const no = (what: string) => Promise.reject(new Refused('unsupported', `The engine "plain" has no ${what}. Choose another engine.`));
    return {
      capabilities: { ...engine.capabilities, ...LESS },
      declare: (declaration: Parameters<Engine['declare']>[0]) => {
        if (declaration.kind === 'exchange') return no('exchanges');
        if (declaration.kind === 'queue') {
          if (declaration.priorityMax !== undefined) return no('priorities');
          if (declaration.delayMs !== undefined || (declaration.retry?.backoffMs ?? 0) > 0) return no('delays');
          if (declaration.dedupWindowMs !== undefined) return no('deduplication');
        }
        return engine.declare(declaration);
      },
      bind: () => no('bindings'),
      transact: () => no('transactions'),
      retained: () => no('retained values'),
      offsetAt: () => no('times of records'),
      publish: (publish: Publish) => {
        if (publish.retain === true) return no('retained values');
        if (publish.packs !== undefined) return no('packs');
        return publish.columns?.dueMs === undefined ? engine.publish(publish) : no('delays');
      },
    };
  });
}

describeEngine('of queues and topics only', plain);
