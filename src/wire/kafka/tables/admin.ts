/** Where and how things are kept, and what a cluster of several brokers would do: log directories, quotas, reassignments, elections, features. */

export const ALTER_REPLICA_LOG_DIRS = {
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: [1, 2],
  flexible: 2,
  request: { dirs: [{ path: 'string', topics: [{ name: 'string', partitions: ['int32'] }] }] },
  response: {
    throttleTimeMs: 'int32=0',
    results: [{ topicName: 'string', partitions: [{ partitionIndex: 'int32', errorCode: 'int16=0' }] }],
  },
} as const;

export const DESCRIBE_LOG_DIRS = {
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 4],
  flexible: 2,
  request: { topics: [{ topic: 'string', partitions: ['int32'] }, '?'] },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0 3+',
    results: [
      {
        errorCode: 'int16=0',
        logDir: 'string',
        topics: [
          {
            name: 'string',
            partitions: [{ partitionIndex: 'int32', partitionSize: 'int64', offsetLag: 'int64', isFutureKey: 'bool' }],
          },
        ],
        totalBytes: 'int64=-1 4+',
        usableBytes: 'int64=-1 4+',
      },
    ],
  },
} as const;

export const ELECT_LEADERS = {
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  request: {
    electionType: 'int8 1+',
    topicPartitions: [{ topic: 'string', partitions: ['int32'] }, '?'],
    timeoutMs: 'int32=60000',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0 1+',
    replicaElectionResults: [
      {
        topic: 'string',
        partitionResult: [{ partitionId: 'int32', errorCode: 'int16=0', errorMessage: 'string=null ?' }],
      },
    ],
  },
} as const;

export const ALTER_PARTITION_REASSIGNMENTS = {
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 1],
  flexible: 0,
  request: {
    timeoutMs: 'int32=60000',
    allowReplicationFactorChange: 'bool=true 1+',
    topics: [{ name: 'string', partitions: [{ partitionIndex: 'int32', replicas: ['int32', '?'] }] }],
  },
  response: {
    throttleTimeMs: 'int32=0',
    allowReplicationFactorChange: 'bool=true 1+',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    responses: [
      {
        name: 'string',
        partitions: [{ partitionIndex: 'int32', errorCode: 'int16=0', errorMessage: 'string=null ?' }],
      },
    ],
  },
} as const;

export const LIST_PARTITION_REASSIGNMENTS = {
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  request: { timeoutMs: 'int32=60000', topics: [{ name: 'string', partitionIndexes: ['int32'] }, '?'] },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    topics: [
      {
        name: 'string',
        partitions: [{ partitionIndex: 'int32', replicas: ['int32'], addingReplicas: ['int32'], removingReplicas: ['int32'] }],
      },
    ],
  },
} as const;

export const DESCRIBE_CLIENT_QUOTAS = {
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: { components: [{ entityType: 'string', matchType: 'int8', match: 'string ?' }], strict: 'bool' },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    entries: [
      {
        entity: [{ entityType: 'string', entityName: 'string ?' }],
        values: [{ key: 'string', value: 'float64' }],
      },
      '?',
    ],
  },
} as const;

export const ALTER_CLIENT_QUOTAS = {
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexible: 1,
  request: {
    entries: [
      {
        entity: [{ entityType: 'string', entityName: 'string ?' }],
        ops: [{ key: 'string', value: 'float64', remove: 'bool' }],
      },
    ],
    validateOnly: 'bool',
  },
  response: {
    throttleTimeMs: 'int32=0',
    entries: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        entity: [{ entityType: 'string', entityName: 'string ?' }],
      },
    ],
  },
} as const;

export const DESCRIBE_QUORUM = {
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexible: 0,
  request: { topics: [{ topicName: 'string', partitions: [{ partitionIndex: 'int32' }] }] },
  response: {
    errorCode: 'int16=0',
    errorMessage: 'string=null 2+ ?',
    topics: [
      {
        topicName: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            errorCode: 'int16=0',
            errorMessage: 'string=null 2+ ?',
            leaderId: 'int32',
            leaderEpoch: 'int32',
            highWatermark: 'int64',
            currentVoters: [
              {
                replicaId: 'int32',
                replicaDirectoryId: 'uuid 2+',
                logEndOffset: 'int64',
                lastFetchTimestamp: 'int64=-1 1+',
                lastCaughtUpTimestamp: 'int64=-1 1+',
              },
            ],
            observers: [
              {
                replicaId: 'int32',
                replicaDirectoryId: 'uuid 2+',
                logEndOffset: 'int64',
                lastFetchTimestamp: 'int64=-1 1+',
                lastCaughtUpTimestamp: 'int64=-1 1+',
              },
            ],
          },
        ],
      },
    ],
    nodes: [{ nodeId: 'int32', listeners: [{ name: 'string', host: 'string', port: 'uint16' }] }, '2+'],
  },
} as const;

export const UPDATE_FEATURES = {
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexible: 0,
  request: {
    timeoutMs: 'int32=60000',
    featureUpdates: [{ feature: 'string', maxVersionLevel: 'int16', allowDowngrade: 'bool 0', upgradeType: 'int8=1 1+' }],
    validateOnly: 'bool=false 1+',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    results: [{ feature: 'string', errorCode: 'int16=0', errorMessage: 'string=null ?' }, '0-1'],
  },
} as const;

export const LIST_CONFIG_RESOURCES = {
  key: 74,
  name: 'ListConfigResources',
  versions: [0, 1],
  flexible: 0,
  request: { resourceTypes: ['int8', '1+'] },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    configResources: [{ resourceName: 'string', resourceType: 'int8=16 1+' }],
  },
} as const;
