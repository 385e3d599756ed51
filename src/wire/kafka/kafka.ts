/** The door of this room: Kafka's protocol, bytes to messages and back. */

export { BATCH_HEAD_BYTES, type BatchFault, BatchHead, place, stampAppendTime } from './batch.ts';
export { type BatchRules, type BatchSource, encodeBatches } from './batch-writer.ts';
export { MessageReader, NO_UUID } from './codec.ts';
export { ERROR, type ErrorCode } from './errors.ts';
export type { Api, RequestOf, ResponseOf } from './fields.ts';
export {
  encodeRequest,
  encodeResponse,
  FrameCutter,
  FrameRooms,
  type RequestHead,
  readClientId,
  readRequest,
  readRequestHead,
  readResponse,
} from './frame.ts';
export { KAFKA } from './language.ts';
export { packInPlace, packOf } from './pack.ts';
export { unpackBatch } from './single.ts';
export {
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  ALTER_CLIENT_QUOTAS,
  ALTER_CONFIGS,
  ALTER_PARTITION_REASSIGNMENTS,
  ALTER_REPLICA_LOG_DIRS,
  ALTER_USER_SCRAM_CREDENTIALS,
  API_VERSIONS,
  CONSUMER_GROUP_DESCRIBE,
  CONSUMER_GROUP_HEARTBEAT,
  CREATE_ACLS,
  CREATE_PARTITIONS,
  CREATE_TOPICS,
  DELETE_ACLS,
  DELETE_GROUPS,
  DELETE_RECORDS,
  DELETE_TOPICS,
  DESCRIBE_ACLS,
  DESCRIBE_CLIENT_QUOTAS,
  DESCRIBE_CLUSTER,
  DESCRIBE_CONFIGS,
  DESCRIBE_GROUPS,
  DESCRIBE_LOG_DIRS,
  DESCRIBE_QUORUM,
  DESCRIBE_TOPIC_PARTITIONS,
  DESCRIBE_USER_SCRAM_CREDENTIALS,
  ELECT_LEADERS,
  END_TXN,
  FETCH,
  FIND_COORDINATOR,
  HEARTBEAT,
  INCREMENTAL_ALTER_CONFIGS,
  INIT_PRODUCER_ID,
  JOIN_GROUP,
  LEAVE_GROUP,
  LIST_CONFIG_RESOURCES,
  LIST_GROUPS,
  LIST_OFFSETS,
  LIST_PARTITION_REASSIGNMENTS,
  METADATA,
  OFFSET_COMMIT,
  OFFSET_DELETE,
  OFFSET_FETCH,
  OFFSET_FOR_LEADER_EPOCH,
  PRODUCE,
  SASL_AUTHENTICATE,
  SASL_HANDSHAKE,
  SYNC_GROUP,
  TXN_OFFSET_COMMIT,
  UPDATE_FEATURES,
} from './tables/tables.ts';
