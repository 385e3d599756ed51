/** Settings of the broker by Kafka's names. */

import { type Config, SOURCE, TYPE } from './configs.ts';
import { type Door, NODE_ID } from './door.ts';

const FOR_EVER = '-1';
/** What holds for the broker, by Kafka's names: told, and not to be changed by a client. */
export function brokerConfigs({ settings, limits }: Door): Config[] {
  const minutes = String(Math.round(limits.offsetsRetentionMs / 60_000));
  const told: readonly (readonly [string, string, keyof typeof TYPE])[] = [
    ['auto.create.topics.enable', String(settings.autoCreate), 'boolean'],
    ['broker.id', String(NODE_ID), 'int'],
    ['compression.type', 'producer', 'string'],
    ['connections.max.reauth.ms', String(limits.reauthenticateMs), 'long'],
    ['default.replication.factor', '1', 'int'],
    ['delete.topic.enable', 'true', 'boolean'],
    ['group.consumer.heartbeat.interval.ms', String(limits.groupHeartbeatMs), 'int'],
    ['group.consumer.session.timeout.ms', String(limits.groupSessionMs), 'int'],
    ['group.initial.rebalance.delay.ms', '0', 'int'],
    ['group.max.session.timeout.ms', String(limits.sessionTimeoutMaxMs), 'int'],
    ['group.max.size', String(limits.groupMembersMax), 'int'],
    ['group.min.session.timeout.ms', String(limits.sessionTimeoutMinMs), 'int'],
    ['log.message.timestamp.type', 'CreateTime', 'string'],
    ['log.retention.bytes', FOR_EVER, 'long'],
    ['log.retention.ms', FOR_EVER, 'long'],
    ['message.max.bytes', String(MESSAGE_BYTES_MAX), 'int'],
    ['min.insync.replicas', '1', 'int'],
    ['num.partitions', String(settings.partitions), 'int'],
    ['offsets.retention.minutes', minutes, 'int'],
    ['transaction.max.timeout.ms', String(limits.transactionMs), 'int'],
  ];
  return told.map(([name, value, type]) => ({ name, value, source: SOURCE.static, isSensitive: false, type: TYPE[type] }));
}

/** Unless it is told otherwise when it is started. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
