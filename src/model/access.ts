/** Rules of who may do what: finer than the patterns of a user, and able to deny. */

/**
 * describe: see that it is there and how it is doing · declare, remove: make it, take it away · alter: partitions of a topic; users, of the
 * broker · `…-settings`: its properties.
 */
export const ACCESS_VERBS = ['read', 'write', 'describe', 'declare', 'alter', 'remove', 'describe-settings', 'alter-settings'] as const;
export type AccessVerb = (typeof ACCESS_VERBS)[number];

/** `producer`: the names of producers that fence each other · `broker`: what is no single name's. */
export const ACCESS_TARGETS = ['topic', 'queue', 'exchange', 'group', 'producer', 'broker'] as const;
export type AccessTarget = (typeof ACCESS_TARGETS)[number];

/**
 * A rule that denies counts for more than any that allows, and than the user's patterns. To be allowed to read, write, alter or remove is to be
 * allowed to describe.
 */
export interface AccessRule {
  readonly effect: 'allow' | 'deny';
  readonly verb: AccessVerb | 'all';
  readonly on: AccessTarget | 'all';
  /** The name itself, or with `prefix` how it begins; `*` as a whole name is every name. */
  readonly name: string;
  readonly match: 'name' | 'prefix';
  /** In which tenant. Default: the user's own. */
  readonly tenant?: string;
  /** A door's own word for it: kept, and no part of the rule. */
  readonly note?: string;
}

/** The user whose rules hold for all users. Nobody can log in as it. */
export const EVERYBODY = '*';
