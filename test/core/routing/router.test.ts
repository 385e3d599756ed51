import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alsoTo, type Route, Router } from '../../../src/core/routing/routing.ts';
import type { Binding, ExchangeSpec } from '../../../src/model/declaration.ts';
import { type HeaderValue, MAIN_LINE, type Message } from '../../../src/model/message.ts';

function routerOf(...missing: string[]): Router<string> {
  return new Router((kind, name) => (missing.includes(name) ? undefined : `${kind} ${name}`));
}

function toQueue(exchange: string, name: string, rest: Partial<Binding> = {}): Binding {
  return { exchange, to: { kind: 'queue', name }, ...rest };
}

function toExchange(exchange: string, name: string, rest: Partial<Binding> = {}): Binding {
  return { exchange, to: { kind: 'exchange', name }, ...rest };
}

function exchange(name: string, type: ExchangeSpec['type'], rest: Partial<ExchangeSpec> = {}): ExchangeSpec {
  return { kind: 'exchange', name, type, ...rest };
}

function message(headers: Record<string, HeaderValue> = {}, body = '', address = 'a'): Message {
  return { exchange: 'x', address, timestampMs: 0, headers: new Map(Object.entries(headers)), body: new TextEncoder().encode(body) };
}

function certain(route: Route<string>): string[] {
  return route.targets.map(({ to, transform }) => (transform === undefined ? to : `${to} by ${transform.text}`)).sort();
}

function besides(route: Route<string>, m: Message): string[] {
  return alsoTo(route, m).map(({ to }) => to);
}

test('the built-in exchanges are there, and stay', () => {
  const router = routerOf();
  assert.deepEqual(
    router.exchanges().map(({ name, type }) => [name, type]),
    [
      [MAIN_LINE, 'topic'],
      ['amq.direct', 'direct'],
      ['amq.fanout', 'fanout'],
      ['amq.headers', 'headers'],
      ['amq.match', 'headers'],
    ],
  );
  assert.equal(router.isBuiltin('amq.direct'), true);
  assert.equal(router.declare(exchange('amq.direct', 'direct', { durable: true })), undefined, 'declared as it is');
  assert.equal(router.declare(exchange('amq.direct', 'topic'))?.refused, 'conflict');
  assert.equal(router.declare(exchange('amq.direct', 'direct', { durable: false }))?.refused, 'conflict');
  assert.equal(router.remove('amq.direct')?.refused, 'forbidden');
});

test('an exchange that is not there', () => {
  const router = routerOf();
  assert.deepEqual(router.route('nowhere', 'a'), { exists: false, targets: [], conditional: [] });
  assert.equal(router.route(MAIN_LINE, 'a').exists, true);
  assert.equal(router.remove('nowhere')?.refused, 'unknown');
  assert.equal(router.bind(toQueue('nowhere', 'q'))?.refused, 'unknown');
  assert.equal(router.unbind(toQueue('nowhere', 'q'))?.refused, 'unknown');
  assert.equal(router.bind(toExchange(MAIN_LINE, 'nowhere'))?.refused, 'unknown');
  assert.equal(router.bind(toQueue('', 'q'))?.refused, 'forbidden');
  assert.equal(router.declare(exchange('', 'direct'))?.refused, 'invalid');
});

test('declaring again is fine with the same properties, whichever way they are said', () => {
  const router = routerOf();
  const schema = { jsonSchema: { type: 'object', required: ['id'] } };
  assert.equal(router.declare(exchange('x', 'topic', { schema })), undefined);
  const again = exchange('x', 'topic', { durable: true, autoDelete: false, schema: { jsonSchema: { required: ['id'], type: 'object' } } });
  assert.equal(router.declare(again), undefined);
  for (const other of [{ autoDelete: true }, { internal: true }, { durable: false }, { alternate: 'y' }, { hashHeader: 'h' }]) {
    assert.equal(router.declare(exchange('x', 'topic', { schema, ...other }))?.refused, 'conflict', JSON.stringify(other));
  }
  assert.equal(router.declare(exchange('x', 'topic'))?.refused, 'conflict');
  assert.deepEqual(router.exchange('x'), exchange('x', 'topic', { schema }));
});

