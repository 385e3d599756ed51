/** DescribeCluster, versions 0–2: the one broker. */

import { DESCRIBE_CLUSTER } from '../../../wire/kafka/kafka.ts';
import { NODE_ID } from '../door.ts';
import { type Handler, handler } from '../handler.ts';
import { operationsOn } from '../operations.ts';

export const DESCRIBE_CLUSTER_HANDLER: Handler = handler(
  DESCRIBE_CLUSTER,
  async ({ endpointType, includeClusterAuthorizedOperations }, { door, engine, peer }) => ({
    endpointType,
    clusterId: door.clusterId,
    controllerId: NODE_ID,
    brokers: [{ brokerId: NODE_ID, ...door.addressFor(peer), isFenced: false }],
    clusterAuthorizedOperations: await operationsOn(engine, 'broker', '', includeClusterAuthorizedOperations),
  }),
);
