/** What a declaration may say: names, types and ranges of its properties. Answers the first fault, or undefined. */

import type {
  DeadLetterSpec,
  Declaration,
  ExchangeSpec,
  Permissions,
  QueueSpec,
  RetryPolicy,
  TopicSpec,
  UserSpec,
} from '../model/declaration.ts';
import { checkRules } from './check-rules.ts';

const NAME_BYTES_MAX = 255;
const PARTITIONS_MAX = 10_000;
const LABELS_BYTES_MAX = 8 * 1024;
const EXCHANGE_TYPES: readonly unknown[] = ['direct', 'topic', 'fanout', 'headers', 'consistent-hash'];
const OVERFLOWS: readonly unknown[] = ['refuse', 'drop-head', 'dead-letter-head', 'refuse-dead-letter'];

/** Why a name is not acceptable. */
export function checkName(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'it needs a name';
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) return `its name is longer than ${NAME_BYTES_MAX} bytes`;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return 'its name holds a control character';
  }
  return undefined;
}

export function checkSpec(spec: Declaration): string | undefined {
  switch (spec.kind) {
    case 'topic':
      return checkTopic(spec);
    case 'queue':
      return checkQueue(spec);
    case 'exchange':
      return checkExchange(spec);
    case 'user':
      return checkUser(spec);
    case 'tenant':
      return checkLabels(spec.labels);
    default:
      return `there is no kind "${String((spec as { kind: unknown }).kind)}"`;
  }
}

function checkTopic(spec: TopicSpec): string | undefined {
  // A topic is bound to its own name on the main line, where these words are wildcards.
  if (spec.name.split('.').some((word) => word === '*' || word === '#')) return 'a word of its name is a wildcard';
  const { partitions = 1 } = spec;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
    return `partitions must be a whole number from 1 to ${PARTITIONS_MAX}`;
  return (
    numbers(spec, ['retentionMs', 'retentionBytes', 'messageBytesMax']) ??
    flags(spec, ['compact']) ??
    checkSchemaSpec(spec.schema) ??
    checkLabels(spec.labels)
  );
}

function checkQueue(spec: QueueSpec): string | undefined {
  const { priorityMax = 0, expiresMs, overflow, deadLetter } = spec;
  const wrong =
    numbers(spec, [
      'expiresMs',
      'leaseMs',
      'ttlMs',
      'delayMs',
      'countMax',
      'sizeBytesMax',
      'dedupWindowMs',
      'messageBytesMax',
      'priorityAgeMs',
    ]) ?? flags(spec, ['durable', 'autoDelete', 'singleActiveConsumer', 'grouped']);
  if (wrong !== undefined) return wrong;
  if (!Number.isInteger(priorityMax) || priorityMax < 0 || priorityMax > 255) return 'priorityMax must be a whole number from 0 to 255';
  if (spec.priorityAgeMs === 0) return 'priorityAgeMs must be greater than 0';
  if (expiresMs === 0) return 'expiresMs must be greater than 0';
  if (spec.grouped === true && priorityMax > 0) return 'a grouped queue cannot have priorities: order within a group would be lost';
  if (overflow !== undefined && !OVERFLOWS.includes(overflow)) return `overflow must be one of ${OVERFLOWS.join(', ')}`;
  return checkDeadLetter('deadLetter', deadLetter) ?? checkRetry(spec.retry) ?? checkSchemaSpec(spec.schema) ?? checkLabels(spec.labels);
}

function checkExchange(spec: ExchangeSpec): string | undefined {
  if (!EXCHANGE_TYPES.includes(spec.type)) return `there is no exchange type "${String(spec.type)}"`;
  return (
    flags(spec, ['durable', 'autoDelete', 'internal']) ??
    texts(spec, ['alternate', 'hashHeader']) ??
    checkSchemaSpec(spec.schema) ??
    checkLabels(spec.labels)
  );
}

