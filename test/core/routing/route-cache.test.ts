import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Router } from '../../../src/core/routing/routing.ts';
import { MAIN_LINE } from '../../../src/model/message.ts';

function routerOf(): Router<string> {
  return new Router((_kind, name) => name);
}

function bind(router: Router<string>, exchange: string, queue: string, pattern: string): void {
  assert.equal(router.bind({ exchange, to: { kind: 'queue', name: queue }, pattern }), undefined);
}

/** How many routes are worked out anew when these are asked for. */
function anew(router: Router<string>, exchange: string, addresses: readonly string[]): number {
  const before = router.resolved;
  for (const address of addresses) router.route(exchange, address);
  return router.resolved - before;
}

const ADDRESSES = Array.from({ length: 100 }, (_, i) => `orders.${i}.created`);

test('a route is worked out once', () => {
  const router = routerOf();
  bind(router, MAIN_LINE, 'q', 'orders.#');
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 100);
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 0);
  assert.equal(router.route(MAIN_LINE, 'orders.1.created'), router.route(MAIN_LINE, 'orders.1.created'));
});

test('a binding drops the routes of the addresses it takes, and no other', () => {
  const router = routerOf();
  bind(router, MAIN_LINE, 'q', 'orders.#');
  router.route(MAIN_LINE, 'orders.1.created');
  anew(router, MAIN_LINE, ADDRESSES);
  bind(router, MAIN_LINE, 'other', 'payments.#');
  bind(router, 'amq.direct', 'other', 'orders.1.created');
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 0);
  bind(router, MAIN_LINE, 'exact', 'orders.7.created');
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 1);
  bind(router, MAIN_LINE, 'some', 'orders.*.created');
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 100);
  router.unbind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'exact' }, pattern: 'orders.7.created' });
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 1);
  router.forget('queue', 'other');
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 0);
});

test('binding the same again drops nothing', () => {
  const router = routerOf();
  bind(router, MAIN_LINE, 'q', '#');
  anew(router, MAIN_LINE, ADDRESSES);
  bind(router, MAIN_LINE, 'q', '#');
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 0);
});

test('routes hang on the exchanges they pass, near and far', () => {
  const router = routerOf();
  router.declare({ kind: 'exchange', name: 'near', type: 'topic' });
  router.declare({ kind: 'exchange', name: 'far', type: 'direct' });
  router.bind({ exchange: 'near', to: { kind: 'exchange', name: 'far' }, pattern: 'orders.#' });
  assert.equal(anew(router, 'near', [...ADDRESSES, 'else']), 101);
  bind(router, 'far', 'q', 'orders.3.created');
  assert.equal(anew(router, 'near', [...ADDRESSES, 'else']), 1);
  assert.deepEqual(
    router.route('near', 'orders.3.created').targets.map(({ to }) => to),
    ['q'],
  );
  bind(router, 'far', 'q', 'else');
  assert.equal(anew(router, 'near', [...ADDRESSES, 'else']), 0, 'else does not pass far');
});

test('a new exchange drops the routes that were waiting for it as an alternate, and no other', () => {
  const router = routerOf();
  router.declare({ kind: 'exchange', name: 'x', type: 'direct', alternate: 'later' });
  bind(router, 'x', 'q', 'a');
  anew(router, 'x', ['a', 'b']);
  anew(router, MAIN_LINE, ADDRESSES);
  router.declare({ kind: 'exchange', name: 'unrelated', type: 'direct' });
  assert.equal(anew(router, 'x', ['a', 'b']) + anew(router, MAIN_LINE, ADDRESSES), 0);
  router.declare({ kind: 'exchange', name: 'later', type: 'fanout' });
  bind(router, 'later', 'lost', '');
  assert.deepEqual(
    router.route('x', 'b').targets.map(({ to }) => to),
    ['lost'],
  );
  assert.equal(anew(router, MAIN_LINE, ADDRESSES), 0);
});

