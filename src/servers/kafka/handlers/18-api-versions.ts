/** ApiVersions, versions 0–4: what is spoken here. Only what is served is told of. */

import { API_VERSIONS, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import type { Door } from '../door.ts';
import { type Handler, handler } from '../handler.ts';

export const API_VERSIONS_HANDLER: Handler = handler(API_VERSIONS, (_, { door }) => apiVersions(door), { forStrangers: true });

/** Asked of the door, which knows all handlers, this one among them. */
export function apiVersions(door: Door): ResponseOf<typeof API_VERSIONS> {
  return {
    apiKeys: door.apis.map(({ api, advertisedMin }) => ({ apiKey: api.key, minVersion: advertisedMin, maxVersion: api.versions[1] })),
    supportedFeatures: [],
    finalizedFeaturesEpoch: 0,
    finalizedFeatures: [],
  };
}
