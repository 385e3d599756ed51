/** All that is served, one handler for each API. What is not here is not told of either. */

import type { Handler } from './handler.ts';
import { PRODUCE_HANDLER } from './handlers/00-produce.ts';
import { FETCH_HANDLER } from './handlers/01-fetch.ts';
import { LIST_OFFSETS_HANDLER } from './handlers/02-list-offsets.ts';
import { METADATA_HANDLER } from './handlers/03-metadata.ts';
import { OFFSET_COMMIT_HANDLER } from './handlers/08-offset-commit.ts';
import { OFFSET_FETCH_HANDLER } from './handlers/09-offset-fetch.ts';
import { FIND_COORDINATOR_HANDLER } from './handlers/10-find-coordinator.ts';
import { JOIN_GROUP_HANDLER } from './handlers/11-join-group.ts';
import { HEARTBEAT_HANDLER } from './handlers/12-heartbeat.ts';
import { LEAVE_GROUP_HANDLER } from './handlers/13-leave-group.ts';
import { SYNC_GROUP_HANDLER } from './handlers/14-sync-group.ts';
import { DESCRIBE_GROUPS_HANDLER } from './handlers/15-describe-groups.ts';
import { LIST_GROUPS_HANDLER } from './handlers/16-list-groups.ts';
import { SASL_HANDSHAKE_HANDLER } from './handlers/17-sasl-handshake.ts';
import { API_VERSIONS_HANDLER } from './handlers/18-api-versions.ts';
import { CREATE_TOPICS_HANDLER } from './handlers/19-create-topics.ts';
import { DELETE_TOPICS_HANDLER } from './handlers/20-delete-topics.ts';
import { DELETE_RECORDS_HANDLER } from './handlers/21-delete-records.ts';
import { INIT_PRODUCER_ID_HANDLER } from './handlers/22-init-producer-id.ts';
import { OFFSET_FOR_LEADER_EPOCH_HANDLER } from './handlers/23-offset-for-leader-epoch.ts';
import { ADD_PARTITIONS_TO_TXN_HANDLER } from './handlers/24-add-partitions-to-txn.ts';
import { ADD_OFFSETS_TO_TXN_HANDLER } from './handlers/25-add-offsets-to-txn.ts';
import { END_TXN_HANDLER } from './handlers/26-end-txn.ts';
import { TXN_OFFSET_COMMIT_HANDLER } from './handlers/28-txn-offset-commit.ts';
import { DESCRIBE_ACLS_HANDLER } from './handlers/29-describe-acls.ts';
import { CREATE_ACLS_HANDLER } from './handlers/30-create-acls.ts';
import { DELETE_ACLS_HANDLER } from './handlers/31-delete-acls.ts';
import { DESCRIBE_CONFIGS_HANDLER } from './handlers/32-describe-configs.ts';
import { ALTER_CONFIGS_HANDLER } from './handlers/33-alter-configs.ts';
import { ALTER_REPLICA_LOG_DIRS_HANDLER } from './handlers/34-alter-replica-log-dirs.ts';
import { DESCRIBE_LOG_DIRS_HANDLER } from './handlers/35-describe-log-dirs.ts';
import { SASL_AUTHENTICATE_HANDLER } from './handlers/36-sasl-authenticate.ts';
import { CREATE_PARTITIONS_HANDLER } from './handlers/37-create-partitions.ts';
import { DELETE_GROUPS_HANDLER } from './handlers/42-delete-groups.ts';
import { ELECT_LEADERS_HANDLER } from './handlers/43-elect-leaders.ts';
import { INCREMENTAL_ALTER_CONFIGS_HANDLER } from './handlers/44-incremental-alter-configs.ts';
import { ALTER_PARTITION_REASSIGNMENTS_HANDLER } from './handlers/45-alter-partition-reassignments.ts';
import { LIST_PARTITION_REASSIGNMENTS_HANDLER } from './handlers/46-list-partition-reassignments.ts';
import { OFFSET_DELETE_HANDLER } from './handlers/47-offset-delete.ts';
import { DESCRIBE_CLIENT_QUOTAS_HANDLER } from './handlers/48-describe-client-quotas.ts';
import { ALTER_CLIENT_QUOTAS_HANDLER } from './handlers/49-alter-client-quotas.ts';
import { DESCRIBE_USER_SCRAM_CREDENTIALS_HANDLER } from './handlers/50-describe-user-scram-credentials.ts';
import { ALTER_USER_SCRAM_CREDENTIALS_HANDLER } from './handlers/51-alter-user-scram-credentials.ts';
import { DESCRIBE_QUORUM_HANDLER } from './handlers/55-describe-quorum.ts';
import { UPDATE_FEATURES_HANDLER } from './handlers/57-update-features.ts';
import { DESCRIBE_CLUSTER_HANDLER } from './handlers/60-describe-cluster.ts';
import { CONSUMER_GROUP_HEARTBEAT_HANDLER } from './handlers/68-consumer-group-heartbeat.ts';
import { CONSUMER_GROUP_DESCRIBE_HANDLER } from './handlers/69-consumer-group-describe.ts';
import { LIST_CONFIG_RESOURCES_HANDLER } from './handlers/74-list-config-resources.ts';
import { DESCRIBE_TOPIC_PARTITIONS_HANDLER } from './handlers/75-describe-topic-partitions.ts';

