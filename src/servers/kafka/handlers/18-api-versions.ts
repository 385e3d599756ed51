/** ApiVersions, versions 0–4: what is spoken here. Only what is served is told of. */

import { API_VERSIONS, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import type { Door } from '../door.ts';
import { type Handler, handler } from '../handler.ts';

export const API_VERSIONS_HANDLER: Handler = handler(API_VERSIONS, (_, { door, version }) => apiVersions(door, version), {
  forStrangers: true,
});

/** Every transaction has an epoch of its own, and partitions belong to it by being produced to [KIP-890]. */
const TRANSACTIONS = 'transaction.version';
const TRANSACTIONS_LEVEL = 2;
const ZERO_SINCE = 4;

/** Asked of the door, which knows all handlers, this one among them. */
export function apiVersions(door: Door, version: number): ResponseOf<typeof API_VERSIONS> {
  return {
    apiKeys: door.apis.map(({ api, advertisedMin }) => ({ apiKey: api.key, minVersion: advertisedMin, maxVersion: api.versions[1] })),
    // Before, clients take a least version of 0 for an error [KAFKA-17011].
    supportedFeatures: version >= ZERO_SINCE ? [{ name: TRANSACTIONS, minVersion: 0, maxVersion: TRANSACTIONS_LEVEL }] : [],
    finalizedFeaturesEpoch: 0,
    finalizedFeatures: [{ name: TRANSACTIONS, maxVersionLevel: TRANSACTIONS_LEVEL, minVersionLevel: TRANSACTIONS_LEVEL }],
  };
}
