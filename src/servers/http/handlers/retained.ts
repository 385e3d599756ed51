/** Retained values: the last message of an address that was published to be kept. */

import { MEDIA } from '../../../wire/http/http.ts';
import { renderRecord } from '../render.ts';
import { NO_PARAMS, type Route, route } from '../route.ts';

export const RETAINED_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/retained/{pattern}',
    id: 'listRetained',
    tag: 'publish',
    summary: 'Retained values',
    about: 'Of every address that matches the pattern (`*` one word, `#` any number). Publish an empty body with `retain` to remove one.',
    params: NO_PARAMS,
    answers: { 200: { about: 'The messages.', content: { [MEDIA.json]: { $ref: '#/components/schemas/Messages' } } } },
    handle: async ({ engine, door, path }) => {
      const found = await engine.retained(path.pattern);
      const texts = found.map(({ address, record }) => renderRecord(door, record, 0, '"retained":true,', `retained:${address}`));
      return { status: 200, body: `{"messages":[${texts.join(',')}]}` };
    },
  }),
];