test('a route not asked for during many changes is right when it is asked for again', () => {
  const router = routerOf();
  for (const changes of [1, 63, 64, 65, 200, 3000]) {
    router.route(MAIN_LINE, 'orders');
    for (let i = 0; i < changes; i++) {
      bind(router, MAIN_LINE, `q${changes}`, i === 0 ? '*' : `unrelated.${i}.*`);
    }
    assert.ok(
      router.route(MAIN_LINE, 'orders').targets.some(({ to }) => to === `q${changes}`),
      `after ${changes} changes`,
    );
  }
});

test('what is asked for all the time outlives everything else that is asked for', () => {
  const router = routerOf();
  bind(router, MAIN_LINE, 'q', '#');
  router.route(MAIN_LINE, 'hot');
  for (let i = 0; i < 80_000; i++) {
    router.route(MAIN_LINE, `cold.${i}`);
    if (i % 100 === 0) router.route(MAIN_LINE, 'hot');
  }
  assert.equal(anew(router, MAIN_LINE, ['hot']), 0);
  assert.equal(anew(router, MAIN_LINE, ['cold.0']), 1, 'the cache is bounded');
  assert.equal(anew(router, MAIN_LINE, ['cold.79999']), 0);
});

/** Asks for so many addresses that what was young is old. */
function turn(router: Router<string>, name: string): void {
  for (let i = 0; i < 32_769; i++) router.route(MAIN_LINE, `${name}.${i}`);
}

test('an old route is still there, and still looked at', () => {
  const router = routerOf();
  bind(router, MAIN_LINE, 'q', 'early.*');
  anew(router, MAIN_LINE, ['early.1', 'early.2']);
  turn(router, 'first');
  bind(router, MAIN_LINE, 'r', 'early.2');
  assert.equal(anew(router, MAIN_LINE, ['early.1']), 0);
  assert.deepEqual(
    router.route(MAIN_LINE, 'early.2').targets.map(({ to }) => to),
    ['r', 'q'],
  );
  turn(router, 'second');
  turn(router, 'third');
  assert.equal(anew(router, MAIN_LINE, ['early.1']), 1, 'not asked for in two turns');
});

test('an exchange that begins to mind the address keeps routes by address from then on', () => {
  const router = routerOf();
  bind(router, 'amq.fanout', 'q', '');
  assert.equal(anew(router, 'amq.fanout', ['a', 'b']), 1);
  router.bind({ exchange: 'amq.fanout', to: { kind: 'exchange', name: 'amq.direct' } });
  bind(router, 'amq.direct', 'only-b', 'b');
  assert.equal(anew(router, 'amq.fanout', ['a', 'b', 'a', 'b']), 2);
  assert.equal(router.route('amq.fanout', 'b').targets.length, 2);
});

test('wide routes count for more: fewer of them are kept', () => {
  const router = routerOf();
  for (let i = 0; i < 1600; i++) bind(router, MAIN_LINE, `q${i}`, '#');
  const addresses = Array.from({ length: 1000 }, (_, i) => `a${i}`);
  anew(router, MAIN_LINE, addresses);
  assert.equal(anew(router, MAIN_LINE, ['a0']), 1);
  assert.equal(anew(router, MAIN_LINE, ['a999']), 0);
});

test('a removed queue is let go of, also by routes nobody asks for any more', async () => {
  const queues = new Map<string, object>([['q', {}]]);
  const router = new Router((_kind, name) => queues.get(name));
  router.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: '#' });
  router.bind({ exchange: 'amq.fanout', to: { kind: 'queue', name: 'q' } });
  for (let i = 0; i < 100; i++) router.route(MAIN_LINE, `a.${i}`);
  router.route('amq.fanout', 'a');
  const gone = new WeakRef(queues.get('q') ?? assert.fail());
  router.forget('queue', 'q');
  queues.set('q', {});
  // Changes elsewhere turn the generations.
  for (let i = 0; i < 2200; i++) {
    router.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: `b.${i}` });
  }
  await letGo(gone);
  assert.equal(gone.deref(), undefined);
});

/** Waits, a few collections at most, until nothing holds it. */
async function letGo(ref: WeakRef<object>): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 10 && ref.deref() !== undefined; i++) {
    await new Promise((done) => setImmediate(done));
    collect();
  }
}