export const HANDLERS: ReadonlyMap<number, Handler> = new Map(
  [
    PRODUCE_HANDLER,
    FETCH_HANDLER,
    LIST_OFFSETS_HANDLER,
    METADATA_HANDLER,
    OFFSET_COMMIT_HANDLER,
    OFFSET_FETCH_HANDLER,
    FIND_COORDINATOR_HANDLER,
    JOIN_GROUP_HANDLER,
    HEARTBEAT_HANDLER,
    LEAVE_GROUP_HANDLER,
    SYNC_GROUP_HANDLER,
    API_VERSIONS_HANDLER,
    CREATE_TOPICS_HANDLER,
    DELETE_TOPICS_HANDLER,
    OFFSET_FOR_LEADER_EPOCH_HANDLER,
    CREATE_PARTITIONS_HANDLER,
    DESCRIBE_GROUPS_HANDLER,
    LIST_GROUPS_HANDLER,
    DELETE_GROUPS_HANDLER,
    OFFSET_DELETE_HANDLER,
    DELETE_RECORDS_HANDLER,
    INIT_PRODUCER_ID_HANDLER,
    DESCRIBE_CONFIGS_HANDLER,
    ALTER_CONFIGS_HANDLER,
    DESCRIBE_ACLS_HANDLER,
    CREATE_ACLS_HANDLER,
    DELETE_ACLS_HANDLER,
    ALTER_REPLICA_LOG_DIRS_HANDLER,
    DESCRIBE_LOG_DIRS_HANDLER,
    ELECT_LEADERS_HANDLER,
    ALTER_PARTITION_REASSIGNMENTS_HANDLER,
    LIST_PARTITION_REASSIGNMENTS_HANDLER,
    DESCRIBE_CLIENT_QUOTAS_HANDLER,
    ALTER_CLIENT_QUOTAS_HANDLER,
    DESCRIBE_QUORUM_HANDLER,
    UPDATE_FEATURES_HANDLER,
    LIST_CONFIG_RESOURCES_HANDLER,
    INCREMENTAL_ALTER_CONFIGS_HANDLER,
    DESCRIBE_TOPIC_PARTITIONS_HANDLER,
    SASL_HANDSHAKE_HANDLER,
    SASL_AUTHENTICATE_HANDLER,
    ADD_PARTITIONS_TO_TXN_HANDLER,
    ADD_OFFSETS_TO_TXN_HANDLER,
    END_TXN_HANDLER,
    TXN_OFFSET_COMMIT_HANDLER,
    DESCRIBE_USER_SCRAM_CREDENTIALS_HANDLER,
    ALTER_USER_SCRAM_CREDENTIALS_HANDLER,
    CONSUMER_GROUP_HEARTBEAT_HANDLER,
    CONSUMER_GROUP_DESCRIBE_HANDLER,
    DESCRIBE_CLUSTER_HANDLER,
  ].map((handler) => [handler.api.key, handler]),
);
