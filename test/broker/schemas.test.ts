import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schemas } from '../../src/broker/schemas.ts';
import { type Message, NO_HEADERS } from '../../src/model/message.ts';
import { Refused } from '../../src/model/refusal.ts';

function messageOf(body: string | Uint8Array): Message {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return { exchange: '', address: 'a', timestampMs: 0, headers: NO_HEADERS, body: bytes };
}

const schema = {
  jsonSchema: {
    $defs: { line: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } } },
    type: 'object',
    properties: { lines: { type: 'array', items: { $ref: '#/$defs/line' } }, 'a/b': { const: 1 } },
  },
};

test('a fault has its place as a JSON pointer', () => {
  const schemas = new Schemas();
  schemas.check(schema);
  const fault = (body: string) => schemas.fault(schema, messageOf(body));
  assert.equal(fault('{"lines":[{"sku":"a"}]}'), undefined);
  assert.equal(fault('{"lines":[{"sku":"a"},{}]}')?.path, '/lines/1');
  assert.equal(fault('{"lines":[{"sku":5}]}')?.path, '/lines/0/sku');
  assert.equal(fault('{"a/b":2}')?.path, '/a~1b');
  assert.equal(fault('[]')?.path, '');
});

test('what is no JSON does not fit, and neither is it a crash', () => {
  const schemas = new Schemas();
  for (const body of ['', 'text', '{', '{"a":1}}', Uint8Array.of(0xff, 0xfe, 0x22)])
    assert.deepEqual(schemas.fault(schema, messageOf(body)), { message: 'the body is not JSON', path: '' });
});

test('what is no schema is refused with the reason', () => {
  const schemas = new Schemas();
  for (const jsonSchema of [undefined, null, 5, 'text', { type: 'nonsense' }, { $ref: '#/nowhere' }, { properties: 5 }]) {
    assert.throws(
      () => schemas.check({ jsonSchema }),
      (error: unknown) => error instanceof Refused && error.code === 'invalid' && /Schema.*\.$/s.test(error.message),
      JSON.stringify(jsonSchema),
    );
  }
});

test('the same schema is compiled once, two with one $id are two', () => {
  const schemas = new Schemas();
  const [a, b] = [
    { $id: 'https://example.org/s', type: 'string' },
    { $id: 'https://example.org/s', type: 'number' },
  ];
  schemas.check({ jsonSchema: a });
  schemas.check({ jsonSchema: a });
  schemas.check({ jsonSchema: b });
  assert.equal(schemas.fault({ jsonSchema: a }, messageOf('"text"')), undefined);
  assert.equal(schemas.fault({ jsonSchema: b }, messageOf('5')), undefined);
  assert.ok(schemas.fault({ jsonSchema: b }, messageOf('"text"')));
});
