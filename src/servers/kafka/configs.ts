/** Settings of topics by Kafka's names: some are properties of the topic here, the others are kept as labels and told again. */

import type { Labels, TopicSpec } from '../../model/declaration.ts';
import { ERROR } from '../../wire/kafka/kafka.ts';
import { KafkaFault } from './fault.ts';
import type { Call } from './handler.ts';
import { describeTopic, RESOURCE, specOf } from './topics.ts';

/** Where a value comes from, and what kind it is, in Kafka's numbers. */
export const SOURCE = { topic: 1, static: 4, fallback: 5 } as const;
export const TYPE = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const;

export interface Config {
  readonly name: string;
  readonly value: string;
  readonly source: number;
  readonly isSensitive: boolean;
  readonly type: number;
}

interface Setting {
  readonly type: keyof typeof TYPE;
  readonly fallback: string;
  /** What it may be; absent: whatever its type allows. */
  readonly among?: readonly string[];
  readonly min?: number;
}

type Change = { -readonly [K in keyof TopicSpec]?: TopicSpec[K] | undefined };

/** A setting that is a property here. */
interface Property {
  get(spec: TopicSpec): string | undefined;
  set(value: string | undefined): Change;
}

const LABEL_PREFIX = 'kafka.';
const FOR_EVER = '-1';

/** -1 is no limit, and so is saying nothing. */
function limit(key: 'retentionMs' | 'retentionBytes'): Property {
  return {
    get: (spec) => (spec[key] === undefined ? undefined : String(spec[key])),
    set: (value) => ({ [key]: value === undefined || value === FOR_EVER ? undefined : Number(value) }),
  };
}

const PROPERTIES: Readonly<Record<string, Property>> = {
  'retention.ms': limit('retentionMs'),
  'retention.bytes': limit('retentionBytes'),
  'max.message.bytes': {
    get: (spec) => (spec.messageBytesMax === undefined ? undefined : String(spec.messageBytesMax)),
    set: (value) => ({ messageBytesMax: value === undefined ? undefined : Number(value) }),
  },
  'cleanup.policy': {
    get: (spec) => (spec.compact === true ? (spec.labels?.[`${LABEL_PREFIX}cleanup.policy`] ?? 'compact') : undefined),
    set: (value) => ({ compact: value?.includes('compact') === true ? true : undefined }),
  },
};

const SETTINGS: Readonly<Record<string, Setting>> = {
  'cleanup.policy': { type: 'list', fallback: 'delete', among: ['delete', 'compact', 'compact,delete', 'delete,compact'] },
  'compression.type': { type: 'string', fallback: 'producer', among: ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] },
  'delete.retention.ms': { type: 'long', fallback: '86400000', min: 0 },
  'file.delete.delay.ms': { type: 'long', fallback: '60000', min: 0 },
  'flush.messages': { type: 'long', fallback: '9223372036854775807', min: 1 },
  'flush.ms': { type: 'long', fallback: '9223372036854775807', min: 0 },
  'follower.replication.throttled.replicas': { type: 'list', fallback: '' },
  'index.interval.bytes': { type: 'int', fallback: '4096', min: 0 },
  'leader.replication.throttled.replicas': { type: 'list', fallback: '' },
  'max.compaction.lag.ms': { type: 'long', fallback: '9223372036854775807', min: 1 },
  'max.message.bytes': { type: 'int', fallback: '16777216', min: 0 },
  'message.timestamp.after.max.ms': { type: 'long', fallback: '9223372036854775807', min: 0 },
  'message.timestamp.before.max.ms': { type: 'long', fallback: '9223372036854775807', min: 0 },
  'message.timestamp.type': { type: 'string', fallback: 'CreateTime', among: ['CreateTime', 'LogAppendTime'] },
  'min.cleanable.dirty.ratio': { type: 'double', fallback: '0.5', min: 0 },
  'min.compaction.lag.ms': { type: 'long', fallback: '0', min: 0 },
  'min.insync.replicas': { type: 'int', fallback: '1', min: 1 },
  preallocate: { type: 'boolean', fallback: 'false' },
  'retention.bytes': { type: 'long', fallback: FOR_EVER, min: -1 },
  'retention.ms': { type: 'long', fallback: FOR_EVER, min: -1 },
  'segment.bytes': { type: 'int', fallback: '67108864', min: 14 },
  'segment.index.bytes': { type: 'int', fallback: '10485760', min: 4 },
  'segment.jitter.ms': { type: 'long', fallback: '0', min: 0 },
  'segment.ms': { type: 'long', fallback: '604800000', min: 1 },
  'unclean.leader.election.enable': { type: 'boolean', fallback: 'false' },
};

