/** The description of this door, for people's tools. */

import { MEDIA } from '../../../wire/http/http.ts';
import { openapi } from '../openapi.ts';
import { NO_PARAMS, type Route, route } from '../route.ts';

/** `all` is asked when the first one wants to know: this route is itself among them. */
export function openapiRoute(all: () => readonly Route[]): Route {
  let written: string | undefined;
  return route({
    method: 'GET',
    path: '/openapi.json',
    id: 'openapi',
    tag: 'health',
    summary: 'This description',
    params: NO_PARAMS,
    answers: { 200: { about: 'OpenAPI 3.1.', content: { [MEDIA.openapi]: { type: 'object' } } } },
    handle: async () => {
      written ??= JSON.stringify(openapi(all()));
      return { status: 200, type: MEDIA.openapi, body: written };
    },
  });
}
