/** What the client tests speak to: our door in front of a broker in memory, or the server that KAFKA_URL (`host:port`) names. */

import { Admin } from '@platformatic/kafka';
import type { Engine } from '../../../src/model/engine.ts';
import type { KafkaOptions } from '../../../src/servers/kafka/kafka.ts';
import { opened } from './opened.ts';

/** Set: the tests run against that server, and those of ours alone are left out. */
export const REFERENCE: string | undefined = process.env.KAFKA_URL;

/** What takes long is left out, but where ours and theirs are held against each other. */
export const SLOW: boolean = REFERENCE !== undefined || process.env.TEST_SLOW !== undefined;

/** Where the client tests of a file connect to. */
export interface Subject {
  /** What is to happen before the door closes, the last first. */
  after(fn: () => Promise<void>): void;
  /** Ours only. */
  readonly engine: Engine | undefined;
  readonly broker: string;
  readonly port: number;
}

interface Ends {
  after(fn: () => Promise<void>): void;
}

let named = 0;

/** A name that no other test has, here or in a former run. */
export function unique(what: string): string {
  return `${what}-${process.pid}-${++named}`;
}

export async function subject(t: Ends, options: Partial<KafkaOptions> = {}): Promise<Subject> {
  if (REFERENCE === undefined) return opened(t, options);
  const ends: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return { after: (fn) => ends.push(fn), engine: undefined, broker: REFERENCE, port: Number(REFERENCE.split(':')[1]) };
}

/** A topic of its own, as any client makes it. */
export async function topicOf(
  door: Subject,
  what: string,
  partitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = unique(what);
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [door.broker], retries: 3, retryDelay: 50 });
  try {
    await admin.createTopics({
      topics: [topic],
      partitions,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  } finally {
    await admin.close();
  }
  return topic;
}

const IN_VAIN_MS = 20_000;

/** Resolves when `true` is answered; rejects when that does not come about. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const since = performance.now();
  while (!(await what())) {
    if (performance.now() - since > IN_VAIN_MS) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
