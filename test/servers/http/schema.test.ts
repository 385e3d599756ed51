import assert from 'node:assert/strict';
import { test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { Refused } from '../../../src/model/refusal.ts';
import { checkSchema, type Schema } from '../../../src/servers/http/schema.ts';
import { BINDING, CURSORS, EXCHANGE_SPEC, QUEUE_SPEC, RECEIPTS, TOPIC_SPEC, USER_SPEC } from '../../../src/servers/http/specs.ts';

function passes(schema: Schema, value: unknown): boolean {
  try {
    checkSchema(schema, value, 'It');
    return true;
  } catch {
    return false;
  }
}

/** Values that come near what the schema wants, so that both answers are seen often. */
function near(schema: Schema): fc.Arbitrary<unknown> {
  const odd = fc.constantFrom<unknown>(null, 0, -1, 1.5, '', 'x', true, [], {}, 2 ** 53, 'x'.repeat(300));
  if (schema.anyOf !== undefined) return fc.oneof(odd, ...schema.anyOf.map(near));
  if (schema.enum !== undefined) return fc.oneof(odd, fc.constantFrom(...schema.enum));
  switch (schema.type) {
    case 'object': {
      const members = Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, of]) => [name, fc.oneof({ weight: 9, arbitrary: near(of) }, odd)]),
      );
      return fc.oneof(
        { weight: 9, arbitrary: fc.record(members, { requiredKeys: [] }) },
        fc.record({ ...members, extra: fc.boolean() }),
        odd,
      );
    }
    case 'array':
      return fc.oneof(fc.array(near(schema.items ?? {}), { maxLength: 3 }), odd);
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: -1, max: 300 }), fc.double({ min: -0.5, max: 2, noNaN: true }), odd);
    case 'boolean':
      return fc.oneof(fc.boolean(), odd);
    default:
      return fc.oneof(fc.string(), odd);
  }
}

test('agrees with a full JSON Schema validator on everything the door checks', () => {
  const ajv = new Ajv.default({ strict: false });
  for (const schema of [TOPIC_SPEC, QUEUE_SPEC, EXCHANGE_SPEC, USER_SPEC, BINDING, RECEIPTS, CURSORS]) {
    const validate = ajv.compile(schema as object);
    fc.assert(
      fc.property(near(schema), (value) => assert.equal(passes(schema, value), validate(value), JSON.stringify(value))),
      { numRuns: 300 },
    );
  }
});

test('says where the fault is, and what to give', () => {
  const fault = (schema: Schema, value: unknown, path: string, words: RegExp): void =>
    assert.throws(
      () => checkSchema(schema, value, 'The body'),
      (error: Refused) => error.code === 'invalid' && error.path === path && words.test(error.message),
    );
  fault(QUEUE_SPEC, { retry: { attempts: 'x' } }, '/retry/attempts', /at \/retry\/attempts is "x"; give a whole number/);
  fault(QUEUE_SPEC, { leaseMs: -1 }, '/leaseMs', /from 0 to/);
  fault(RECEIPTS, { receipts: ['a', 1] }, '/receipts/1', /give a string/);
  fault({ type: 'object', additionalProperties: { type: 'string' } }, { 'a/b~c': 1 }, '/a~1b~0c', /string/);
  fault(EXCHANGE_SPEC, {}, '', /no "type"/);
});
