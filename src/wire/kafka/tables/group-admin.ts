/** Looking at groups from outside, removing them and their offsets; and groups of the newer protocol [KIP-848]. */

export const DESCRIBE_GROUPS = {
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  request: {
    groups: ['string'],
    includeAuthorizedOperations: 'bool 3+',
  },
  response: {
    throttleTimeMs: 'int32=0 1+',
    groups: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null 6+ ?',
        groupId: 'string',
        groupState: 'string',
        protocolType: 'string',
        protocolData: 'string',
        members: [
          {
            memberId: 'string',
            groupInstanceId: 'string=null 4+ ?',
            clientId: 'string',
            clientHost: 'string',
            memberMetadata: 'bytes',
            memberAssignment: 'bytes',
          },
        ],
        authorizedOperations: 'int32=-2147483648 3+',
      },
    ],
  },
} as const;

export const LIST_GROUPS = {
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: {
    statesFilter: ['string', '4+'],
    typesFilter: ['string', '5+'],
  },
  response: {
    throttleTimeMs: 'int32=0 1+',
    errorCode: 'int16=0',
    groups: [
      {
        groupId: 'string',
        protocolType: 'string',
        groupState: 'string 4+',
        groupType: 'string 5+',
      },
    ],
  },
} as const;

export const DELETE_GROUPS = {
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  request: {
    groupsNames: ['string'],
  },
  response: {
    throttleTimeMs: 'int32=0',
    results: [
      {
        groupId: 'string',
        errorCode: 'int16=0',
      },
    ],
  },
} as const;

export const OFFSET_DELETE = {
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexible: null,
  request: {
    groupId: 'string',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
          },
        ],
      },
    ],
  },
  response: {
    errorCode: 'int16=0',
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

export const CONSUMER_GROUP_HEARTBEAT = {
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: 'string',
    memberId: 'string',
    memberEpoch: 'int32',
    instanceId: 'string=null ?',
    rackId: 'string=null ?',
    rebalanceTimeoutMs: 'int32=-1',
    subscribedTopicNames: ['string', '=null ?'],
    subscribedTopicRegex: 'string=null 1+ ?',
    serverAssignor: 'string=null ?',
    topicPartitions: [
      {
        topicId: 'uuid',
        partitions: ['int32'],
      },
      '=null ?',
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    memberId: 'string=null ?',
    memberEpoch: 'int32',
    heartbeatIntervalMs: 'int32',
    assignment: {
      $: '=null ?',
      topicPartitions: [
        {
          topicId: 'uuid',
          partitions: ['int32'],
        },
      ],
    },
  },
} as const;

export const CONSUMER_GROUP_DESCRIBE = {
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: ['string'],
    includeAuthorizedOperations: 'bool',
  },
  response: {
    throttleTimeMs: 'int32=0',
    groups: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        groupId: 'string',
        groupState: 'string',
        groupEpoch: 'int32',
        assignmentEpoch: 'int32',
        assignorName: 'string',
        members: [
          {
            memberId: 'string',
            instanceId: 'string=null ?',
            rackId: 'string=null ?',
            memberEpoch: 'int32',
            clientId: 'string',
            clientHost: 'string',
            subscribedTopicNames: ['string'],
            subscribedTopicRegex: 'string=null ?',
            assignment: {
              topicPartitions: [
                {
                  topicId: 'uuid',
                  topicName: 'string',
                  partitions: ['int32'],
                },
              ],
            },
            targetAssignment: {
              topicPartitions: [
                {
                  topicId: 'uuid',
                  topicName: 'string',
                  partitions: ['int32'],
                },
              ],
            },
            /** 0 classic, 1 of the newer protocol. */
            memberType: 'int8=-1 1+',
          },
        ],
        authorizedOperations: 'int32=-2147483648',
      },
    ],
  },
} as const;
