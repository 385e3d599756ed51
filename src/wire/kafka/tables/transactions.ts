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
        topics: [{ name: 'string', partitions: ['int32'] }],
      },
      '4+',
    ],
    transactionalId: 'string 0-3',
    producerId: 'int64 0-3',
    producerEpoch: 'int16 0-3',
    topics: [{ name: 'string', partitions: ['int32'] }, '0-3'],
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0 4+',
    resultsByTransaction: [
      {
        transactionalId: 'string',
        topicResults: [{ name: 'string', results: [{ partitionIndex: 'int32', errorCode: 'int16=0' }] }],
      },
      '= 4+',
    ],
    results: [{ name: 'string', results: [{ partitionIndex: 'int32', errorCode: 'int16=0' }] }, '= 0-3'],
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