test('direct, fanout and topic take by address', () => {
  const router = routerOf();
  router.bind(toQueue('amq.direct', 'one', { pattern: 'a.b' }));
  router.bind(toQueue('amq.direct', 'none', { pattern: 'a.*' }));
  router.bind(toQueue('amq.fanout', 'all', { pattern: 'ignored' }));
  router.bind(toQueue(MAIN_LINE, 'star', { pattern: 'a.*' }));
  router.bind(toQueue(MAIN_LINE, 'hash', { pattern: '#' }));
  router.bind({ exchange: MAIN_LINE, to: { kind: 'topic', name: 'a.b' }, pattern: 'a.b' });
  assert.deepEqual(certain(router.route('amq.direct', 'a.b')), ['queue one']);
  assert.deepEqual(certain(router.route('amq.fanout', 'a.b')), ['queue all']);
  assert.deepEqual(certain(router.route(MAIN_LINE, 'a.b')), ['queue hash', 'queue star', 'topic a.b']);
  assert.deepEqual(certain(router.route(MAIN_LINE, 'a.b.c')), ['queue hash']);
});

test('one copy for a queue bound in several ways, one more for each transform', () => {
  const router = routerOf();
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: 'a.*' }));
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: '#' }));
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: 'a.#', filter: 'body' }));
  assert.deepEqual(certain(router.route(MAIN_LINE, 'a.b')), ['queue q']);
  assert.equal(router.route(MAIN_LINE, 'a.b').conditional.length, 0, 'certain already');
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: '#', transform: 'body.x' }));
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: 'a.b', transform: 'body.x' }));
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: '#', transform: 'body.y' }));
  assert.deepEqual(certain(router.route(MAIN_LINE, 'a.b')), ['queue q', 'queue q by body.x', 'queue q by body.y']);
});

test('a queue and a topic of one name are two targets', () => {
  const router = routerOf();
  router.bind(toQueue('amq.fanout', 'same'));
  router.bind({ exchange: 'amq.fanout', to: { kind: 'topic', name: 'same' } });
  assert.deepEqual(certain(router.route('amq.fanout', '')), ['queue same', 'topic same']);
});

test('headers decide message by message', () => {
  const router = routerOf();
  router.bind(
    toQueue('amq.headers', 'both', {
      headers: {
        match: 'all',
        values: new Map<string, string | number>([
          ['a', 'x'],
          ['b', 1],
        ]),
      },
    }),
  );
  router.bind(
    toQueue('amq.headers', 'either', {
      headers: {
        match: 'any',
        values: new Map<string, string | number>([
          ['a', 'x'],
          ['b', 1],
        ]),
      },
    }),
  );
  router.bind(toQueue('amq.headers', 'every'));
  const route = router.route('amq.headers', 'whatever');
  assert.deepEqual(besides(route, message({ a: 'x', b: 1 })).sort(), ['queue both', 'queue either', 'queue every']);
  assert.deepEqual(besides(route, message({ a: 'x' })).sort(), ['queue either', 'queue every']);
  assert.deepEqual(besides(route, message()), ['queue every']);
  const { test: loose } = route.conditional.find(({ target }) => target.to === 'queue either') ?? assert.fail();
  assert.equal(loose(message({ b: 1n })), true);
  assert.equal(loose(message({ b: '1' })), false);
});

test('the address does not matter to headers and fanout: one route for all addresses', () => {
  const router = routerOf();
  router.bind(toQueue('amq.fanout', 'q'));
  for (let i = 0; i < 100; i++) assert.deepEqual(certain(router.route('amq.fanout', `a${i}`)), ['queue q']);
  assert.equal(router.resolved, 1);
});

test('a consistent hash sends each address to one queue, or each value of a header', () => {
  const router = routerOf();
  router.declare(exchange('h', 'consistent-hash'));
  router.declare(exchange('by-customer', 'consistent-hash', { hashHeader: 'customer' }));
  for (let i = 0; i < 8; i++) {
    router.bind(toQueue('h', `q${i}`, { pattern: '1' }));
    router.bind(toQueue('by-customer', `q${i}`, { pattern: '1' }));
  }
  const used = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const targets = certain(router.route('h', `a${i}`));
    assert.equal(targets.length, 1);
    used.add(targets[0] ?? '');
  }
  assert.equal(used.size, 8);
  const route = router.route('by-customer', 'a');
  assert.equal(route.targets.length, 0);
  assert.equal(route.conditional.length, 8);
  const chosen = besides(route, message({ customer: 'c1' }));
  assert.equal(chosen.length, 1);
  assert.deepEqual(besides(router.route('by-customer', 'other'), message({ customer: 'c1' })), chosen);
  assert.deepEqual(besides(route, message({ customer: new TextEncoder().encode('c1') })), chosen);
  assert.equal(new Set(Array.from({ length: 100 }, (_, i) => besides(route, message({ customer: i }))[0])).size, 8);
  assert.equal(besides(route, message()).length, 1, 'without the header they stay together');
});

