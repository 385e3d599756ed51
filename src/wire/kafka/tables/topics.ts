/** Making, growing, emptying and removing topics. */

export const CREATE_TOPICS = {
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: [
      {
        name: 'string',
        numPartitions: 'int32',
        replicationFactor: 'int16',
        assignments: [
          {
            partitionIndex: 'int32',
            brokerIds: ['int32'],
          },
        ],
        configs: [
          {
            name: 'string',
            value: 'string ?',
          },
        ],
      },
    ],
    timeoutMs: 'int32=60000',
    validateOnly: 'bool=false',
  },
  response: {
    throttleTimeMs: 'int32=0',
    topics: [
      {
        name: 'string',
        topicId: 'uuid 7+',
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        topicConfigErrorCode: 'int16 5+ #0',
        numPartitions: 'int32=-1 5+',
        replicationFactor: 'int16=-1 5+',
        configs: [
          {
            name: 'string',
            value: 'string ?',
            readOnly: 'bool',
            configSource: 'int8=-1',
            isSensitive: 'bool',
          },
          '=null 5+ ?',
        ],
      },
    ],
  },
} as const;

export const DELETE_TOPICS = {
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: [
      {
        name: 'string=null ?',
        topicId: 'uuid',
      },
      '6+',
    ],
    topicNames: ['string', '1-5'],
    timeoutMs: 'int32',
  },
  response: {
    throttleTimeMs: 'int32=0',
    responses: [
      {
        name: 'string ?6+',
        topicId: 'uuid 6+',
        errorCode: 'int16=0',
        errorMessage: 'string=null 5+ ?',
      },
    ],
  },
} as const;

export const DELETE_RECORDS = {
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  request: {
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            offset: 'int64',
          },
        ],
      },
    ],
    timeoutMs: 'int32',
  },
  response: {
    throttleTimeMs: 'int32=0',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            lowWatermark: 'int64',
            errorCode: 'int16=0',
          },
        ],
      },
    ],
  },
} as const;

export const CREATE_PARTITIONS = {
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  request: {
    topics: [
      {
        name: 'string',
        count: 'int32',
        assignments: [
          {
            brokerIds: ['int32'],
          },
          '?',
        ],
      },
    ],
    timeoutMs: 'int32',
    validateOnly: 'bool',
  },
  response: {
    throttleTimeMs: 'int32=0',
    results: [
      {
        name: 'string',
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
      },
    ],
  },
} as const;
