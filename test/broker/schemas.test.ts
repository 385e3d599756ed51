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

test('no pattern takes longer than the text is long', () => {
  const schemas = new Schemas();
  const evil = ['^(a+)+$', '^(a|a)*$', '^(.*a){12}$', '(x+x+)+y', '^([a-z]+)*@', '^(\\d+)*!$'];
  for (const pattern of evil) {
    for (const jsonSchema of [{ pattern }, { patternProperties: { [pattern]: false } }]) {
      schemas.check({ jsonSchema });
      const text = JSON.stringify(`${'a'.repeat(50_000)}${'x'.repeat(50_000)}${'1'.repeat(50_000)}`);
      // Each of these would take JavaScript's own engine longer than there has been time: it ends at all, that is the test.
      schemas.fault({ jsonSchema }, messageOf('pattern' in jsonSchema ? text : `{${text}:1}`));
    }
  }
});

test('patterns mean what they mean in JavaScript', () => {
  const schemas = new Schemas();
  const cases: [string, string[], string[]][] = [
    ['b', ['abc'], ['ac']],
    ['^\\d{3}-\\d{4}$', ['555-1234'], ['555-12345', 'x555-1234']],
    ['^[\\w.+-]+@[\\w-]+\\.[\\w.]+$', ['ada@example.org'], ['ada@', 'a b@example.org']],
    ['^\\p{Lu}\\p{L}*$', ['Élan', 'Ω'], ['élan']],
    ['^[\\u00e0-\\u00ff]+$', ['àÿ'], ['a']],
    ['^(?<year>\\d{4})\\/[^]$', ['2026/\n'], ['2026/']],
    ['^.$', ['😀'], ['ab', '\n']],
    ['a$', ['a'], ['a\n']],
  ];
  for (const [pattern, fit, unfit] of cases) {
    const regExp = new RegExp(pattern, 'u');
    const fits = (text: string) => schemas.fault({ jsonSchema: { pattern } }, messageOf(JSON.stringify(text))) === undefined;
    for (const text of [...fit, ...unfit]) assert.equal(fits(text), regExp.test(text), `${pattern} on ${JSON.stringify(text)}`);
    assert.deepEqual([fit.every(fits), unfit.some(fits)], [true, false], pattern);
  }
});

test('several patterns of one schema are each their own', () => {
  const schema = {
    jsonSchema: { properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } }, patternProperties: { '^x': { pattern: '^x$' } } },
  };
  const schemas = new Schemas();
  const place = (body: object) => schemas.fault(schema, messageOf(JSON.stringify(body)))?.path;
  assert.deepEqual(
    [place({ a: 'a', b: 'b', x: 'x' }), place({ a: 'b' }), place({ b: 'a' }), place({ xy: 'a' })],
    [undefined, '/a', '/b', '/xy'],
  );
});

test('a pattern that needs to look around or back is refused when it is declared', () => {
  for (const pattern of ['(?=a)b', '(a)\\1', '(?<!a)b', '(', 'a{1,2000}'])
    assert.throws(
      () => new Schemas().check({ jsonSchema: { properties: { a: { pattern } } } }),
      (error: unknown) => error instanceof Refused && error.code === 'invalid' && error.message.includes('does not compile'),
      pattern,
    );
});
