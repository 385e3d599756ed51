import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { ROUTES } from '../../../src/servers/http/routes.ts';
import { opened } from './opened.ts';

test('the description is valid OpenAPI 3.1', async (t) => {
  const door = await opened(t);
  const told = await door.ask('GET', '/openapi.json');
  assert.equal(told.json.openapi, '3.1.0');
  const { valid, errors } = await new Validator().validate(told.json);
  assert.ok(valid, JSON.stringify(errors));
});

test('every reference leads somewhere, every operation has its own id and a tag that is described', async (t) => {
  const door = await opened(t);
  const { text, json } = await door.ask('GET', '/openapi.json');
  for (const [, name = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) assert.ok(json.components.schemas[name], name);
  const ids = new Set<string>();
  const tags = new Set(json.tags.map((tag: { name: string }) => tag.name));
  for (const operations of Object.values(json.paths) as Record<string, { operationId: string; tags: string[] }>[]) {
    for (const { operationId, tags: own } of Object.values(operations)) {
      assert.ok(!ids.has(operationId), operationId);
      ids.add(operationId);
      for (const tag of own) assert.ok(tags.has(tag), tag);
    }
  }
});

test('every route is described, and everything described is there', async (t) => {
  const door = await opened(t);
  const { paths } = (await door.ask('GET', '/openapi.json')).json;
  const described = Object.entries(paths as Record<string, object>).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(described.sort(), ROUTES.map((route) => `${route.method} ${route.path}`).sort());
  for (const line of described) {
    const [method = '', path = ''] = line.split(' ');
    const gone = new AbortController();
    const reply = await fetch(`${door.base}${path.replace(/\{\w+\}/g, 'x')}`, { method, signal: gone.signal });
    const isThere = reply.status !== 405 && !(reply.status === 404 && (await reply.clone().text()).includes('no-such-route'));
    assert.ok(isThere, line);
    gone.abort();
  }
});

test('every query parameter of a route is described, with its header where it has one', async (t) => {
  const door = await opened(t);
  const { paths } = (await door.ask('GET', '/openapi.json')).json;
  for (const route of ROUTES) {
    const parameters: { name: string; in: string }[] = paths[route.path][route.method.toLowerCase()].parameters;
    const names = (where: string): string[] => parameters.filter((p) => p.in === where).map((p) => p.name);
    assert.deepEqual(names('query'), Object.keys(route.params), route.id);
    assert.deepEqual(
      names('header'),
      Object.values(route.params).flatMap(({ header }) => header ?? []),
      route.id,
    );
    assert.deepEqual(
      names('path'),
      [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      route.id,
    );
  }
});

test('no two routes answer to the same request', () => {
  const shapes = ROUTES.map((route) => `${route.method} ${route.path.replace(/\{\w+\}/g, '{}')}`);
  assert.equal(new Set(shapes).size, shapes.length);
});
