/** What each kind of schema reads of what another wrote: one table for each. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAvro } from '../../../../src/servers/kafka/registry/avro.ts';
import { parseJsonSchema } from '../../../../src/servers/kafka/registry/json-schema.ts';
import { parseProtobuf } from '../../../../src/servers/kafka/registry/protobuf.ts';
import { type Schema, SchemaFault } from '../../../../src/servers/kafka/registry/schema.ts';

type Parse = (text: string, referred: readonly []) => Schema;

/** What the reader has against the writer. */
function against(parse: Parse, reader: unknown, writer: unknown): string[] {
  const text = (schema: unknown) => (typeof schema === 'string' && parse === parseProtobuf ? schema : JSON.stringify(schema));
  return parse(text(reader), [])
    .obstacles(parse(text(writer), []))
    .map(({ errorType }) => errorType);
}

const record = (...fields: object[]) => ({ type: 'record', name: 'A', fields });
const list = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] };

test('Avro [Schema Resolution]', () => {
  for (const [reader, writer, expected] of [
    ['long', 'int', []],
    ['int', 'long', ['TYPE_MISMATCH']],
    ['double', 'float', []],
    ['string', 'bytes', []],
    [['null', 'string'], 'string', []],
    ['string', ['null', 'string'], ['TYPE_MISMATCH']],
    [['null', 'string'], ['null', 'string', 'int'], ['MISSING_UNION_BRANCH']],
    [{ type: 'array', items: 'long' }, { type: 'array', items: 'int' }, []],
    [{ type: 'map', values: 'int' }, { type: 'map', values: 'string' }, ['TYPE_MISMATCH']],
    [{ type: 'fixed', name: 'F', size: 4 }, { type: 'fixed', name: 'F', size: 5 }, ['FIXED_SIZE_MISMATCH']],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, { type: 'enum', name: 'E', symbols: ['A', 'B'] }, ['MISSING_ENUM_SYMBOLS']],
    [{ type: 'enum', name: 'E', symbols: ['A'], default: 'A' }, { type: 'enum', name: 'E', symbols: ['A', 'B'] }, []],
    [record({ name: 'x', type: 'int' }), record(), ['READER_FIELD_MISSING_DEFAULT_VALUE']],
    [record({ name: 'x', type: 'int', default: 1 }), record(), []],
    [record(), record({ name: 'x', type: 'int' }), []],
    [record({ name: 'y', type: 'int', aliases: ['x'] }), record({ name: 'x', type: 'int' }), []],
    [{ ...record(), name: 'B' }, record(), ['NAME_MISMATCH']],
    [{ ...record(), name: 'B', aliases: ['A'] }, record(), []],
    [list, list, []],
    [{ ...list, fields: [{ name: 'next', type: 'L' }] }, list, ['TYPE_MISMATCH']],
  ] as const)
    assert.deepEqual(against(parseAvro, reader, writer), expected, `${JSON.stringify(reader)} of ${JSON.stringify(writer)}`);
});

test('Avro: what is no schema is refused, and blanks and needless words do not count', () => {
  for (const wrong of [
    '',
    '{',
    '"strin"',
    '{}',
    '{"type":"record","name":"1A","fields":[]}',
    '{"type":"record","name":"A"}',
    '{"type":"record","name":"A","fields":[{"name":"x","type":"int","default":"no"}]}',
    '{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"x","type":"int"}]}',
    '{"type":"enum","name":"E","symbols":["A","A"]}',
    '["int","int"]',
    '[["int"]]',
    '{"type":"fixed","name":"F"}',
    `${'['.repeat(200)}${']'.repeat(200)}`,
  ])
    assert.throws(() => parseAvro(wrong, []), SchemaFault, wrong);
  const text = '{ "type": "record", "name": "n.A", "doc": "d", "fields": [{ "type": { "type": "string" }, "name": "x" }] }';
  assert.equal(parseAvro(text, []).text, '{"type":"record","name":"A","namespace":"n","doc":"d","fields":[{"name":"x","type":"string"}]}');
  const logical = '{"type":"long","logicalType":"timestamp-millis"}';
  assert.equal(parseAvro(logical, []).text, logical);
});

const open = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const closed = (properties: object, more: object = {}) => open(properties, { additionalProperties: false, ...more });
const int = { type: 'integer' };
const str = { type: 'string' };

