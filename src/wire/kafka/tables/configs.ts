/** Settings of topics and brokers. */

export const DESCRIBE_CONFIGS = {
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  request: {
    resources: [
      {
        resourceType: 'int8',
        resourceName: 'string',
        configurationKeys: ['string', '?'],
      },
    ],
    includeSynonyms: 'bool=false',
    includeDocumentation: 'bool=false 3+',
  },
  response: {
    throttleTimeMs: 'int32=0',
    results: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        resourceType: 'int8',
        resourceName: 'string',
        configs: [
          {
            name: 'string',
            value: 'string ?',
            readOnly: 'bool',
            configSource: 'int8=-1',
            isSensitive: 'bool',
            synonyms: [
              {
                name: 'string',
                value: 'string ?',
                source: 'int8',
              },
            ],
            configType: 'int8=0 3+',
            documentation: 'string 3+ ?',
          },
        ],
      },
    ],
  },
} as const;

export const ALTER_CONFIGS = {
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexible: 2,
  request: {
    resources: [
      {
        resourceType: 'int8',
        resourceName: 'string',
        configs: [
          {
            name: 'string',
            value: 'string ?',
          },
        ],
      },
    ],
    validateOnly: 'bool',
  },
  response: {
    throttleTimeMs: 'int32=0',
    responses: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        resourceType: 'int8',
        resourceName: 'string',
      },
    ],
  },
} as const;

export const INCREMENTAL_ALTER_CONFIGS = {
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  request: {
    resources: [
      {
        resourceType: 'int8',
        resourceName: 'string',
        configs: [
          {
            name: 'string',
            configOperation: 'int8',
            value: 'string ?',
          },
        ],
      },
    ],
    validateOnly: 'bool',
  },
  response: {
    throttleTimeMs: 'int32=0',
    responses: [
      {
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        resourceType: 'int8',
        resourceName: 'string',
      },
    ],
  },
} as const;
