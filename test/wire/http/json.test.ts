import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Refused } from '../../../src/model/refusal.ts';
import { findJsonFault, JSON_DEPTH_MAX, memberBytes, parseJson, spansOf } from '../../../src/wire/http/json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const fault = (text: string): number => findJsonFault(bytes(text), 0, bytes(text).length);

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('what JSON.parse takes passes, and nothing else', () => {
  const texts = ['{}', '[]', ' [ ] ', '{"a":1}', '"\\u00e4"', '-0', '1e5', '1E+5', '0.1', 'true', 'null', '[1,[2,{"a":[]}]]', '"é😀"'];
  const broken = ['', ' ', '{', '[', '[1,]', '{"a"}', '{"a":}', '{a:1}', '01', '1.', '.5', '1e', '+1', '-', '"\n"', '"\\x"', '"\\u12"'];
  const more = [
    'tru',
    'truex',
    'nulll',
    '[1 2]',
    '{"a":1,}',
    '{,}',
    '1 2',
    ']',
    '}',
    '"',
    '"\\',
    '{"a" 1}',
    '[}',
    '{]',
    "'a'",
    'NaN',
    '\u00a01',
  ];
  for (const text of texts) assert.equal(fault(text), -1, text);
  for (const text of [...broken, ...more]) assert.notEqual(fault(text), -1, text);
});

test('agrees with JSON.parse on any JSON and on what is left of it after damage', () => {
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 5 }),
      fc.nat(),
      fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '\\', '0', '-', 'e', '.', ' '),
      (json, at, put) => {
        assert.equal(fault(json), -1);
        const cut = at % (json.length + 1);
        const damaged = json.slice(0, cut) + put + json.slice(cut + 1);
        assert.equal(fault(damaged) === -1, parses(damaged), damaged);
      },
    ),
    { numRuns: 2000 },
  );
});

test('looks only between its bounds', () => {
  const text = bytes('x[1,2]y');
  assert.equal(findJsonFault(text, 1, 6), -1);
  assert.equal(findJsonFault(text, 1, 5), 5);
  assert.equal(findJsonFault(text, 1, 7), 6);
});

test('nesting ends at the limit, however it is nested, and costs no stack', () => {
  assert.equal(fault('['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX)), -1);
  assert.equal(fault('['.repeat(JSON_DEPTH_MAX + 1) + ']'.repeat(JSON_DEPTH_MAX + 1)), JSON_DEPTH_MAX);
  assert.equal(fault(`${'{"a":'.repeat(JSON_DEPTH_MAX)}1${'}'.repeat(JSON_DEPTH_MAX)}`), -1);
  assert.notEqual(fault(`${'{"a":'.repeat(JSON_DEPTH_MAX + 1)}1${'}'.repeat(JSON_DEPTH_MAX + 1)}`), -1);
  assert.equal(fault('['.repeat(1_000_000)), JSON_DEPTH_MAX);
});

test('parsing names what it read and where it broke', () => {
  assert.deepEqual(parseJson(bytes('{"__proto__":1}'), 'It'), JSON.parse('{"__proto__":1}'));
  assert.throws(
    () => parseJson(bytes('{"a":x}'), 'This body'),
    (e: Refused) => e.code === 'invalid' && /This body.*byte 5/.test(e.message),
  );
  assert.throws(
    () => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'This body'),
    (e: Refused) => e.code === 'invalid' && /UTF-8/.test(e.message),
  );
  assert.throws(() => parseJson(bytes(''), 'This body'), /empty/);
});

test('members and elements are found as they were written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.constantFrom(undefined, 1, '\t'), (object, indent) => {
      const text = bytes(JSON.stringify(object, null, indent));
      for (const [name, value] of Object.entries(object)) {
        const found = memberBytes(text, name);
        assert.ok(found !== undefined);
        assert.deepEqual(JSON.parse(new TextDecoder().decode(found)), JSON.parse(JSON.stringify(value)));
      }
    }),
  );
  const exact = bytes('{"a" : 1 , "n":12345678901234567890.10, "s":"}\\"],"}');
  assert.equal(new TextDecoder().decode(memberBytes(exact, 'n')), '12345678901234567890.10');
  assert.equal(new TextDecoder().decode(memberBytes(exact, 's')), '"}\\"],"');
  assert.equal(memberBytes(exact, 'b'), undefined);
  assert.equal(new TextDecoder().decode(memberBytes(bytes('{"a":1,"\\u0061":2}'), 'a')), '2', 'the last of two, as JSON.parse has it');
  assert.deepEqual(spansOf(bytes('[1, "a" ,{}]'), 0, 12), [1, 2, 4, 7, 9, 11]);
  assert.deepEqual(spansOf(bytes('7'), 0, 1), []);
});
