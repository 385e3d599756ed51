/** AlterClientQuotas, versions 0–1: taking away what is not there is done; nobody is slowed down here, so setting one is refused. */

import { ALTER_CLIENT_QUOTAS, ERROR } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const ALTER_CLIENT_QUOTAS_HANDLER: Handler = handler(ALTER_CLIENT_QUOTAS, async ({ entries }, { engine }) => {
  const may = await engine.may('alter-settings', 'broker', '');
  return {
    entries: entries.map(({ entity, ops }) => {
      if (!may) return { entity, errorCode: ERROR.clusterAuthorizationFailed, errorMessage: 'You may not administer.' };
      if (ops.every(({ remove }) => remove)) return { entity, errorMessage: null };
      return { entity, errorCode: ERROR.invalidRequest, errorMessage: 'There are no quotas here: nobody would be held to this one.' };
    }),
  };
});