test('the weight of a consistent-hash binding must be one', () => {
  const router = routerOf();
  router.declare(exchange('h', 'consistent-hash'));
  for (const pattern of ['0', '-1', '1.5', 'orders', '1e3', '9999999999'])
    assert.equal(router.check(toQueue('h', 'q', { pattern }))?.refused, 'invalid', pattern);
  for (const pattern of ['1', '20', '']) assert.equal(router.check(toQueue('h', 'q', { pattern })), undefined, pattern);
  assert.equal(router.check(toQueue('h', 'q')), undefined);
});

test('exchanges lead to exchanges, in circles too', () => {
  const router = routerOf();
  for (const name of ['x', 'y', 'z']) router.declare(exchange(name, 'fanout'));
  for (const [from, to] of [
    ['x', 'y'],
    ['y', 'z'],
    ['z', 'x'],
    ['x', 'x'],
  ] as const)
    assert.equal(router.bind(toExchange(from, to)), undefined);
  router.bind(toQueue('z', 'q'));
  router.bind(toQueue('x', 'q'));
  for (const name of ['x', 'y', 'z']) assert.deepEqual(certain(router.route(name, 'a')), ['queue q']);
  assert.equal(router.remove('x'), undefined);
  assert.deepEqual(router.bindings(), [toExchange('y', 'z'), toQueue('z', 'q')]);
});

test('an alternate gets what no binding took', () => {
  const router = routerOf();
  router.declare(exchange('main', 'direct', { alternate: 'spare' }));
  router.bind(toQueue('main', 'q', { pattern: 'known' }));
  assert.deepEqual(certain(router.route('main', 'other')), []);
  router.declare(exchange('spare', 'fanout', { alternate: 'main' }));
  router.bind(toQueue('spare', 'lost'));
  assert.deepEqual(certain(router.route('main', 'known')), ['queue q']);
  assert.deepEqual(certain(router.route('main', 'other')), ['queue lost'], 'also when it was declared later');
  assert.equal(router.remove('spare'), undefined);
  assert.deepEqual(certain(router.route('main', 'other')), []);
});

test('one of several filters is enough, and two that hold make no second copy', () => {
  const router = routerOf();
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: '#', filter: 'headers.red' }));
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: 'a', filter: 'headers.large' }));
  const route = router.route(MAIN_LINE, 'a');
  assert.equal(route.conditional.length, 1);
  for (const [headers, holds] of [
    [{ red: true }, true],
    [{ large: true }, true],
    [{ red: true, large: true }, true],
    [{}, false],
  ] as const) {
    assert.equal(route.conditional[0]?.test(message(headers)), holds);
    assert.equal(alsoTo(route, message(headers)).length, holds ? 1 : 0);
  }
});

test('an alternate gets what filters and headers turned down, and only that', () => {
  const router = routerOf();
  router.declare(exchange('main', 'direct', { alternate: 'amq.fanout' }));
  router.bind(toQueue('main', 'red', { pattern: 'a', filter: "body.colour == 'red'" }));
  router.bind(toQueue('amq.fanout', 'rest'));
  const route = router.route('main', 'a');
  assert.deepEqual(besides(route, message({}, '{"colour":"red"}')), ['queue red']);
  assert.deepEqual(besides(route, message({}, '{"colour":"blue"}')), ['queue rest']);
  assert.deepEqual(besides(route, message({}, 'no JSON')), ['queue rest']);
});

test('an alternate gets nothing while one binding takes everything, whatever filters beside it say', () => {
  const router = routerOf();
  router.declare(exchange('main', 'direct', { alternate: 'amq.fanout' }));
  router.bind(toQueue('main', 'all', { pattern: 'a' }));
  router.bind(toQueue('main', 'red', { pattern: 'a', filter: 'headers.red' }));
  router.bind(toQueue('main', 'all', { pattern: 'a', filter: 'headers.red' }));
  router.bind(toQueue('amq.fanout', 'rest'));
  const route = router.route('main', 'a');
  assert.deepEqual(certain(route), ['queue all']);
  assert.deepEqual(besides(route, message({ red: true })), ['queue red']);
  assert.deepEqual(besides(route, message({ red: false })), []);
});

test('a way that was unbound is no way any more, not even a possible one', () => {
  const router = routerOf();
  router.bind(toExchange('amq.headers', 'amq.fanout'));
  router.bind(toQueue('amq.fanout', 'q'));
  assert.equal(router.route('amq.headers', 'a').conditional.length, 1);
  router.unbind(toExchange('amq.headers', 'amq.fanout'));
  assert.equal(router.route('amq.headers', 'a').conditional.length, 0);
});

