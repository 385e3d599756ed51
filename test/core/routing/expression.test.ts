import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTransform, compileExpression, type Expression } from '../../../src/core/routing/routing.ts';
import type { HeaderValue, Message } from '../../../src/model/message.ts';
import { isRefusal } from '../../../src/model/refusal.ts';

const utf8 = new TextEncoder();

function compiled(text: string): Expression {
  const expression = compileExpression(text);
  if (isRefusal(expression)) assert.fail(expression.message);
  return expression;
}

function fault(text: string): string {
  const expression = compileExpression(text);
  return isRefusal(expression) ? `${expression.refused}: ${expression.message}` : assert.fail(`${text} compiles`);
}

function message(rest: Partial<Message> | string): Message {
  const body = typeof rest === 'string' ? rest : '';
  const base = { exchange: 'x', address: 'orders.created', timestampMs: 0, headers: new Map(), body: utf8.encode(body) };
  return typeof rest === 'string' ? base : { ...base, ...rest };
}

function result(text: string, m: Message): unknown {
  const bytes = applyTransform(compiled(text), m);
  return bytes instanceof Uint8Array ? (JSON.parse(new TextDecoder().decode(bytes)) as unknown) : bytes.message;
}

function headers(values: Record<string, HeaderValue>): Partial<Message> {
  return { headers: new Map(Object.entries(values)) };
}

test('every part of a message has its name; what is absent is null', () => {
  const key = utf8.encode('k1');
  const full = message({
    key,
    id: 'i',
    type: 't',
    source: 's',
    subject: 'u',
    contentType: 'c',
    headers: new Map([['h', 1]]),
    body: utf8.encode('{"b":2}'),
  });
  assert.deepEqual(result('@', full), {
    exchange: 'x',
    address: 'orders.created',
    key: 'k1',
    id: 'i',
    type: 't',
    source: 's',
    subject: 'u',
    contentType: 'c',
    headers: { h: 1 },
    body: { b: 2 },
  });
  assert.deepEqual(result('[key, id, type, source, subject, contentType, headers, body, nothing]', message('')), [
    null,
    null,
    null,
    null,
    null,
    null,
    {},
    '',
    null,
  ]);
  assert.equal(result('key', message({ key: new Uint8Array([0xff, 0xfe]) })), null, 'no text');
});

test('the body is JSON where it parses, else text, else null', () => {
  assert.equal(result('body.a', message('{"a":1}')), 1);
  assert.equal(result('body', message('17')), 17);
  assert.equal(result('body', message('\ufeff17')), 17);
  assert.equal(result('body', message('{"a":')), '{"a":');
  assert.equal(result('body', message('plain text')), 'plain text');
  assert.equal(result('body', message({ contentType: 'application/json', body: utf8.encode('{') })), '{');
  assert.equal(result('body', message({ body: new Uint8Array([0xff]) })), null);
});

test('headers of every kind can be read', () => {
  const nested = new Map<string, HeaderValue>([['list', [1n, 'x']]]);
  const m = message(headers({ small: 5n, large: 2n ** 63n, bytes: utf8.encode('é'), raw: new Uint8Array([0xff]), nested, none: null }));
  assert.deepEqual(result('headers', m), {
    small: 5,
    large: '9223372036854775808',
    bytes: 'é',
    raw: null,
    nested: { list: [1, 'x'] },
    none: null,
  });
});

test('a filter takes what is truthy, as JMESPath has it', () => {
  for (const [body, expected] of [
    ['null', false],
    ['false', false],
    ['""', false],
    ['[]', false],
    ['{}', false],
    ['0', true],
    ['"0"', true],
    ['[0]', true],
    ['{"a":null}', true],
    ['true', true],
  ] as const) {
    assert.equal(compiled('body').test(message(body)), expected, body);
  }
  assert.equal(
    compiled("body.total > `100` && headers.region == 'eu'").test(
      message({ ...headers({ region: 'eu' }), body: utf8.encode('{"total":101}') }),
    ),
    true,
  );
  assert.equal(compiled('body.total > `100`').test(message('{"total":"101"}')), false, 'text has no order');
});

test('what cannot be evaluated: the filter says no, the transform says why', () => {
  const m = message('{"a":"text"}');
  assert.equal(compiled('abs(body.a) == `1` || `true`').test(m), false);
  const refusal = applyTransform(compiled('abs(body.a)'), m);
  assert.equal(isRefusal(refusal) && refusal.refused, 'invalid');
  assert.match(
    String(result('abs(body.a)', m)),
    /"abs\(body\.a\)" cannot be evaluated for this message: a function needs a number and gets string/,
  );
  assert.match(String(result('body.a + `1`', m)), /no number/);
  assert.match(String(result('`1` / `0`', m)), /divides by zero/);
});

test('inherited members are no fields, and strange names are', () => {
  const m = message('{"__proto__":{"x":1},"expref":true}');
  for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
    assert.equal(compiled(`body.${name}`).test(m), false, name);
    assert.equal(compiled(`headers.${name}`).test(m), false, name);
    assert.equal(compiled(name).test(m), false, name);
  }
  assert.equal(result('body.__proto__.x', m), 1);
  assert.equal(result('{"__proto__": `5`}.x', m), null);
  assert.deepEqual(result('keys({"__proto__": `5`})', m), ['__proto__']);
  assert.equal(result('type(body)', m), 'object', 'data is no expression');
  assert.match(String(result('map(body, `[1]`)', m)), /needs an &expression/);
});

