/** Regular expressions for names of topics, in RE2's syntax [KIP-848]: matched as a whole, in a time that grows with the name alone. */

import type { Engine } from '../../model/engine.ts';
import { ERROR } from '../../wire/kafka/kafka.ts';
import { KafkaFault } from './fault.ts';
import { listTopics } from './topics.ts';

const LENGTH_MAX = 1000;
const KEPT_MAX = 100;

interface Pattern {
  matches(name: string): boolean;
}

const kept = new Map<string, Pattern>();

/** Names of topics that may be seen and match; none for an empty expression. Rejects with `KafkaFault`. */
export async function topicsMatching(expression: string, engine: Engine): Promise<string[]> {
  if (expression === '') return [];
  const pattern = kept.get(expression) ?? (await compiled(expression));
  return (await listTopics(engine)).map(({ spec }) => spec.name).filter((name) => pattern.matches(name));
}

async function compiled(expression: string): Promise<Pattern> {
  // Few clients ask for it, so it is loaded when one does.
  const { RE2JS } = await import('re2js');
  try {
    if (expression.length > LENGTH_MAX) throw new Error(`longer than ${LENGTH_MAX} characters`);
    const pattern = RE2JS.compile(expression);
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(expression, pattern);
    return pattern;
  } catch (error) {
    const why = `"${expression.slice(0, 100)}" is no regular expression: ${(error as Error).message}.`;
    throw new KafkaFault(ERROR.invalidRegularExpression, why);
  }
}
