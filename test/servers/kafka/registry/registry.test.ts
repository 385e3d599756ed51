/** The registry's REST interface: statuses, codes and texts as its clients know them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Broker, openBroker, passwordVerifier } from '../../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../../src/host/node-host.ts';
import { silentLogger } from '../../../../src/host/text-logger.ts';
import type { AnnexHandler } from '../../../../src/servers/annexes.ts';
import { Attempts } from '../../../../src/servers/attempts.ts';
import { Door } from '../../../../src/servers/kafka/door.ts';
import { KAFKA_LIMITS } from '../../../../src/servers/kafka/limits.ts';
import { registry } from '../../../../src/servers/kafka/registry/registry.ts';
import { KAFKA } from '../../../../src/wire/kafka/kafka.ts';

interface Options {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly isLoopback?: boolean;
}

type Told = readonly [status: number, body: unknown, type?: string | undefined];

class Rest {
  readonly engine: Broker;
  readonly #handler: AnnexHandler;

  constructor(engine: Broker, handler: AnnexHandler) {
    this.engine = engine;
    this.#handler = handler;
  }

  async ask(line: string, { body, headers = {}, isLoopback = true }: Options = {}): Promise<Told> {
    const [method = '', target = ''] = line.split(' ');
    const [path = '', query = ''] = target.split('?');
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
    const {
      status,
      type,
      body: answer,
    } = await this.#handler({
      method,
      path,
      query: new URLSearchParams(query),
      headers,
      address: '127.0.0.1',
      isLoopback,
      body: async () => bytes,
      signal: new AbortController().signal,
    });
    return [status, JSON.parse(String(answer)), type];
  }

  /** Status and error code. */
  async code(line: string, options?: Options): Promise<readonly [number, number | undefined]> {
    const [status, body] = await this.ask(line, options);
    return [status, (body as { error_code?: number }).error_code];
  }

  async register(subject: string, schema: unknown, more: object = {}): Promise<Told> {
    return this.ask(`POST /subjects/${subject}/versions`, { body: { schema: text(schema), ...more } });
  }
}

function text(schema: unknown): string {
  return typeof schema === 'string' ? schema : JSON.stringify(schema);
}

function record(...fields: object[]): object {
  return { type: 'record', name: 'A', fields };
}

async function opened(t: { after(fn: () => Promise<void>): void }, reopened?: MemoryDisk): Promise<Rest & { readonly disk: MemoryDisk }> {
  const disk = reopened ?? new MemoryDisk();
  const machine = { ...nodeHost(), disk, logger: silentLogger };
  const engine = await openBroker(machine, { directory: '/r', languages: [KAFKA] });
  t.after(() => engine.close());
  const attempts = new Attempts(machine.clock, 20, 60_000);
  const door = new Door(engine, machine, KAFKA_LIMITS, { autoCreate: true, partitions: 1 }, [], attempts, new Map());
  return Object.assign(new Rest(engine, registry(door)), { disk });
}

const X = { name: 'x', type: 'int' };
const Y = { name: 'y', type: 'int' };

