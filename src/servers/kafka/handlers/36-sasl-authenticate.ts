/** SaslAuthenticate, versions 0–2: one step of saying who one is. A failed one is answered, and then the connection ends. */

import { ERROR, SASL_AUTHENTICATE } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const SASL_AUTHENTICATE_HANDLER: Handler = handler(
  SASL_AUTHENTICATE,
  async ({ authBytes }, { door, peer }) => {
    const step = await peer.login.step(authBytes, peer.remote, door);
    if ('refused' in step)
      return {
        errorCode: step.isMisplaced ? ERROR.illegalSaslState : ERROR.saslAuthenticationFailed,
        errorMessage: step.refused,
        authBytes: NOTHING,
      };
    return { errorCode: ERROR.none, errorMessage: null, authBytes: step.answer, sessionLifetimeMs: peer.login.lifetimeMs };
  },
  { forStrangers: true },
);

const NOTHING = new Uint8Array(0);
