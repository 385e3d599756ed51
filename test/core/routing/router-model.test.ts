import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alsoTo, Router } from '../../../src/core/routing/routing.ts';
import type { Binding, ExchangeSpec } from '../../../src/model/declaration.ts';
import type { HeaderValue, Message } from '../../../src/model/message.ts';
import { NaiveRouter, sameBinding } from './naive-router.ts';

interface Place {
  readonly name: string;
}

type Step =
  | { readonly do: 'declare'; readonly spec: ExchangeSpec }
  | { readonly do: 'remove'; readonly name: string }
  | { readonly do: 'bind'; readonly binding: Binding }
  | { readonly do: 'unbind'; readonly index: number }
  | { readonly do: 'forget'; readonly kind: 'queue' | 'topic'; readonly name: string }
  | { readonly do: 'route'; readonly exchange: string; readonly message: Message };

const exchange = fc.constantFrom('x0', 'x0', 'x1', 'x1', 'x2', 'amq.topic', 'amq.fanout', 'amq.headers');
const own = fc.constantFrom('x0', 'x1', 'x2');
const word = fc.constantFrom('a', 'b');
const address = fc.array(word, { maxLength: 3 }).map((w) => w.join('.'));
// Few exchanges, addresses and queues, so that bindings meet.
const pattern = fc.oneof(
  fc.constantFrom('#', 'a'),
  fc.array(fc.oneof(word, fc.constantFrom('*', '#')), { maxLength: 3 }).map((w) => w.join('.')),
);
const value = fc.constantFrom('u', 'v');
const values = fc.array(fc.tuple(word, value), { maxLength: 2 }).map((pairs) => new Map<string, string>(pairs));

const spec: fc.Arbitrary<ExchangeSpec> = fc
  .record({
    name: own,
    type: fc.constantFrom('direct', 'topic', 'topic', 'fanout', 'headers', 'consistent-hash'),
    autoDelete: fc.constantFrom(false, false, true),
    alternate: fc.option(fc.constantFrom('x0', 'x1', 'x2', 'amq.fanout', 'nowhere'), { nil: undefined }),
    hashHeader: fc.constantFrom(undefined, 'a'),
  })
  .map(({ alternate, hashHeader, ...rest }) => ({
    kind: 'exchange',
    ...rest,
    ...(alternate === undefined ? {} : { alternate }),
    ...(hashHeader === undefined ? {} : { hashHeader }),
  }));

const binding: fc.Arbitrary<Binding> = fc
  .record({
    exchange,
    to: fc.oneof(
      fc.record({ kind: fc.constant('queue' as const), name: fc.constantFrom('q0', 'q1', 'q2') }),
      fc.record({ kind: fc.constant('topic' as const), name: fc.constantFrom('t0') }),
      fc.record({ kind: fc.constant('exchange' as const), name: exchange }),
    ),
    pattern,
    headers: fc.option(fc.record({ match: fc.constantFrom('all' as const, 'any' as const), values }), { nil: undefined }),
    filter: fc.option(fc.constantFrom("headers.a == 'u'", "headers.b == 'v'"), { nil: undefined, freq: 2 }),
    transform: fc.option(fc.constantFrom('body', 'address'), { nil: undefined, freq: 3 }),
  })
  .map(({ headers, filter, transform, ...rest }) => ({
    ...rest,
    ...(headers === undefined ? {} : { headers }),
    ...(filter === undefined ? {} : { filter }),
    ...(transform === undefined || rest.to.kind === 'exchange' ? {} : { transform }),
  }));

const message: fc.Arbitrary<Message> = fc.record({
  exchange: fc.constant('x0'),
  address,
  timestampMs: fc.constant(0),
  headers: values.map((map) => map as ReadonlyMap<string, HeaderValue>),
  body: fc.constant(new TextEncoder().encode('{}')),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('declare' as const), spec }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name: exchange }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('bind' as const), binding }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unbind' as const), index: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('forget' as const), kind: fc.constant('queue' as const), name: fc.constantFrom('q0', 'q1') }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('route' as const), exchange, message }) },
);

class World {
  places = new Map<string, Place>();
  router: Router<Place>;
  naive: NaiveRouter;

  constructor() {
    this.router = new Router((kind, name) => this.place(kind, name));
    this.naive = new NaiveRouter(this.router.exchanges());
  }

  /** One object per queue or topic; a removed one that is declared again is another. */
  place(kind: string, name: string): Place {
    const key = `${kind} ${name}`;
    let place = this.places.get(key);
    if (place === undefined) {
      place = { name: key };
      this.places.set(key, place);
    }
    return place;
  }

