/** Producer ids, and transactions from their beginning to their end. */

export const INIT_PRODUCER_ID = {
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexible: 2,
  request: {
    transactionalId: 'string ?',
    transactionTimeoutMs: 'int32',
    producerId: 'int64=-1 3+',
    producerEpoch: 'int16=-1 3+',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    producerId: 'int64=-1',
    producerEpoch: 'int16',
  },
} as const;

export const ADD_PARTITIONS_TO_TXN = {
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactions: [
      {
        transactionalId: 'string',
        producerId: 'int64',
        producerEpoch: 'int16',
        verifyOnly: 'bool=false',
        topics: [
          {
            name: 'string',
            partitions: ['int32'],
          },
        ],
      },
      '4+',
    ],
    v3AndBelowTransactionalId: 'string 0-3',
    v3AndBelowProducerId: 'int64 0-3',
    v3AndBelowProducerEpoch: 'int16 0-3',
    v3AndBelowTopics: [
      {
        name: 'string',
        partitions: ['int32'],
      },
      '0-3',
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0 4+',
    resultsByTransaction: [
      {
        transactionalId: 'string',
        topicResults: [
          {
            name: 'string',
            resultsByPartition: [
              {
                partitionIndex: 'int32',
                partitionErrorCode: 'int16',
              },
            ],
          },
        ],
      },
      '4+',
    ],
    resultsByTopicV3AndBelow: [
      {
        name: 'string',
        resultsByPartition: [
          {
            partitionIndex: 'int32',
            partitionErrorCode: 'int16',
          },
        ],
      },
      '0-3',
    ],
  },
} as const;

export const ADD_OFFSETS_TO_TXN = {
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexible: 3,
  request: {
    transactionalId: 'string',
    producerId: 'int64',
    producerEpoch: 'int16',
    groupId: 'string',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
  },
} as const;

export const END_TXN = {
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: 'string',
    producerId: 'int64',
    producerEpoch: 'int16',
    committed: 'bool',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    producerId: 'int64=-1 5+',
    producerEpoch: 'int16=-1 5+',
  },
} as const;

export const TXN_OFFSET_COMMIT = {
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: 'string',
    groupId: 'string',
    producerId: 'int64',
    producerEpoch: 'int16',
    generationId: 'int32=-1 3+',
    memberId: 'string 3+',
    groupInstanceId: 'string=null 3+ ?',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            committedOffset: 'int64',
            committedLeaderEpoch: 'int32=-1 2+',
            committedMetadata: 'string ?',
          },
        ],
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            errorCode: 'int16=0',
          },
        ],
      },
    ],
  },
} as const;

export const DESCRIBE_PRODUCERS = {
  key: 61,
  name: 'DescribeProducers',
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: [
      {
        name: 'string',
        partitionIndexes: ['int32'],
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            errorCode: 'int16=0',
            errorMessage: 'string=null ?',
            activeProducers: [
              {
                producerId: 'int64',
                producerEpoch: 'int32',
                lastSequence: 'int32=-1',
                lastTimestamp: 'int64=-1',
                coordinatorEpoch: 'int32',
                currentTxnStartOffset: 'int64=-1',
              },
            ],
          },
        ],
      },
    ],
  },
} as const;

export const DESCRIBE_TRANSACTIONS = {
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  request: {
    transactionalIds: ['string'],
  },
  response: {
    throttleTimeMs: 'int32=0',
    transactionStates: [
      {
        errorCode: 'int16=0',
        transactionalId: 'string',
        transactionState: 'string',
        transactionTimeoutMs: 'int32',
        transactionStartTimeMs: 'int64',
        producerId: 'int64',
        producerEpoch: 'int16',
        topics: [
          {
            topic: 'string',
            partitions: ['int32'],
          },
        ],
      },
    ],
  },
} as const;

export const LIST_TRANSACTIONS = {
  key: 66,
  name: 'ListTransactions',
  versions: [0, 1],
  flexible: 0,
  request: {
    stateFilters: ['string'],
    producerIdFilters: ['int64'],
    durationFilter: 'int64=-1 1+',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    unknownStateFilters: ['string'],
    transactionStates: [
      {
        transactionalId: 'string',
        producerId: 'int64',
        transactionState: 'string',
      },
    ],
  },
} as const;