test('a filter on the way to an exchange holds for all behind it', () => {
  const router = routerOf();
  router.declare(exchange('behind', 'fanout'));
  router.bind(toExchange(MAIN_LINE, 'behind', { pattern: '#', filter: 'headers.vip' }));
  router.bind(toQueue('behind', 'q'));
  router.bind({ exchange: 'behind', to: { kind: 'queue', name: 'q' }, transform: 'address' });
  const route = router.route(MAIN_LINE, 'a');
  assert.deepEqual(certain(route), []);
  assert.equal(alsoTo(route, message({ vip: true })).length, 2);
  assert.equal(alsoTo(route, message({ vip: false })).length, 0);
  for (const { test: holds } of route.conditional) assert.equal(holds(message({ vip: true })), true);
});

test('a message goes its way once, however many targets hang on it', () => {
  const router = routerOf();
  router.declare(exchange('behind', 'fanout'));
  router.bind(toExchange('amq.headers', 'behind', { headers: { match: 'all', values: new Map([['vip', true]]) } }));
  for (let i = 0; i < 10; i++) router.bind(toQueue('behind', `q${i}`));
  let looked = 0;
  const headers = new Map<string, HeaderValue>([['vip', true]]);
  const m: Message = {
    ...message(),
    get headers() {
      looked++;
      return headers;
    },
  };
  const { conditional } = router.route('amq.headers', 'a');
  assert.equal(conditional.filter(({ test: holds }) => holds(m)).length, 10);
  assert.equal(looked, 1);
});

test('a filter or transform that does not compile is refused with the place of the fault', () => {
  const router = routerOf();
  const fault = router.check(toQueue(MAIN_LINE, 'q', { pattern: '#', filter: "body.total > > '5'" }));
  assert.equal(fault?.refused, 'invalid');
  assert.match(fault?.message ?? '', /character 13/);
  assert.equal(router.bind(toQueue(MAIN_LINE, 'q', { pattern: '#', transform: '{a: ' }))?.refused, 'invalid');
  assert.deepEqual(router.bindings(), []);
});

test('a binding to an exchange cannot transform', () => {
  const router = routerOf();
  assert.equal(router.bind(toExchange(MAIN_LINE, 'amq.fanout', { transform: 'body' }))?.refused, 'unsupported');
});

test('wildcards in more than 128 words are refused; a plain address may be as long as it likes', () => {
  const router = routerOf();
  const words = (n: number): string => Array.from({ length: n }, () => 'w').join('.');
  assert.equal(router.check(toQueue(MAIN_LINE, 'q', { pattern: `${words(127)}.#` })), undefined);
  assert.equal(router.check(toQueue(MAIN_LINE, 'q', { pattern: `${words(128)}.#` }))?.refused, 'invalid');
  assert.equal(router.bind(toQueue(MAIN_LINE, 'q', { pattern: words(500) })), undefined);
  assert.deepEqual(certain(router.route(MAIN_LINE, words(500))), ['queue q']);
});

test('check says what bind would and changes nothing', () => {
  const router = routerOf('gone');
  const before = router.digest();
  assert.equal(router.check(toQueue(MAIN_LINE, 'q', { pattern: '#' })), undefined);
  assert.equal(router.check(toQueue(MAIN_LINE, 'gone', { pattern: '#' }))?.refused, 'unknown');
  assert.equal(router.digest(), before);
  assert.deepEqual(certain(router.route(MAIN_LINE, 'a')), []);
});

test('the same binding twice is one; unbinding it once is enough, and twice is fine', () => {
  const router = routerOf();
  const values = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  const bound = toQueue('amq.headers', 'q', { headers: { match: 'all', values } });
  router.bind(bound);
  router.bind(toQueue('amq.headers', 'q', { pattern: '', headers: { match: 'all', values: new Map([...values].reverse()) } }));
  assert.equal(router.bindings().length, 1);
  router.bind(toQueue('amq.headers', 'q', { headers: { match: 'any', values } }));
  assert.equal(router.bindings().length, 2);
  router.bind(
    toQueue('amq.headers', 'q', {
      headers: {
        match: 'all',
        values: new Map<string, string | number>([
          ['a', '1'],
          ['b', 2],
        ]),
      },
    }),
  );
  assert.equal(router.bindings().length, 3, 'text is no number');
  assert.equal(router.unbind(bound), undefined);
  assert.equal(router.unbind(bound), undefined);
  assert.equal(router.bindings().length, 2);
});