test('versions, ids, looking up, deleting softly and for good', async (t) => {
  const rest = await opened(t);
  const type = 'application/vnd.schemaregistry.v1+json';
  assert.deepEqual(await rest.ask('GET /subjects'), [200, [], type]);
  assert.deepEqual(await rest.register('s', record(X)), [200, { id: 1 }, type]);
  assert.deepEqual((await rest.register('s', ` ${JSON.stringify(record(X), null, 2)}`))[1], { id: 1 }, 'the same but for blanks');
  assert.deepEqual((await rest.register('other', record(X)))[1], { id: 1 }, 'the same under another subject');
  assert.deepEqual((await rest.register('s', record(X, { ...Y, default: 0 })))[1], { id: 2 });
  assert.deepEqual((await rest.ask('GET /subjects/s/versions'))[1], [1, 2]);
  const second = { subject: 's', version: 2, id: 2, schema: JSON.stringify(record(X, { ...Y, default: 0 })) };
  assert.deepEqual((await rest.ask('GET /subjects/s/versions/latest'))[1], second);
  assert.deepEqual((await rest.ask('GET /subjects/s/versions/2/schema'))[1], record(X, { ...Y, default: 0 }));
  assert.deepEqual((await rest.ask('GET /schemas/ids/1'))[1], { schema: JSON.stringify(record(X)) });
  assert.deepEqual((await rest.ask('GET /schemas/ids/1/subjects'))[1], ['other', 's']);
  assert.deepEqual((await rest.ask('GET /schemas/ids/1/versions'))[1], [
    { subject: 's', version: 1 },
    { subject: 'other', version: 1 },
  ]);
  assert.deepEqual((await rest.ask('POST /subjects/s', { body: { schema: text(record(X)) } }))[1], {
    subject: 's',
    version: 1,
    id: 1,
    schema: JSON.stringify(record(X)),
  });
  const codes: [string, readonly [number, number], Options?][] = [
    ['GET /subjects/no/versions', [404, 40401]],
    ['GET /subjects/s/versions/9', [404, 40402]],
    ['GET /subjects/s/versions/nine', [422, 42202]],
    ['GET /schemas/ids/9', [404, 40403]],
    ['POST /subjects/s', [404, 40403], { body: { schema: '"int"' } }],
    ['POST /subjects/no', [404, 40401], { body: { schema: '"int"' } }],
    ['POST /subjects/s/versions', [422, 42201], { body: { schema: '{"type":"nonsense"}' } }],
    ['POST /subjects/s/versions', [422, 42201], { body: {} }],
    ['POST /subjects/s/versions', [422, 422], { body: { schema: '"int"', shema: 1 } }],
    ['POST /subjects/s/versions', [422, 42205], { body: { schema: '"int"', id: 7 } }],
    ['POST /subjects/s/versions', [409, 409], { body: { schema: '"int"' } }],
    ['POST /subjects/s/versions', [400, 400], { body: '{' }],
    ['POST /subjects/s/versions', [415, 415], { body: {}, headers: { 'content-type': 'text/plain' } }],
    ['GET /subjects', [406, 406], { headers: { accept: 'text/html' } }],
    ['PUT /subjects', [405, 405]],
    ['GET /subjects/s/other', [404, 404]],
    ['DELETE /subjects/s/versions/1?permanent=true', [404, 40407]],
    ['DELETE /subjects/s?permanent=true', [404, 40405]],
  ];
  for (const [line, expected, options] of codes) assert.deepEqual(await rest.code(line, options), expected, line);
  assert.equal((await rest.ask('GET /subjects', { headers: { accept: 'application/json' } }))[2], 'application/json');
  assert.deepEqual((await rest.ask('DELETE /subjects/s/versions/1'))[1], 1);
  assert.deepEqual(await rest.code('DELETE /subjects/s/versions/1'), [404, 40406]);
  assert.deepEqual((await rest.ask('GET /subjects/s/versions'))[1], [2]);
  assert.deepEqual((await rest.ask('GET /subjects/s/versions?deleted=true'))[1], [1, 2]);
  assert.deepEqual((await rest.ask('DELETE /subjects/s'))[1], [2]);
  assert.deepEqual(await rest.code('DELETE /subjects/s'), [404, 40404]);
  assert.deepEqual((await rest.ask('GET /subjects'))[1], ['other']);
  assert.deepEqual((await rest.ask('GET /subjects?deleted=true'))[1], ['other', 's']);
  assert.deepEqual((await rest.ask('GET /schemas/ids/2'))[0], 200, 'one that was softly deleted is still found by its id');
  assert.deepEqual((await rest.ask('DELETE /subjects/s?permanent=true'))[1], [1, 2]);
  assert.deepEqual(await rest.code('GET /schemas/ids/2'), [404, 40403]);
  assert.deepEqual((await rest.register('s', record(X, { ...Y, default: 1 })))[1], { id: 3 }, 'no id is given twice');
});

