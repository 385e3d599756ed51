/** The WebSocket as a route: for OpenAPI, and for those who come without upgrading. */

import { WEBSOCKET_PROTOCOL } from '../../../wire/http/http.ts';
import { HttpFault } from '../fault.ts';
import { NO_PARAMS, type Route, route } from '../route.ts';
import { WEBSOCKET_PATH } from '../websocket.ts';

export const WEBSOCKET_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: WEBSOCKET_PATH,
    id: 'openWebSocket',
    tag: 'subscribe',
    summary: 'Open a WebSocket',
    about:
      `Publish, subscribe, ack and credit on one connection, by the sub-protocol \`${WEBSOCKET_PROTOCOL}\`: JSON objects in text frames, ` +
      'told apart by `op`. docs/http.md has the table of frames.',
    params: NO_PARAMS,
    answers: { 101: { about: 'Switched to WebSocket.' } },
    handle: async () => {
      throw new HttpFault('upgrade-required', 'This is a WebSocket: come with Upgrade: websocket.', {
        upgrade: 'websocket',
        connection: 'upgrade',
      });
    },
  }),
];
