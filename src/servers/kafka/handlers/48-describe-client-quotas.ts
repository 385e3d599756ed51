/** DescribeClientQuotas, versions 0–1: there are none. */

import { DESCRIBE_CLIENT_QUOTAS, ERROR } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const DESCRIBE_CLIENT_QUOTAS_HANDLER: Handler = handler(DESCRIBE_CLIENT_QUOTAS, async (_request, { engine }) =>
  (await engine.may('describe-settings', 'broker', ''))
    ? { errorMessage: null, entries: [] }
    : { errorCode: ERROR.clusterAuthorizationFailed, errorMessage: 'You may not see this.', entries: null },
);
