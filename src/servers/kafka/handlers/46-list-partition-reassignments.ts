/** ListPartitionReassignments, version 0: never any. */

import { ERROR, LIST_PARTITION_REASSIGNMENTS } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const LIST_PARTITION_REASSIGNMENTS_HANDLER: Handler = handler(LIST_PARTITION_REASSIGNMENTS, async (_request, { engine }) =>
  (await engine.may('describe', 'broker', ''))
    ? { errorMessage: null, topics: [] }
    : { errorCode: ERROR.clusterAuthorizationFailed, errorMessage: 'You may not see this.', topics: [] },
);
