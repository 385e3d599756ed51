/** Reading and writing records: produce, fetch, and where things lie in a partition. */

export const PRODUCE = {
  key: 0,
  name: 'Produce',
  versions: [3, 12],
  flexible: 9,
  request: {
    transactionalId: 'string=null ?',
    acks: 'int16',
    timeoutMs: 'int32',
    topicData: [
      {
        name: 'string',
        partitionData: [
          {
            index: 'int32',
            records: 'records ?',
          },
        ],
      },
    ],
  },
  response: {
    responses: [
      {
        name: 'string',
        partitionResponses: [
          {
            index: 'int32',
            errorCode: 'int16=0',
            baseOffset: 'int64',
            logAppendTimeMs: 'int64=-1',
            logStartOffset: 'int64=-1 5+',
            recordErrors: [
              {
                batchIndex: 'int32',
                batchIndexErrorMessage: 'string=null ?',
              },
              '= 8+',
            ],
            errorMessage: 'string=null 8+ ?',
            currentLeader: {
              $: '10+ #0',
              leaderId: 'int32=-1',
              leaderEpoch: 'int32=-1',
            },
          },
        ],
      },
    ],
    throttleTimeMs: 'int32=0',
    nodeEndpoints: [
      {
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        rack: 'string=null ?',
      },
      '10+ #0',
    ],
  },
} as const;

export const FETCH = {
  key: 1,
  name: 'Fetch',
  versions: [4, 17],
  flexible: 12,
  request: {
    clusterId: 'string=null 12+ ? #0',
    replicaId: 'int32=-1 4-14',
    replicaState: {
      $: '15+ #1',
      replicaId: 'int32=-1',
      replicaEpoch: 'int64=-1',
    },
    maxWaitMs: 'int32',
    minBytes: 'int32',
    maxBytes: 'int32=2147483647',
    isolationLevel: 'int8=0',
    sessionId: 'int32=0 7+',
    sessionEpoch: 'int32=-1 7+',
    topics: [
      {
        topic: 'string 4-12',
        topicId: 'uuid 13+',
        partitions: [
          {
            partition: 'int32',
            currentLeaderEpoch: 'int32=-1 9+',
            fetchOffset: 'int64',
            lastFetchedEpoch: 'int32=-1 12+',
            logStartOffset: 'int64=-1 5+',
            partitionMaxBytes: 'int32',
            replicaDirectoryId: 'uuid 17+ #0',
          },
        ],
      },
    ],
    forgottenTopicsData: [
      {
        topic: 'string 7-12',
        topicId: 'uuid 13+',
        partitions: ['int32'],
      },
      '7+',
    ],
    rackId: 'string 11+',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0 7+',
    sessionId: 'int32=0 7+',
    responses: [
      {
        topic: 'string 4-12',
        topicId: 'uuid 13+',
        partitions: [
          {
            partitionIndex: 'int32',
            errorCode: 'int16=0',
            highWatermark: 'int64',
            lastStableOffset: 'int64=-1',
            logStartOffset: 'int64=-1 5+',
            divergingEpoch: {
              $: '12+ #0',
              epoch: 'int32=-1',
              endOffset: 'int64=-1',
            },
            currentLeader: {
              $: '12+ #1',
              leaderId: 'int32=-1',
              leaderEpoch: 'int32=-1',
            },
            snapshotId: {
              $: '12+ #2',
              endOffset: 'int64=-1',
              epoch: 'int32=-1',
            },
            abortedTransactions: [
              {
                producerId: 'int64',
                firstOffset: 'int64',
              },
              '=null ?',
            ],
            preferredReadReplica: 'int32=-1 11+',
            records: 'records ?',
          },
        ],
      },
    ],
    nodeEndpoints: [
      {
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        rack: 'string=null ?',
      },
      '16+ #0',
    ],
  },
} as const;

export const LIST_OFFSETS = {
  key: 2,
  name: 'ListOffsets',
  versions: [1, 10],
  flexible: 6,
  request: {
    replicaId: 'int32',
    isolationLevel: 'int8 2+',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            currentLeaderEpoch: 'int32=-1 4+',
            timestamp: 'int64',
          },
        ],
      },
    ],
    timeoutMs: 'int32 10+',
  },
  response: {
    throttleTimeMs: 'int32=0 2+',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            errorCode: 'int16=0',
            timestamp: 'int64=-1',
            offset: 'int64=-1',
            leaderEpoch: 'int32=-1 4+',
          },
        ],
      },
    ],
  },
} as const;

export const OFFSET_FOR_LEADER_EPOCH = {
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: {
    replicaId: 'int32=-2 3+',
    topics: [
      {
        topic: 'string',
        partitions: [
          {
            partition: 'int32',
            currentLeaderEpoch: 'int32=-1',
            leaderEpoch: 'int32',
          },
        ],
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    topics: [
      {
        topic: 'string',
        partitions: [
          {
            errorCode: 'int16=0',
            partition: 'int32',
            leaderEpoch: 'int32=-1',
            endOffset: 'int64=-1',
          },
        ],
      },
    ],
  },
} as const;
