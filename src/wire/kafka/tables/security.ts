/** Saying who one is, and what is kept to know it by. */

export const SASL_HANDSHAKE = {
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexible: null,
  request: {
    mechanism: 'string',
  },
  response: {
    errorCode: 'int16=0',
    mechanisms: ['string'],
  },
} as const;

export const SASL_AUTHENTICATE = {
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  request: {
    authBytes: 'bytes',
  },
  response: {
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    authBytes: 'bytes',
    sessionLifetimeMs: 'int64=0 1+',
  },
} as const;

export const DESCRIBE_USER_SCRAM_CREDENTIALS = {
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: {
    users: [
      {
        name: 'string',
      },
      '?',
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    errorCode: 'int16=0',
    errorMessage: 'string=null ?',
    results: [
      {
        user: 'string',
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
        credentialInfos: [
          {
            mechanism: 'int8',
            iterations: 'int32',
          },
        ],
      },
    ],
  },
} as const;

export const ALTER_USER_SCRAM_CREDENTIALS = {
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: {
    deletions: [
      {
        name: 'string',
        mechanism: 'int8',
      },
    ],
    upsertions: [
      {
        name: 'string',
        mechanism: 'int8',
        iterations: 'int32',
        salt: 'bytes',
        saltedPassword: 'bytes',
      },
    ],
  },
  response: {
    throttleTimeMs: 'int32=0',
    results: [
      {
        user: 'string',
        errorCode: 'int16=0',
        errorMessage: 'string=null ?',
      },
    ],
  },
} as const;