test('lists by source and by target', () => {
  const router = routerOf();
  const a = toQueue(MAIN_LINE, 'q', { pattern: 'a' });
  const b = toQueue('amq.fanout', 'q');
  const c = toExchange(MAIN_LINE, 'amq.fanout', { pattern: 'c' });
  for (const one of [a, b, c]) router.bind(one);
  assert.deepEqual(router.bindingsOf(MAIN_LINE), [a, c]);
  assert.deepEqual(router.bindingsTo('queue', 'q'), [a, b]);
  assert.deepEqual(router.bindingsTo('exchange', 'amq.fanout'), [c]);
  assert.deepEqual(router.bindingsTo('topic', 'q'), []);
  assert.deepEqual(router.bindingsOf('nowhere'), []);
});

test('a queue that is forgotten takes its bindings along, and what is bound afterwards is the new one', () => {
  const queues = new Map([['q', { generation: 1 }]]);
  const router = new Router((_kind, name) => queues.get(name));
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: 'a' }));
  router.bind(toQueue('amq.fanout', 'q'));
  assert.equal(router.route(MAIN_LINE, 'a').targets[0]?.to.generation, 1);
  assert.equal(router.forget('queue', 'q').length, 2);
  assert.deepEqual(router.forget('queue', 'q'), []);
  queues.set('q', { generation: 2 });
  assert.deepEqual(router.route(MAIN_LINE, 'a').targets, []);
  router.bind(toQueue(MAIN_LINE, 'q', { pattern: 'a' }));
  assert.equal(router.route(MAIN_LINE, 'a').targets[0]?.to.generation, 2);
});

test('an autoDelete exchange goes with its last binding, and those that only led to it with it', () => {
  const router = routerOf();
  router.declare(exchange('first', 'fanout', { autoDelete: true }));
  router.declare(exchange('second', 'fanout', { autoDelete: true }));
  router.declare(exchange('kept', 'fanout'));
  assert.notEqual(router.exchange('first'), undefined, 'not before it had one');
  router.bind(toExchange('first', 'second'));
  router.bind(toExchange('kept', 'second'));
  router.bind(toQueue('second', 'q'));
  router.bind(toQueue('second', 'r'));
  assert.deepEqual(router.forget('queue', 'r'), [toQueue('second', 'r')]);
  assert.notEqual(router.exchange('second'), undefined);
  assert.equal(router.forget('queue', 'q').length, 3);
  assert.equal(router.exchange('second'), undefined);
  assert.equal(router.exchange('first'), undefined);
  assert.notEqual(router.exchange('kept'), undefined);
  assert.deepEqual(router.bindings(), []);
});

test('a chain of 20,000 autoDelete exchanges falls without a deep stack', () => {
  const router = routerOf();
  const count = 20_000;
  for (let i = 0; i < count; i++) router.declare(exchange(`x${i}`, 'fanout', { autoDelete: true }));
  for (let i = 1; i < count; i++) router.bind(toExchange(`x${i - 1}`, `x${i}`));
  router.bind(toQueue(`x${count - 1}`, 'q'));
  assert.deepEqual(certain(router.route('x0', 'a')), ['queue q']);
  assert.equal(router.forget('queue', 'q').length, count);
  assert.equal(router.exchanges().length, 5);
});

test('ifUnused refuses while bindings lead from an exchange', () => {
  const router = routerOf();
  router.declare(exchange('x', 'fanout'));
  router.bind(toExchange(MAIN_LINE, 'x', { pattern: '#' }));
  router.bind(toQueue('x', 'q'));
  assert.equal(router.checkRemove('x', { ifUnused: true })?.refused, 'conflict');
  assert.equal(router.remove('x', { ifUnused: true })?.refused, 'conflict');
  router.unbind(toQueue('x', 'q'));
  assert.equal(router.remove('x', { ifUnused: true }), undefined);
  assert.deepEqual(router.bindings(), [], 'bindings to it went with it');
});

test('the digest tells routers apart by what they hold, not by how it came', () => {
  const there = routerOf();
  const back = routerOf();
  assert.equal(there.digest(), back.digest());
  const bindings = [
    toQueue(MAIN_LINE, 'q', { pattern: 'a' }),
    toQueue(MAIN_LINE, 'r', { pattern: 'a', filter: 'body' }),
    toQueue('x', 'q'),
  ];
  there.declare(exchange('x', 'fanout'));
  back.declare(exchange('x', 'fanout', { durable: true }));
  for (const one of bindings) there.bind(one);
  for (const one of bindings.reverse()) back.bind(one);
  assert.equal(there.digest(), back.digest());
  back.unbind(toQueue('x', 'q'));
  assert.notEqual(there.digest(), back.digest());
  back.bind(toQueue('amq.fanout', 'q'));
  assert.notEqual(there.digest(), back.digest(), 'the same target from another exchange');
});
