/** Saying who one is. */

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
