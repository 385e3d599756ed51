/** Who may do what. */

export const DESCRIBE_ACLS = {
  key: 29,
  name: 'DescribeAcls',
  versions: [1, 3],
  flexible: 2,
  request: {
    resourceTypeFilter: 'int8',
    resourceNameFilter: 'string ?',
    patternTypeFilter: 'int8=3 1+',
    principalFilter: 'string ?',
    hostFilter: 'string ?',
    operation: 'int8',
    permissionType: 'int8',
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    resources: [
      {
        resourceType: 'int8',
        resourceName: 'string',
        patternType: 'int8=3 1+',
        acls: [
          {
            principal: 'string',
            host: 'string',
            operation: 'int8',
            permissionType: 'int8',
          },
        ],
      },
    ],
  },
} as const;

export const CREATE_ACLS = {
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  request: {
    creations: [
      {
        resourceType: 'int8',
        resourceName: 'string',
        resourcePatternType: 'int8=3 1+',
        principal: 'string',
        host: 'string',
        operation: 'int8',
        permissionType: 'int8',
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    results: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
      },
    ],
  },
} as const;

export const DELETE_ACLS = {
  key: 31,
  name: 'DeleteAcls',
  versions: [1, 3],
  flexible: 2,
  request: {
    filters: [
      {
        resourceTypeFilter: 'int8',
        resourceNameFilter: 'string ?',
        patternTypeFilter: 'int8=3 1+',
        principalFilter: 'string ?',
        hostFilter: 'string ?',
        operation: 'int8',
        permissionType: 'int8',
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    filterResults: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        matchingAcls: [
          {
            errorCode: 'int16=0',
            errorMessage: 'string=null ?',
            resourceType: 'int8',
            resourceName: 'string',
            patternType: 'int8=3 1+',
            principal: 'string',
            host: 'string',
            operation: 'int8',
            permissionType: 'int8',
          },
        ],
      },
    ],
  },
} as const;