/** All settings of a topic, with what each is now. */
export function configsOf(spec: TopicSpec): Config[] {
  return Object.entries(SETTINGS).map(([name, { type, fallback }]) => {
    const own = PROPERTIES[name]?.get(spec) ?? spec.labels?.[LABEL_PREFIX + name];
    return {
      name,
      value: own ?? fallback,
      source: own === undefined ? SOURCE.fallback : SOURCE.topic,
      isSensitive: false,
      type: TYPE[type],
    };
  });
}

/** The topic with these settings besides. Throws `KafkaFault` for one that is not known or not as it may be. */
export function specFrom(spec: TopicSpec, configs: readonly { readonly name: string; readonly value: string | null }[]): TopicSpec {
  return configs.reduce((changed, { name, value }) => withConfig(changed, name, value ?? undefined), spec);
}

/** The topic with no settings of its own. */
export function withoutConfigs(spec: TopicSpec): TopicSpec {
  return Object.keys(SETTINGS).reduce((changed, name) => withConfig(changed, name, undefined), spec);
}

/** The topic with one setting changed; undefined: as it is when nobody says anything. Throws `KafkaFault`. */
export function withConfig(spec: TopicSpec, name: string, value: string | undefined): TopicSpec {
  const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
  if (setting === undefined) throw new KafkaFault(ERROR.invalidConfig, `There is no topic setting "${name.slice(0, 100)}".`);
  if (value !== undefined) check(name, value, setting);
  const property = PROPERTIES[name];
  const labels: Record<string, string> = { ...spec.labels };
  delete labels[LABEL_PREFIX + name];
  if (value !== undefined && (property === undefined || name === 'cleanup.policy')) labels[LABEL_PREFIX + name] = value;
  return compacted({ ...spec, ...property?.set(value), labels: Object.keys(labels).length === 0 ? undefined : (labels as Labels) });
}

/** Changes the settings of the topic that is meant. Rejects with `KafkaFault` or `Refused`. */
export async function alterTopic(
  { resourceType, resourceName }: { readonly resourceType: number; readonly resourceName: string },
  validateOnly: boolean,
  { engine, door }: Call,
  change: (spec: TopicSpec) => TopicSpec,
): Promise<void> {
  if (resourceType === RESOURCE.broker)
    throw new KafkaFault(ERROR.invalidConfig, 'Settings of the broker are given when it is started, and cannot be changed by a client.');
  if (resourceType !== RESOURCE.topic)
    throw new KafkaFault(ERROR.invalidRequest, `Resources of type ${resourceType} have no settings here that can be changed.`);
  const known = await describeTopic(engine, resourceName);
  if (known === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no topic "${resourceName}".`);
  const changed = change(specOf(known));
  if (validateOnly) return;
  await engine.alter(changed);
  door.appendTimes.forget();
}

/** List settings are added to and taken from. */
export function listOf(spec: TopicSpec, name: string): string[] {
  if (SETTINGS[name]?.type !== 'list')
    throw new KafkaFault(ERROR.invalidConfig, `The setting "${name.slice(0, 100)}" is no list: it can only be set.`);
  const value = configsOf(spec).find((config) => config.name === name)?.value ?? '';
  return value === '' ? [] : value.split(',');
}

function check(name: string, value: string, { type, among, min }: Setting): void {
  const wrong = (what: string) => new KafkaFault(ERROR.invalidConfig, `The setting "${name}" cannot be "${value.slice(0, 100)}": ${what}.`);
  if (among !== undefined && !among.includes(value.replaceAll(' ', ''))) throw wrong(`it must be one of ${among.join(', ')}`);
  if (type === 'boolean' && value !== 'true' && value !== 'false') throw wrong('it must be true or false');
  if (type !== 'int' && type !== 'long' && type !== 'double') return;
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number) || (type !== 'double' && !/^[+-]?\d+$/.test(value.trim())))
    throw wrong('it must be a number');
  if (min !== undefined && number < min) throw wrong(`it must be at least ${min}`);
}

/** Without the properties that are undefined: a declaration has them or has them not. */
function compacted(spec: { readonly [K in keyof TopicSpec]: TopicSpec[K] | undefined }): TopicSpec {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)) as unknown as TopicSpec; // kind and name are always there
}
