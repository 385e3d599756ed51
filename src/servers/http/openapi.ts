/** OpenAPI 3.1 from the table of routes. */

import { MEDIA } from '../../wire/http/http.ts';
import type { Param } from './params.ts';
import { RESPONSE_SCHEMAS } from './response-schemas.ts';
import type { Content, Route } from './route.ts';

const TAGS: Readonly<Record<string, string>> = {
  publish: 'Publishing to addresses, and what is retained there.',
  subscribe: 'Live subscriptions.',
  topics: 'Logs in partitions, with offsets.',
  queues: 'Messages that wait until somebody has dealt with them.',
  exchanges: 'Who gets what: exchanges and their bindings.',
  groups: 'Groups of members that share a topic, and their cursors.',
  transactions: 'Several things at once, or none of them.',
  users: 'Who may do what.',
  health: 'For whatever watches over the process.',
};

export function openapi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'signalbox',
      version: '1',
      summary: 'The HTTP door of signalbox.',
      description:
        'Confirmed here means as safe as the broker makes anything: with the default durability, on the disk. Errors are RFC 9457 problems ' +
        'whose `code` is stable. Once users are configured, every request but /livez needs `Authorization: Bearer TOKEN`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: RESPONSE_SCHEMAS, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

function operation(route: Route): object {
  const { id, tag, summary, about, body, answers, open } = route;
  const responses: Record<string, object> = {};
  for (const [status, answer] of Object.entries(answers)) {
    responses[status] = { description: answer.about, ...(answer.content === undefined ? {} : { content: content(answer.content) }) };
  }
  responses.default = {
    description: 'What went wrong.',
    content: { [MEDIA.problem]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(about === undefined ? {} : { description: about }),
    ...(open === true ? { security: [] } : {}),
    parameters: [...pathParameters(route.path), ...Object.entries(route.params).flatMap(([name, param]) => queryParameters(name, param))],
    ...(body === undefined ? {} : { requestBody: { required: body.required, content: content(body.content) } }),
    responses,
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: `The ${name}, percent-encoded.`,
    schema: { type: 'string' },
  }));
}

function queryParameters(name: string, { about, schema, header }: Param<unknown>): object[] {
  const inQuery = { name, in: 'query', description: about, schema };
  return header === undefined ? [inQuery] : [inQuery, { name: header, in: 'header', description: about, schema }];
}

function content(of: Content): object {
  return Object.fromEntries(Object.entries(of).map(([type, schema]) => [type, { schema }]));
}
