/** Finding one's way: what is spoken here, which topics there are, who looks after a group. */

export const METADATA = {
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  request: {
    topics: [
      {
        topicId: 'uuid 10+',
        name: 'string ?10+',
      },
      '?1+',
    ],
    allowAutoTopicCreation: 'bool=true 4+',
    includeClusterAuthorizedOperations: 'bool 8-10',
    includeTopicAuthorizedOperations: 'bool 8+',
  },
  response: {
    throttleTimeMs: 'int32=0 3+',
    brokers: [
      {
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        rack: 'string=null 1+ ?',
      },
    ],
    clusterId: 'string=null 2+ ?',
    controllerId: 'int32=-1 1+',
    topics: [
      {
        errorCode: 'int16=0',
        name: 'string ?12+',
        topicId: 'uuid 10+',
        isInternal: 'bool=false 1+',
        partitions: [
          {
            errorCode: 'int16=0',
            partitionIndex: 'int32',
            leaderId: 'int32',
            leaderEpoch: 'int32=-1 7+',
            replicaNodes: ['int32'],
            isrNodes: ['int32'],
            offlineReplicas: ['int32', '5+'],
          },
        ],
        topicAuthorizedOperations: 'int32=-2147483648 8+',
      },
    ],
    clusterAuthorizedOperations: 'int32=-2147483648 8-10',
    errorCode: 'int16=0 13+',
  },
} as const;

export const FIND_COORDINATOR = {
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  request: {
    key: 'string 0-3',
    keyType: 'int8=0 1+',
    coordinatorKeys: ['string', '4+'],
  },
  response: {
    throttleTimeMs: 'int32=0 1+',
    errorCode: 'int16=0 0-3',
    errorMessage: 'string=null 1-3 ?',
    nodeId: 'int32 0-3',
    host: 'string 0-3',
    port: 'int32 0-3',
    coordinators: [
      {
        key: 'string',
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
      },
      '4+',
    ],
  },
} as const;

export const API_VERSIONS = {
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexible: 3,
  request: {
    clientSoftwareName: 'string 3+',
    clientSoftwareVersion: 'string 3+',
  },
  response: {
    errorCode: 'int16=0',
    apiKeys: [
      {
        apiKey: 'int16',
        minVersion: 'int16',
        maxVersion: 'int16',
      },
    ],
    throttleTimeMs: 'int32=0 1+',
    supportedFeatures: [
      {
        name: 'string',
        minVersion: 'int16',
        maxVersion: 'int16',
      },
      '3+ #0',
    ],
    finalizedFeaturesEpoch: 'int64=-1 3+ #1',
    finalizedFeatures: [
      {
        name: 'string',
        maxVersionLevel: 'int16',
        minVersionLevel: 'int16',
      },
      '3+ #2',
    ],
    zkMigrationReady: 'bool=false 3+ #3',
  },
} as const;

export const DESCRIBE_CLUSTER = {
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: 'bool',
    endpointType: 'int8=1 1+',
    includeFencedBrokers: 'bool 2+',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    endpointType: 'int8=1 1+',
    clusterId: 'string',
    controllerId: 'int32=-1',
    brokers: [
      {
        brokerId: 'int32',
        host: 'string',
        port: 'int32',
        rack: 'string=null ?',
        isFenced: 'bool 2+',
      },
    ],
    clusterAuthorizedOperations: 'int32=-2147483648',
  },
} as const;

export const DESCRIBE_TOPIC_PARTITIONS = {
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: [
      {
        name: 'string',
      },
    ],
    responsePartitionLimit: 'int32=2000',
    cursor: {
      $: '=null ?',
      topicName: 'string',
      partitionIndex: 'int32',
    },
  },
  response: {
    throttleTimeMs: 'int32=0',
    topics: [
      {
        errorCode: 'int16=0',
        name: 'string ?',
        topicId: 'uuid',
        isInternal: 'bool=false',
        partitions: [
          {
            errorCode: 'int16=0',
            partitionIndex: 'int32',
            leaderId: 'int32',
            leaderEpoch: 'int32=-1',
            replicaNodes: ['int32'],
            isrNodes: ['int32'],
            eligibleLeaderReplicas: ['int32', '=null ?'],
            lastKnownElr: ['int32', '=null ?'],
            offlineReplicas: ['int32'],
          },
        ],
        topicAuthorizedOperations: 'int32=-2147483648',
      },
    ],
    nextCursor: {
      $: '=null ?',
      topicName: 'string',
      partitionIndex: 'int32',
    },
  },
} as const;
