/** Bindings of an exchange: made, listed and undone. */

import type { Binding, HeadersMatch } from '../../../model/declaration.ts';
import { Refused } from '../../../model/refusal.ts';
import { MEDIA, quoted } from '../../../wire/http/http.ts';
import { json, NO_CONTENT } from '../answer.ts';
import type { Call } from '../call.ts';
import { bindingJson } from '../describe.ts';
import { NO_PARAMS, type Route, route } from '../route.ts';
import { BINDING } from '../specs.ts';

type Given = Omit<Binding, 'exchange' | 'headers'> & {
  readonly headers?: { readonly match: HeadersMatch; readonly values: Readonly<Record<string, string | number | boolean | null>> };
};

async function bindingIn(call: Call, exchange: string): Promise<Binding> {
  const { headers, ...given } = await call.json<Given>(BINDING);
  if (headers === undefined) return { ...given, exchange };
  const values = new Map(Object.entries(headers.values).map(([name, value]) => [name, value ?? undefined]));
  return { ...given, exchange, headers: { match: headers.match, values } };
}

export const BINDING_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/exchanges/{exchange}/bindings',
    id: 'listBindings',
    tag: 'exchanges',
    summary: 'List the bindings of an exchange',
    params: NO_PARAMS,
    answers: { 200: { about: 'All of them.', content: { [MEDIA.json]: { $ref: '#/components/schemas/List' } } } },
    handle: async ({ engine, path }) => {
      const description = await engine.describe('exchange', path.exchange);
      if (description?.kind !== 'exchange') throw new Refused('unknown', `There is no exchange ${quoted(path.exchange)}.`);
      return json({ items: description.bindings.map(bindingJson) });
    },
  }),
  route({
    method: 'POST',
    path: '/v1/exchanges/{exchange}/bindings',
    id: 'bind',
    tag: 'exchanges',
    summary: 'Bind a queue, topic or exchange to an exchange',
    about: 'Binding again changes nothing. The main line is the exchange `amq.topic`.',
    params: NO_PARAMS,
    body: { required: true, content: { [MEDIA.json]: BINDING } },
    answers: { 204: { about: 'It is bound.' } },
    handle: async (call) => {
      await call.engine.bind(await bindingIn(call, call.path.exchange));
      return NO_CONTENT;
    },
  }),
  route({
    method: 'POST',
    path: '/v1/exchanges/{exchange}/unbind',
    id: 'unbind',
    tag: 'exchanges',
    summary: 'Undo a binding',
    about: 'The body is the binding as it was made.',
    params: NO_PARAMS,
    body: { required: true, content: { [MEDIA.json]: BINDING } },
    answers: { 204: { about: 'It is no longer bound.' } },
    handle: async (call) => {
      await call.engine.unbind(await bindingIn(call, call.path.exchange));
      return NO_CONTENT;
    },
  }),
];