function checkUser(spec: UserSpec): string | undefined {
  const tenants: unknown = spec.tenants ?? {};
  if (!isObject(tenants)) return 'tenants must be permissions by tenant';
  for (const [tenant, permissions] of Object.entries(tenants)) {
    const fault = checkName(tenant) ?? (isObject(permissions) ? checkPermissions(permissions) : 'they must be an object');
    if (fault !== undefined) return `its permissions in tenants are not right: ${fault}`;
  }
  const fault = checkPermissions(spec);
  if (fault !== undefined) return fault;
  const secrets: unknown = spec.secrets;
  if (secrets !== undefined && !(isObject(secrets) && Object.values(secrets).every((verifier) => typeof verifier === 'string')))
    return 'secrets must be verifiers by purpose';
  return flags(spec, ['admin']) ?? texts(spec, ['tenant']) ?? checkRules(spec);
}

function checkPermissions(permissions: Permissions): string | undefined {
  for (const name of ['configure', 'write', 'read'] as const) {
    const patterns: unknown = permissions[name];
    if (patterns !== undefined && !(Array.isArray(patterns) && patterns.every((pattern) => typeof pattern === 'string')))
      return `${name} must be a list of names with * for any run of characters`;
  }
  return undefined;
}

function checkRetry(retry: RetryPolicy | undefined): string | undefined {
  if (retry === undefined) return undefined;
  if (!isObject(retry)) return 'retry must be a policy: { attempts, backoffMs … }';
  if (!Number.isInteger(retry.attempts) || retry.attempts < 1) return 'retry.attempts must be a whole number from 1';
  const wrong = numbers(retry, ['backoffMs', 'backoffMaxMs', 'factor', 'jitter']);
  if (wrong !== undefined) return `retry.${wrong}`;
  if ((retry.jitter ?? 0) > 1) return 'retry.jitter must lie between 0 and 1';
  return (retry.factor ?? 2) < 1 ? 'retry.factor must be at least 1' : undefined;
}

function checkDeadLetter(what: string, target: DeadLetterSpec | undefined): string | undefined {
  if (target === undefined) return undefined;
  if (!isObject(target) || typeof target.exchange !== 'string') return `${what} must name an exchange, or "" and a queue as address`;
  return target.address === undefined || typeof target.address === 'string' ? undefined : `${what}.address must be text`;
}

export function checkLabels(labels: unknown): string | undefined {
  if (labels === undefined) return undefined;
  if (!isObject(labels) || !Object.values(labels).every((text) => typeof text === 'string')) return 'labels must be texts by name';
  const sizeBytes = Object.entries(labels).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  return sizeBytes > LABELS_BYTES_MAX ? `its labels take ${sizeBytes} bytes; at most ${LABELS_BYTES_MAX} are kept` : undefined;
}

function checkSchemaSpec(schema: TopicSpec['schema']): string | undefined {
  if (schema === undefined) return undefined;
  if (!isObject(schema) || !isObject(schema.jsonSchema)) return 'schema must hold a JSON Schema: { jsonSchema: { … } }';
  return schema.onFault === undefined || schema.onFault === 'refuse' ? undefined : checkDeadLetter('schema.onFault', schema.onFault);
}

/** No limit is said by leaving it out: `Infinity` could not be kept. */
function numbers<T extends object>(spec: T, names: readonly (keyof T & string)[]): string | undefined {
  for (const name of names) {
    const value: unknown = spec[name];
    if (value !== undefined && !(typeof value === 'number' && Number.isFinite(value) && value >= 0))
      return `${name} must be a number, 0 or more`;
  }
  return undefined;
}

function flags<T extends object>(spec: T, names: readonly (keyof T & string)[]): string | undefined {
  for (const name of names) if (spec[name] !== undefined && typeof spec[name] !== 'boolean') return `${name} must be true or false`;
  return undefined;
}

function texts<T extends object>(spec: T, names: readonly (keyof T & string)[]): string | undefined {
  for (const name of names) if (spec[name] !== undefined && typeof spec[name] !== 'string') return `${name} must be text`;
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
