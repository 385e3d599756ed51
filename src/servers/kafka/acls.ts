/** Kafka's ACLs as rules of access of this broker, one for one: who, on what, may or may not do what. Hosts are not told apart. */

import { type AccessRule, type AccessTarget, type AccessVerb, EVERYBODY } from '../../model/access.ts';
import type { UserSpec } from '../../model/declaration.ts';
import { DEFAULT_TENANT } from '../../model/message.ts';
import { ERROR } from '../../wire/kafka/kafka.ts';
import { KafkaFault } from './fault.ts';
import type { Call } from './handler.ts';

/** As it stands in messages, in Kafka's numbers. */
export interface Acl {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly patternType: number;
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly permissionType: number;
}

/** Null and `ANY` match everything. */
export interface AclFilter {
  readonly resourceTypeFilter: number;
  readonly resourceNameFilter: string | null;
  readonly patternTypeFilter: number;
  readonly principalFilter: string | null;
  readonly hostFilter: string | null;
  readonly operation: number;
  readonly permissionType: number;
}

const ANY = 1;
/** Literal ones, and those that cover the name. */
const MATCH = 2;
const LITERAL = 3;
const PREFIXED = 4;
const DENY = 2;
const ALLOW = 3;
const CLUSTER = 4;
const CLUSTER_NAME = 'kafka-cluster';
const IDEMPOTENT_WRITE = 12;
const ANY_HOST = '*';
const PRINCIPAL = 'User:';
/** How the engine knows the names of this door's producers. */
const PRODUCER = 'kafka/';
const EVERY_NAME = '*';

const TARGET_OF: ReadonlyMap<number, AccessTarget> = new Map([
  [2, 'topic'],
  [3, 'group'],
  [CLUSTER, 'broker'],
  [5, 'producer'],
]);
const VERB_OF: ReadonlyMap<number, AccessVerb | 'all'> = new Map([
  [2, 'all'],
  [3, 'read'],
  [4, 'write'],
  [5, 'declare'],
  [6, 'remove'],
  [7, 'alter'],
  [8, 'describe'],
  [10, 'describe-settings'],
  [11, 'alter-settings'],
]);

/** The user it is for, and the rule. Throws `KafkaFault` for one that says what cannot be kept here. */
export function ruleOf(acl: Acl, tenant: string, userTenant: string): AccessRule {
  const wrong = (why: string) => new KafkaFault(ERROR.invalidRequest, why);
  const on = TARGET_OF.get(acl.resourceType);
  if (on === undefined) throw wrong(`There are no ACLs here for resources of type ${acl.resourceType}.`);
  if (acl.patternType !== LITERAL && acl.patternType !== PREFIXED) throw wrong('The pattern of an ACL is either literal or prefixed.');
  if (acl.permissionType !== DENY && acl.permissionType !== ALLOW) throw wrong('An ACL either allows or denies.');
  if (acl.host !== ANY_HOST)
    throw wrong(`Hosts are not told apart here: the host of an ACL can only be "*", not "${acl.host.slice(0, 100)}".`);
  if (acl.resourceName === '') throw wrong('An ACL needs the name of what it is for; "*" is every name.');
  if (on === 'broker' && acl.resourceName !== CLUSTER_NAME) throw wrong(`The only name for the cluster is "${CLUSTER_NAME}".`);
  const verb = on === 'broker' && acl.operation === IDEMPOTENT_WRITE ? 'write' : VERB_OF.get(acl.operation);
  if (verb === undefined || (on === 'broker' && (verb === 'read' || acl.operation === 4)))
    throw wrong(`Operation ${acl.operation} on resources of type ${acl.resourceType} is none that is told apart here.`);
  return {
    effect: acl.permissionType === ALLOW ? 'allow' : 'deny',
    verb,
    on,
    name: on === 'producer' && acl.resourceName !== EVERY_NAME ? PRODUCER + acl.resourceName : acl.resourceName,
    match: acl.patternType === PREFIXED ? 'prefix' : 'name',
    ...(tenant !== userTenant && { tenant }),
  };
}