test('all of it is there after a restart', async (t) => {
  const rest = await opened(t);
  await rest.register('a', record(X));
  await rest.ask('PUT /config/a', { body: { compatibility: 'full' } });
  await rest.ask('PUT /mode', { body: { mode: 'READONLY' } });
  await rest.engine.close();
  const again = await opened(t, rest.disk);
  assert.deepEqual((await again.ask('GET /subjects/a/versions'))[1], [1]);
  assert.deepEqual((await again.ask('GET /config/a'))[1], { compatibilityLevel: 'FULL' });
  assert.deepEqual(await again.code('POST /subjects/b/versions', { body: { schema: '"int"' } }), [422, 42205]);
});

test('levels: for all, for one, and back', async (t) => {
  const rest = await opened(t);
  assert.deepEqual((await rest.ask('GET /config'))[1], { compatibilityLevel: 'BACKWARD' });
  assert.deepEqual(await rest.code('GET /config/s'), [404, 40408]);
  assert.deepEqual((await rest.ask('GET /config/s?defaultToGlobal=true'))[1], { compatibilityLevel: 'BACKWARD' });
  assert.deepEqual((await rest.ask('PUT /config/s', { body: { compatibility: 'NONE' } }))[1], { compatibility: 'NONE' });
  assert.deepEqual(await rest.code('PUT /config', { body: { compatibility: 'SOME' } }), [422, 42203]);
  await rest.register('s', record(X));
  assert.equal((await rest.register('s', '"string"'))[0], 200);
  assert.deepEqual((await rest.ask('DELETE /config/s'))[1], { compatibilityLevel: 'NONE' });
  assert.equal((await rest.register('s', record(X, Y)))[0], 409);
  assert.deepEqual((await rest.ask('GET /mode'))[1], { mode: 'READWRITE' });
  assert.deepEqual(await rest.code('GET /mode/s'), [404, 40409]);
  assert.deepEqual(await rest.code('PUT /mode', { body: { mode: 'x' } }), [422, 42204]);
  assert.deepEqual(await rest.code('PUT /mode', { body: { mode: 'IMPORT' } }), [422, 42205]);
  await rest.ask('PUT /mode/new', { body: { mode: 'IMPORT' } });
  assert.deepEqual((await rest.register('new', '"long"', { id: 40, version: 3 }))[1], { id: 40 });
  assert.deepEqual((await rest.ask('GET /subjects/new/versions'))[1], [3]);
});

test('compatible or not, one by one and transitively, with reasons', async (t) => {
  const rest = await opened(t);
  const tried = async (level: string, schema: object, version: string): Promise<boolean> => {
    await rest.ask('PUT /config/s', { body: { compatibility: level } });
    const [, body] = await rest.ask(`POST /compatibility/subjects/s/versions${version}`, { body: { schema: text(schema) } });
    return (body as { is_compatible: boolean }).is_compatible;
  };
  await rest.ask('PUT /config/s', { body: { compatibility: 'NONE' } });
  await rest.register('s', record(X));
  await rest.register('s', record(X, { ...Y, default: 0 }));
  for (const [level, schema, version, expected] of [
    ['BACKWARD', record(X, Y), '/latest', true],
    ['BACKWARD', record(X, Y), '/1', false],
    ['BACKWARD', record(X, Y), '', true],
    ['BACKWARD_TRANSITIVE', record(X, Y), '', false],
    ['FORWARD', record(Y), '', false],
    ['FORWARD', record(X), '', true],
    ['FULL', record(X), '', true],
    ['FULL_TRANSITIVE', record(X, { ...Y, default: 3 }), '', true],
    ['NONE', record(Y), '/1', true],
  ] as const)
    assert.equal(await tried(level, schema, version), expected, `${level} ${text(schema)} ${version}`);
  await rest.ask('PUT /config/s', { body: { compatibility: 'BACKWARD' } });
  const [, body] = await rest.ask('POST /compatibility/subjects/s/versions/1?verbose=true', { body: { schema: text(record(X, Y)) } });
  assert.match(String((body as { messages: string[] }).messages[0]), /READER_FIELD_MISSING_DEFAULT_VALUE.*'y'/);
  assert.deepEqual(await rest.code('POST /compatibility/subjects/no/versions/1', { body: { schema: '"int"' } }), [404, 40401]);
});

