/** Groups of the classic protocol: joining, sharing out, staying, leaving, and the offsets they keep. */

export const JOIN_GROUP = {
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  request: {
    groupId: 'string',
    sessionTimeoutMs: 'int32',
    rebalanceTimeoutMs: 'int32=-1 1+',
    memberId: 'string',
    groupInstanceId: 'string=null 5+ ?',
    protocolType: 'string',
    protocols: [
      {
        name: 'string',
        metadata: 'bytes',
      },
    ],
    reason: 'string=null 8+ ?',
  },
  response: {
    throttleTimeMs: 'int32=0 2+',
    errorCode: 'int16=0',
    generationId: 'int32=-1',
    protocolType: 'string=null 7+ ?',
    protocolName: 'string ?7+',
    leader: 'string',
    skipAssignment: 'bool=false 9+',
    memberId: 'string',
    members: [
      {
        memberId: 'string',
        groupInstanceId: 'string=null 5+ ?',
        metadata: 'bytes',
      },
    ],
  },
} as const;

export const HEARTBEAT = {
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: 'string',
    generationId: 'int32',
    memberId: 'string',
    groupInstanceId: 'string=null 3+ ?',
  },
  response: {
    throttleTimeMs: 'int32=0 1+',
    errorCode: 'int16=0',
  },
} as const;

export const LEAVE_GROUP = {
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: 'string',
    memberId: 'string 0-2',
    members: [
      {
        memberId: 'string',
        groupInstanceId: 'string=null ?',
        reason: 'string=null 5+ ?',
      },
      '3+',
    ],
  },
  response: {
    throttleTimeMs: 'int32=0 1+',
    errorCode: 'int16=0',
    members: [
      {
        memberId: 'string',
        groupInstanceId: 'string ?',
        errorCode: 'int16=0',
      },
      '= 3+',
    ],
  },
} as const;

export const SYNC_GROUP = {
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: 'string',
    generationId: 'int32',
    memberId: 'string',
    groupInstanceId: 'string=null 3+ ?',
    protocolType: 'string=null 5+ ?',
    protocolName: 'string=null 5+ ?',
    assignments: [
      {
        memberId: 'string',
        assignment: 'bytes',
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0 1+',
    errorCode: 'int16=0',
    protocolType: 'string=null 5+ ?',
    protocolName: 'string=null 5+ ?',
    assignment: 'bytes',
  },
} as const;

export const OFFSET_COMMIT = {
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
  request: {
    groupId: 'string',
    generationIdOrMemberEpoch: 'int32=-1',
    memberId: 'string',
    groupInstanceId: 'string=null 7+ ?',
    retentionTimeMs: 'int64=-1 2-4',
    topics: [
      {
        name: 'string 2-9',
        topicId: 'uuid 10+',
        partitions: [
          {
            partitionIndex: 'int32',
            committedOffset: 'int64',
            committedLeaderEpoch: 'int32=-1 6+',
            committedMetadata: 'string ?',
          },
        ],
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0 3+',
    topics: [
      {
        name: 'string 2-9',
        topicId: 'uuid 10+',
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

export const OFFSET_FETCH = {
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 9],
  flexible: 6,
  request: {
    groupId: 'string 1-7',
    topics: [
      {
        name: 'string',
        partitionIndexes: ['int32'],
      },
      '1-7 ?2+',
    ],
    groups: [
      {
        groupId: 'string',
        memberId: 'string=null 9+ ?',
        memberEpoch: 'int32=-1 9+',
        topics: [
          {
            name: 'string',
            partitionIndexes: ['int32'],
          },
          '?',
        ],
      },
      '8+',
    ],
    requireStable: 'bool=false 7+',
  },
  response: {
    throttleTimeMs: 'int32=0 3+',
    topics: [
      {
        name: 'string',
        partitions: [
          {
            partitionIndex: 'int32',
            committedOffset: 'int64',
            committedLeaderEpoch: 'int32=-1 5+',
            metadata: 'string ?',
            errorCode: 'int16=0',
          },
        ],
      },
      '= 1-7',
    ],
    errorCode: 'int16=0 2-7',
    groups: [
      {
        groupId: 'string',
        topics: [
          {
            name: 'string',
            partitions: [
              {
                partitionIndex: 'int32',
                committedOffset: 'int64',
                committedLeaderEpoch: 'int32=-1',
                metadata: 'string ?',
                errorCode: 'int16=0',
              },
            ],
          },
        ],
        errorCode: 'int16=0',
      },
      '= 8+',
    ],
  },
} as const;
