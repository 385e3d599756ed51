/** UpdateFeatures, versions 0–2: what is spoken here is settled, and not up to a client. */

import { ERROR, UPDATE_FEATURES } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const UPDATE_FEATURES_HANDLER: Handler = handler(UPDATE_FEATURES, async ({ featureUpdates }, { engine }) => {
  if (!(await engine.may('alter', 'broker', '')))
    return { errorCode: ERROR.clusterAuthorizationFailed, errorMessage: 'You may not administer.', results: [] };
  const errorMessage = 'Features of this broker are settled by its version, and cannot be changed.';
  const fault = { errorCode: ERROR.featureUpdateFailed, errorMessage };
  return { ...fault, results: featureUpdates.map(({ feature }) => ({ feature, ...fault })) };
});