test('faults are refused with their place', () => {
  for (const [text, at, why] of [
    ['', 0, /too early/],
    ['a[', 2, /too early/],
    ['(((', 3, /too early/],
    ['a.b[?c ==]', 9, /cannot stand here/],
    ['foo bar', 4, /cannot stand here/],
    ['sort_by(@, &)', 12, /cannot stand here/],
    ['a && )', 5, /cannot stand here/],
    ['x."a', 2, /never closed/],
    ["a == 'b", 5, /never closed/],
    ["'a\\'", 0, /never closed/],
    ['a == `b`', 5, /no valid JSON/],
    ['a == `1', 5, /never closed/],
    ['a ~ b', 2, /means nothing/],
    ['a = b', 2, /to compare, write ==/],
    ['&a', 0, /before an argument/],
    ["a || nope('nope', b)", 5, /no function nope/],
    ['a || length(b, c)', 5, /takes 1 argument and gets 2/],
    ['find_first(a)', 0, /takes 2 to 4 arguments and gets 1/],
    ['merge()', 0, /takes at least 1 arguments and gets 0/],
    ['constructor(a)', 0, /no function/],
    ['a + $x', 4, /no variable \$x/],
    ['a[::0]', 0, /step/],
    ['let $x = `1` in $xy', 16, /no variable \$xy/],
  ] as const) {
    const refusal = fault(text);
    assert.match(refusal, /^invalid: /);
    assert.match(refusal, why, text);
    assert.match(refusal, new RegExp(`fault at character ${at}:`), text);
  }
});

test('long and deep expressions are refused, not crashed on', () => {
  assert.match(fault('a'.repeat(4097)), /too long/);
  assert.equal(isRefusal(compileExpression('a'.repeat(4096))), false);
  for (const text of [
    '('.repeat(4096),
    '!'.repeat(4095),
    '['.repeat(4096),
    `${'a||'.repeat(1300)}a`,
    `${'a.'.repeat(500)}a`,
    `a${'[*]'.repeat(1300)}`,
  ]) {
    assert.match(fault(text), /deep/, text.slice(0, 5));
  }
  assert.equal(compiled(`${'('.repeat(1500)}body${')'.repeat(1500)}`).test(message('1')), true, 'parentheses alone are not depth');
});

test('expressions that multiply their data stop at the limit', () => {
  const list = message('[1,2]');
  const bombs = [
    `body${' | [@, @]'.repeat(100)}`,
    `body${' | [@, @][]'.repeat(100)}`,
    `body${' | [@, @]'.repeat(100)} | to_string(@)`,
    `[body${' | [@, @]'.repeat(100)}, body${' | [@, @]'.repeat(100)}] | @[0] == @[1]`,
    `'x'${" | join('', [@, @])".repeat(100)}`,
    `'xyz'${" | replace(@, '', @)".repeat(100)}`,
    `'x'${" | replace('aa', 'a', @)".repeat(100)}`,
    "pad_left('x', `1000000000`)",
    `[[@,@,@,@,@,@,@,@],[@,@,@,@,@,@,@,@]][] ${'| map(&[@,@,@,@,@,@,@,@], @)[]'.repeat(60)}`,
    `\`[${'1,'.repeat(900)}1]\`${' | [@,@,@,@][]'.repeat(20)} | sort(@)`,
  ];
  for (const text of bombs) assert.match(String(result(text, list)), /takes more than 1000000 steps/, text.slice(0, 60));
});

test('lists of lists stop at the limit before they are laid flat', () => {
  const long = message(JSON.stringify(Array.from({ length: 100_000 }, () => 0)));
  assert.match(String(result('let $l = body in map(&$l, $l)[]', long)), /takes more than 1000000 steps/);
});

test('bodies that want to be expensive are not', () => {
  const spaces = message(JSON.stringify(`${' '.repeat(200_000)}x`));
  assert.equal(result('trim(body)', spaces), 'x');
  assert.equal(result('trim_right(body) | length(@)', spaces), 200_001);
  const deep = message(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  assert.equal(result('type(body)', deep), 'array');
  assert.match(String(result('body', deep)), /nested deeper/);
  assert.match(String(result('body == body[0]', deep)), /nested deeper/);
  const long = message(JSON.stringify(Array.from({ length: 100_000 }, (_, i) => i)));
  assert.equal(result('max(body)', long), 99_999);
  assert.equal(result('body[?@ > `99998`] | [0]', long), 99_999);
});

test('a view of a message is made once', () => {
  let read = 0;
  const bytes = utf8.encode('{"a":1}');
  const m = {
    ...message(''),
    get body() {
      read++;
      return bytes;
    },
  };
  for (const text of ['body.a', 'body.b', 'body', 'address']) compiled(text).test(m);
  assert.equal(read, 1);
});
