/** All that this door can do, as one table. OpenAPI is written from it, so what is not described does not exist. */

import { BINDING_ROUTES } from './handlers/bindings.ts';
import { DECLARE_ROUTES } from './handlers/declare.ts';
import { HEALTH_ROUTES } from './handlers/health.ts';
import { openapiRoute } from './handlers/openapi.ts';
import { PUBLISH_ROUTES } from './handlers/publish.ts';
import { QUEUE_ROUTES } from './handlers/queues.ts';
import { RETAINED_ROUTES } from './handlers/retained.ts';
import { STREAM_ROUTES } from './handlers/streams.ts';
import { TOPIC_ROUTES } from './handlers/topics.ts';
import { TRANSACTION_ROUTES } from './handlers/transactions.ts';
import { WEBSOCKET_ROUTES } from './handlers/websocket.ts';
import type { Route } from './route.ts';

export const ROUTES: readonly Route[] = [
  ...PUBLISH_ROUTES,
  ...STREAM_ROUTES,
  ...WEBSOCKET_ROUTES,
  ...TOPIC_ROUTES,
  ...QUEUE_ROUTES,
  ...BINDING_ROUTES,
  ...TRANSACTION_ROUTES,
  ...RETAINED_ROUTES,
  ...DECLARE_ROUTES,
  ...HEALTH_ROUTES,
  openapiRoute(() => ROUTES),
];
