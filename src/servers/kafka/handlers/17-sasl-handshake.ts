/** SaslHandshake, versions 0–1: how the client will say who it is. The ways there are, are told in any case: some clients ask for them so. */

import { ERROR, SASL_HANDSHAKE } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';
import { MECHANISMS } from '../login.ts';

export const SASL_HANDSHAKE_HANDLER: Handler = handler(
  SASL_HANDSHAKE,
  ({ mechanism }, { peer }) => ({
    errorCode: peer.login.choose(mechanism) ? ERROR.none : ERROR.unsupportedSaslMechanism,
    mechanisms: [...MECHANISMS],
  }),
  { forStrangers: true },
);
