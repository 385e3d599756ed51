/** DescribeCluster, versions 0–2: the one broker. */

import { DESCRIBE_CLUSTER } from '../../../wire/kafka/kafka.ts';
import { NODE_ID } from '../door.ts';
import { type Handler, handler } from '../handler.ts';

export const DESCRIBE_CLUSTER_HANDLER: Handler = handler(DESCRIBE_CLUSTER, ({ endpointType }, { door, peer }) => ({
  endpointType,
  clusterId: door.clusterId,
  controllerId: NODE_ID,
  brokers: [{ brokerId: NODE_ID, ...door.addressFor(peer), isFenced: false }],
}));