/** Throws `KafkaFault` when it names no user. */
export function userOf(principal: string): string {
  if (!principal.startsWith(PRINCIPAL) || principal === PRINCIPAL)
    throw new KafkaFault(
      ERROR.invalidRequest,
      `"${principal.slice(0, 100)}" is no principal: it is User: and a name, or User:* for everybody.`,
    );
  return principal.slice(PRINCIPAL.length);
}

/** Undefined: it is no rule that Kafka has a word for. */
export function aclOf(user: string, { effect, verb, on, name, match }: AccessRule): Acl | undefined {
  const resourceType = keyOf(TARGET_OF, on);
  const operation = on === 'broker' && verb === 'write' ? IDEMPOTENT_WRITE : keyOf(VERB_OF, verb);
  if (resourceType === undefined || operation === undefined) return undefined;
  return {
    resourceType,
    resourceName: on === 'producer' && name.startsWith(PRODUCER) ? name.slice(PRODUCER.length) : name,
    patternType: match === 'prefix' ? PREFIXED : LITERAL,
    principal: PRINCIPAL + (user === EVERYBODY ? '*' : user),
    host: ANY_HOST,
    operation,
    permissionType: effect === 'allow' ? ALLOW : DENY,
  };
}

function keyOf<T>(map: ReadonlyMap<number, T>, value: unknown): number | undefined {
  for (const [key, one] of map) if (one === value) return key;
  return undefined;
}

/** The rules of a user that hold in this tenant and are ACLs, with the ACLs. */
export function aclsOf(spec: UserSpec, tenant: string): { readonly rule: AccessRule; readonly acl: Acl }[] {
  return (spec.rules ?? []).flatMap((rule) => {
    const acl = (rule.tenant ?? spec.tenant ?? DEFAULT_TENANT) === tenant ? aclOf(spec.name, rule) : undefined;
    return acl === undefined ? [] : [{ rule, acl }];
  });
}

export function checkFilter({ resourceTypeFilter, patternTypeFilter, operation, permissionType }: AclFilter): void {
  const unknown = [resourceTypeFilter, patternTypeFilter, operation, permissionType].some((one) => one < ANY);
  if (unknown || patternTypeFilter > PREFIXED) throw new KafkaFault(ERROR.invalidRequest, 'The filter names a kind that is not known.');
}

export function passes(acl: Acl, filter: AclFilter): boolean {
  const is = (asked: number, value: number) => asked === ANY || asked === value;
  if (!is(filter.resourceTypeFilter, acl.resourceType) || !is(filter.operation, acl.operation)) return false;
  if (!is(filter.permissionType, acl.permissionType)) return false;
  if (filter.principalFilter !== null && filter.principalFilter !== acl.principal) return false;
  if (filter.hostFilter !== null && filter.hostFilter !== acl.host) return false;
  const { patternTypeFilter: pattern, resourceNameFilter: name } = filter;
  if (pattern !== MATCH) return is(pattern, acl.patternType) && (name === null || name === acl.resourceName);
  if (name === null) return true;
  return acl.patternType === PREFIXED ? name.startsWith(acl.resourceName) : acl.resourceName === name || acl.resourceName === '*';
}

/** Those who may ask for ACLs at all. Throws `KafkaFault`. */
export async function checkMayAdminister({ door, engine }: Call): Promise<void> {
  if (!door.engine.guarded)
    throw new KafkaFault(
      ERROR.securityDisabled,
      'No users are configured: everybody may do everything. Add a user first (signalbox user add).',
    );
  if (!(await engine.may('alter', 'broker', '')))
    throw new KafkaFault(ERROR.clusterAuthorizationFailed, 'Only who may administer sees and changes what others may.');
}
