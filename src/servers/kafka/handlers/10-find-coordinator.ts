/** FindCoordinator, versions 0–6: whoever is looked for, it is this broker. */

import { ERROR, FIND_COORDINATOR } from '../../../wire/kafka/kafka.ts';
import { NODE_ID } from '../door.ts';
import { type Handler, handler } from '../handler.ts';

const KEY_TYPES_MAX = 1;

export const FIND_COORDINATOR_HANDLER: Handler = handler(FIND_COORDINATOR, ({ key, keyType, coordinatorKeys }, { door, peer }) => {
  const wrong = keyType < 0 || keyType > KEY_TYPES_MAX;
  const node = wrong ? { nodeId: -1, host: '', port: -1 } : { nodeId: NODE_ID, ...door.addressFor(peer) };
  const error = wrong
    ? { errorCode: ERROR.invalidRequest, errorMessage: `There are no coordinators of type ${keyType}.` }
    : { errorCode: ERROR.none };
  const keys = coordinatorKeys.length > 0 ? coordinatorKeys : [key];
  return { ...error, ...node, coordinators: keys.map((one) => ({ key: one, ...node, errorMessage: '', ...error })) };
});