test('JSON Schema', () => {
  for (const [reader, writer, expected] of [
    [{ type: 'number' }, int, []],
    [int, { type: 'number' }, ['TYPE_CHANGED']],
    [{ type: ['string', 'null'] }, str, []],
    [str, { type: ['string', 'null'] }, ['TYPE_NARROWED']],
    [{}, str, []],
    [str, {}, ['TYPE_NARROWED']],
    [{ type: 'string', maxLength: 5 }, { type: 'string', maxLength: 4 }, []],
    [{ type: 'string', maxLength: 4 }, { type: 'string', maxLength: 5 }, ['MAX_LENGTH_DECREASED']],
    [{ type: 'string', minLength: 1 }, str, ['MIN_LENGTH_ADDED']],
    [{ type: 'string', pattern: 'a' }, { type: 'string', pattern: 'b' }, ['PATTERN_CHANGED']],
    [{ enum: ['a', 'b'] }, { enum: ['a'] }, []],
    [{ enum: ['a'] }, { enum: ['a', 'b'] }, ['ENUM_ARRAY_NARROWED']],
    [open({ a: int, b: int }), open({ a: int }), ['PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL']],
    [closed({ a: int, b: int }), closed({ a: int }), []],
    [closed({ a: int, b: int }, { required: ['b'] }), closed({ a: int }), ['REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL']],
    [closed({ a: int, b: { ...int, default: 1 } }, { required: ['b'] }), closed({ a: int }), []],
    [closed({ a: int }), closed({ a: int, b: int }), ['PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL']],
    [open({ a: int }), open({ a: int, b: int }), []],
    [open({ a: int }, { required: ['a'] }), open({ a: int }), ['REQUIRED_ATTRIBUTE_ADDED']],
    [closed({ a: int }), open({ a: int }), ['ADDITIONAL_PROPERTIES_REMOVED']],
    [open({ a: int }), closed({ a: int }), []],
    [open({ a: int }, { patternProperties: { '^b': int }, additionalProperties: false }), closed({ a: int, b1: int }), []],
    [{ type: 'array', items: { type: 'number' } }, { type: 'array', items: int }, []],
    [{ type: 'array', items: str }, { type: 'array', items: int }, ['TYPE_CHANGED']],
    [{ oneOf: [int, str] }, { oneOf: [int] }, []],
    [{ oneOf: [int] }, { oneOf: [int, str] }, ['SUM_TYPE_NARROWED']],
    [{ oneOf: [int, str] }, int, []],
    [{ anyOf: [str] }, int, ['COMBINED_TYPE_CHANGED']],
    [{ allOf: [str] }, { allOf: [str, { maxLength: 3 }] }, []],
    [{ allOf: [str, { maxLength: 3 }] }, { allOf: [str] }, ['PRODUCT_TYPE_EXTENDED']],
    [open({ a: { $ref: '#/definitions/i' } }, { definitions: { i: int } }), open({ a: int }), []],
    [open({ a: { $ref: '#/definitions/i' } }, { definitions: { i: str } }), open({ a: int }), ['TYPE_CHANGED']],
    [open({ n: { $ref: '#' } }), open({ n: { $ref: '#' } }), []],
  ] as const)
    assert.deepEqual(against(parseJsonSchema, reader, writer), expected, `${JSON.stringify(reader)} of ${JSON.stringify(writer)}`);
  for (const wrong of [
    '',
    '"a"',
    '{"type":"strange"}',
    '{"properties":[]}',
    '{"$ref":"#/definitions/no"}',
    '{"items":3}',
    '{"required":3}',
  ])
    assert.throws(() => parseJsonSchema(wrong, []), SchemaFault, wrong);
});

const proto = (fields: string, more = '') => `syntax = "proto3"; package p; message M { ${fields} } ${more}`;

test('Protobuf', () => {
  for (const [reader, writer, expected] of [
    [proto('int64 a = 1;'), proto('int32 a = 1;'), []],
    [proto('int32 b = 1; /* renamed */'), proto('int32 a = 1;'), []],
    [proto('string a = 1;'), proto('int32 a = 1;'), ['FIELD_SCALAR_KIND_CHANGED']],
    [proto('int32 a = 1; string b = 2;'), proto('int32 a = 1;'), []],
    [proto(''), proto('int32 a = 1;'), []],
    [proto('repeated int32 a = 1;'), proto('int32 a = 1;'), ['FIELD_NUMERIC_LABEL_CHANGED']],
    [proto('repeated string a = 1;'), proto('string a = 1;'), []],
    [proto('int32 a = 1;'), proto('int32 a = 1;', 'message N {}'), ['MESSAGE_REMOVED']],
    [proto('E a = 1;', 'enum E { X = 0; }'), proto('int32 a = 1;'), []],
    [proto('N a = 1;', 'message N {}'), proto('int32 a = 1;'), ['FIELD_KIND_CHANGED']],
    [proto('O a = 1;', 'message N {} message O {}'), proto('N a = 1;', 'message N {}'), ['FIELD_NAMED_TYPE_CHANGED']],
    [proto('oneof o { int32 a = 1; }'), proto('int32 a = 1;'), []],
    [proto('oneof o { int32 a = 1; int32 b = 2; }'), proto('int32 a = 1; int32 b = 2;'), ['MULTIPLE_FIELDS_MOVED_TO_ONEOF']],
    [proto('oneof o { int32 a = 1; }'), proto('oneof o { int32 a = 1; int32 b = 2; }'), ['ONEOF_FIELD_REMOVED']],
    ['message M { required int32 a = 1; }', 'message M { }', ['REQUIRED_FIELD_ADDED']],
    [proto('map<string, int64> a = 1;'), proto('map<string, int32> a = 1;'), []],
  ] as const)
    assert.deepEqual(against(parseProtobuf, reader, writer), expected, `${reader} of ${writer}`);
  const whole = `syntax = "proto3";
    import "google/protobuf/timestamp.proto";
    option java_package = "x";
    message A { reserved 2, 4 to 6; message B { string c = 1 [deprecated = true, (o) = { a: 1 }]; } B b = 1; google.protobuf.Timestamp t = 3; }
    service S { rpc Do (A) returns (stream A) { option (x) = {}; } }`;
  assert.equal(parseProtobuf(whole, []).text, whole);
  assert.equal(parseProtobuf(whole, []).canonical, parseProtobuf(whole.replaceAll('\n', '  /* x */ '), []).canonical);
  for (const wrong of [
    '',
    'message',
    'message M { int32 a = 0; }',
    'message M { N a = 1; }',
    'message M { int32 a = 1; int32 b = 1; }',
    '%',
    'syntax = "proto9"; message M {}',
    'import "o.proto"; message M {}',
  ])
    assert.throws(() => parseProtobuf(wrong, []), SchemaFault, wrong);
});
