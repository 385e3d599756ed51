/** What whoever asks may do with something, as the bits Kafka has for it [KIP-430]. */

import type { AccessTarget, AccessVerb } from '../../model/access.ts';
import type { Engine } from '../../model/engine.ts';

const BIT_OF: Readonly<Record<AccessVerb, number>> = {
  read: 3,
  write: 4,
  declare: 5,
  remove: 6,
  alter: 7,
  describe: 8,
  'describe-settings': 10,
  'alter-settings': 11,
};
const IDEMPOTENT_WRITE = 12;

/** Which there are of each. */
const VERBS: Readonly<Record<'topic' | 'group' | 'broker', readonly AccessVerb[]>> = {
  topic: ['read', 'write', 'declare', 'remove', 'alter', 'describe', 'describe-settings', 'alter-settings'],
  group: ['read', 'remove', 'describe'],
  broker: ['write', 'declare', 'alter', 'describe', 'describe-settings', 'alter-settings'],
};

/** Undefined, which is Kafka's word for nothing asked, unless it was. */
export async function operationsOn(
  engine: Engine,
  on: Extract<AccessTarget, 'topic' | 'group' | 'broker'>,
  name: string,
  isAsked: boolean,
): Promise<number | undefined> {
  if (!isAsked) return undefined;
  let bits = 0;
  for (const verb of VERBS[on]) {
    const bit = on === 'broker' && verb === 'write' ? IDEMPOTENT_WRITE : BIT_OF[verb];
    if (await engine.may(verb, on, name)) bits |= 1 << bit;
  }
  return bits;
}