test('references: looked up, needed, and not deleted while they are', async (t) => {
  const rest = await opened(t);
  const reference = (name: string) => ({ references: [{ name, subject: 'base', version: 1 }] });
  await rest.register('base', { type: 'enum', name: 'shop.Colour', symbols: ['RED'] });
  const painted = record({ name: 'c', type: 'shop.Colour' });
  assert.deepEqual(await rest.code('POST /subjects/s/versions', { body: { schema: text(painted) } }), [422, 42201]);
  assert.deepEqual((await rest.register('s', painted, reference('shop.Colour')))[1], { id: 2 });
  assert.deepEqual((await rest.ask('GET /schemas/ids/2'))[1], { schema: text(painted), ...reference('shop.Colour') });
  assert.deepEqual((await rest.ask('GET /subjects/base/versions/1/referencedby'))[1], [2]);
  assert.deepEqual(await rest.code('DELETE /subjects/base/versions/1'), [422, 42206]);
  assert.deepEqual(await rest.code('DELETE /subjects/base'), [422, 42206]);
  await rest.ask('DELETE /subjects/s');
  assert.deepEqual((await rest.ask('DELETE /subjects/base'))[1], [1]);
  assert.deepEqual(
    await rest.code('POST /subjects/t/versions', { body: { schema: text(painted), ...reference('shop.Colour') } }),
    [422, 42201],
  );
});

test('normalized, what says the same in another order is the same', async (t) => {
  const rest = await opened(t);
  const json = { schemaType: 'JSON' };
  assert.deepEqual((await rest.register('s', '{"type":"object","title":"a"}', json))[1], { id: 1 });
  assert.deepEqual((await rest.register('s', '{"title":"a","type":"object"}', json))[1], { id: 2 });
  const normalized = await rest.ask('POST /subjects/s/versions?normalize=true', {
    body: { schema: '{"title":"a","type":"object"}', ...json },
  });
  assert.deepEqual(normalized[1], { id: 1 });
});

test('who comes must say who it is, and may what it may with the topic', async (t) => {
  const rest = await opened(t);
  assert.deepEqual(await rest.code('GET /subjects', { isLoopback: false }), [401, 401]);
  await rest.register('s', '"int"');
  const secrets = { password: await passwordVerifier('secret', new Uint8Array(16)) };
  await rest.engine.declare({ kind: 'user', name: 'reader', read: ['_schemas'], secrets });
  await rest.engine.declare({ kind: 'user', name: 'other', read: ['x'], secrets });
  const as = (name: string) => ({ authorization: `Basic ${Buffer.from(`${name}:secret`).toString('base64')}` });
  assert.deepEqual(await rest.code('GET /subjects'), [401, 401]);
  assert.deepEqual(await rest.code('GET /subjects', { headers: { authorization: as('reader').authorization.slice(0, -4) } }), [401, 401]);
  assert.deepEqual((await rest.ask('GET /subjects', { headers: as('reader') }))[1], ['s']);
  assert.deepEqual(await rest.code('POST /subjects/t/versions', { headers: as('reader'), body: { schema: '"int"' } }), [403, 40301]);
  assert.deepEqual(await rest.code('GET /subjects', { headers: as('other') }), [403, 40301]);
});