  run(step: Step): void {
    switch (step.do) {
      case 'declare': {
        const known = this.naive.has(step.spec.name);
        const refused = this.router.checkDeclare(step.spec);
        assert.deepEqual(this.router.declare(step.spec), refused);
        if (!known) {
          assert.equal(refused, undefined);
          this.naive.exchanges = [...this.naive.exchanges, step.spec];
        }
        return;
      }
      case 'remove': {
        const removable = this.naive.has(step.name) && !step.name.startsWith('amq.');
        assert.equal(this.router.remove(step.name) === undefined, removable);
        if (removable) this.naive.remove(step.name);
        return;
      }
      case 'bind': {
        const type = this.naive.exchanges.find(({ name }) => name === step.binding.exchange)?.type;
        const binding =
          type === 'consistent-hash' ? { ...step.binding, pattern: step.binding.to.name.endsWith('1') ? '2' : '1' } : step.binding;
        const possible = type !== undefined && (binding.to.kind !== 'exchange' || this.naive.has(binding.to.name));
        const refused = this.router.check(binding);
        assert.deepEqual(this.router.bind(binding), refused);
        assert.equal(refused === undefined, possible, refused?.message);
        if (possible) this.naive.bind(binding);
        return;
      }
      case 'unbind': {
        const binding = this.naive.bindings[step.index];
        if (binding === undefined) return;
        assert.equal(this.router.unbind(binding), undefined);
        this.naive.unbind((other) => sameBinding(other, binding));
        return;
      }
      case 'forget': {
        const went = this.naive.unbind(({ to }) => to.kind === step.kind && to.name === step.name);
        this.places.delete(`${step.kind} ${step.name}`);
        assert.equal(this.router.forget(step.kind, step.name).length, went);
        return;
      }
      case 'route':
        this.compare(step.exchange, step.message);
    }
  }

  compare(exchange: string, message: Message): void {
    const route = this.router.route(exchange, message.address);
    const expected = this.naive.route(exchange, message);
    assert.equal(route.exists, expected !== undefined);
    if (expected === undefined) return;
    const name = ({ to, transform }: (typeof route.targets)[number]): string => {
      assert.equal(this.places.get(to.name), to, 'the queue that is there now');
      return `${to.name} ${transform?.text ?? ''}`;
    };
    const certain = route.targets.map(name);
    const asked = route.conditional.filter(({ test }) => test(message)).map(({ target }) => name(target));
    const answered = [...certain, ...asked].sort();
    assert.deepEqual(answered, expected, `${exchange} ${message.address} ${JSON.stringify([...message.headers])}`);
    assert.deepEqual(alsoTo(route, message).map(name).sort(), asked.sort());
    const possible = [...certain, ...route.conditional.map(({ target }) => name(target))];
    assert.equal(new Set(possible).size, possible.length, 'no target twice');
  }
}

const ADDRESSES = ['', 'a', 'b', 'a.b', 'b.a', 'a.b.a'];
const HEADERS: readonly ReadonlyMap<string, string>[] = [
  new Map(),
  new Map([['a', 'u']]),
  new Map([
    ['a', 'v'],
    ['b', 'v'],
  ]),
];

test('after any changes, cached routes are those of the rules, also through circles and alternates', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      for (const one of steps) world.run(one);
      for (const { name } of world.router.exchanges()) {
        for (const address of ADDRESSES) {
          for (const headers of HEADERS) {
            world.compare(name, { exchange: name, address, timestampMs: 0, headers, body: new Uint8Array() });
          }
        }
      }
      assert.deepEqual(world.router.exchanges(), world.naive.exchanges);
      assert.equal(world.router.bindings().length, world.naive.bindings.length);
    }),
    { numRuns: 1200 },
  );
});

test('a router built from what another lists is the same, in whatever order it is built', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const world = new World();
      for (const one of steps) world.run(one);
      const rebuilt = new Router<Place>((kind, name) => world.place(kind, name));
      for (const spec of world.router.exchanges().reverse()) assert.equal(rebuilt.declare(spec), undefined);
      for (const binding of world.router.bindings().reverse()) assert.equal(rebuilt.bind(binding), undefined);
      assert.equal(rebuilt.digest(), world.router.digest());
      for (const { name } of world.router.exchanges()) {
        for (const address of ADDRESSES) {
          const targets = (router: Router<Place>): Set<string> => {
            const route = router.route(name, address);
            return new Set(
              [...route.targets, ...route.conditional.map(({ target }) => target)].map(
                ({ to, transform }) => `${to.name} ${transform?.text}`,
              ),
            );
          };
          assert.deepEqual(targets(rebuilt), targets(world.router));
        }
      }
    }),
    { numRuns: 300 },
  );
});
