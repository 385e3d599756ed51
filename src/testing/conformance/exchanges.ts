/** Conformance of exchanges and bindings: the types, what they lead to, filters and transforms, and the one address space. */

import assert from 'node:assert/strict';
import type { Binding, HeadersMatch } from '../../model/declaration.ts';
import type { HeaderValue } from '../../model/message.ts';
import { type Check, drain, empty, numbers, readAll, refused, type Trial } from './trial.ts';

const needs = ['queues', 'exchanges'] as const;
const to = (name: string, kind: 'queue' | 'exchange' | 'topic' = 'queue') => ({ kind, name });

/** Queues of these names, each bound to the exchange with what is said of it. */
async function bound(trial: Trial, exchange: string, bindings: Readonly<Record<string, Omit<Binding, 'exchange' | 'to'>>>): Promise<void> {
  for (const [name, binding] of Object.entries(bindings)) {
    await trial.queue(name);
    await trial.box.bind({ exchange, to: to(name), ...binding });
  }
}

/** Which of these queues took what, by name; empties them. */
async function taken(trial: Trial, names: readonly string[]): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {};
  for (const name of names) {
    const queue = trial.box.queue(name);
    const { ready } = await queue.describe();
    if (ready > 0) found[name] = await drain(queue, ready);
  }
  return found;
}

export const exchanges: readonly Check[] = [
  {
    says: 'routes by the whole address (direct)',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'direct' });
      await bound(trial, 'x', { a: { pattern: 'red' }, b: { pattern: 'blue' }, c: { pattern: 'red' } });
      await trial.box.bind({ exchange: 'x', to: to('b'), pattern: 'red' });
      assert.equal((await trial.box.publishTo('x', 'red', 1)).routed, 3);
      assert.equal((await trial.box.publishTo('x', 'blue', 2)).routed, 1);
      assert.equal((await trial.box.publishTo('x', 'red.blue', 3)).routed, 0);
      assert.deepEqual(await taken(trial, ['a', 'b', 'c']), { a: [1], b: [1, 2], c: [1] });
    },
  },
  {
    says: 'routes by patterns of words (topic)',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'topic' });
      await bound(trial, 'x', {
        one: { pattern: 'orders.*' },
        many: { pattern: 'orders.#' },
        end: { pattern: '#.eu' },
        exact: { pattern: 'orders' },
      });
      const reached: Record<string, string[]> = {};
      for (const address of ['orders', 'orders.new', 'orders.new.eu', 'eu', 'other']) {
        await trial.box.publishTo('x', address, address);
        reached[address] = Object.keys(await taken(trial, ['one', 'many', 'end', 'exact']));
      }
      assert.deepEqual(reached, {
        orders: ['many', 'exact'],
        'orders.new': ['one', 'many'],
        'orders.new.eu': ['many', 'end'],
        eu: ['end'],
        other: [],
      });
    },
  },
  {
    says: 'gives everything to everyone (fanout)',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'fanout' });
      await bound(trial, 'x', { a: {}, b: { pattern: 'never looked at' } });
      await trial.box.publishTo('x', 'anything', 1);
      assert.deepEqual(await taken(trial, ['a', 'b']), { a: [1], b: [1] });
    },
  },
  {
    says: 'routes by headers, all or any, with and without those that begin with x-',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'headers' });
      const match = (how: HeadersMatch) => ({
        headers: {
          match: how,
          values: new Map([
            ['kind', 'a'],
            ['x-n', 1],
          ] as [string, string | number][]),
        },
      });
      await bound(trial, 'x', {
        all: match('all'),
        any: match('any'),
        'all-with-x': match('all-with-x'),
        'any-with-x': match('any-with-x'),
      });
      await bound(trial, 'x', { exists: { headers: { match: 'all', values: new Map([['kind', undefined]]) } } });
      const reached = async (headers: Record<string, HeaderValue>) => {
        await trial.box.publishTo('x', '', 1, { headers });
        return Object.keys(await taken(trial, ['all', 'any', 'all-with-x', 'any-with-x', 'exists']));
      };
      assert.deepEqual(await reached({ kind: 'a', 'x-n': 1 }), ['all', 'any', 'all-with-x', 'any-with-x', 'exists']);
      assert.deepEqual(await reached({ kind: 'a' }), ['all', 'any', 'any-with-x', 'exists']);
      assert.deepEqual(await reached({ 'x-n': 1 }), ['any-with-x']);
      assert.deepEqual(await reached({ kind: 'b', 'x-n': 2 }), ['exists']);
      assert.deepEqual(await reached({}), []);
    },
  },
  {
    says: 'divides addresses by weight, the same one always the same way (consistent hash)',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'consistent-hash' });
      await bound(trial, 'x', { light: { pattern: '1' }, heavy: { pattern: '3' } });
      for (const round of [0, 1])
        for (const n of numbers(200)) assert.equal((await trial.box.publishTo('x', `key-${n}`, [n, round])).routed, 1);
      const found = await taken(trial, ['light', 'heavy']);
      const [light, heavy] = [found.light ?? [], found.heavy ?? []] as [number, number][][];
      assert.equal((light?.length ?? 0) + (heavy?.length ?? 0), 400);
      assert.ok((light?.length ?? 0) > 40 && (light?.length ?? 0) < 180, `one of four parts is ${light?.length} of 400`);
      const inLight = new Set(light?.map(([n]) => n));
      assert.equal(inLight.size * 2, light?.length, 'both rounds of an address go the same way');
    },
  },
  {
    says: 'leads from exchange to exchange, and gives nobody a message twice',
    needs,
    run: async (trial) => {
      for (const name of ['x', 'y', 'z']) await trial.box.declareExchange(name, { type: 'topic' });
      await bound(trial, 'z', { q: { pattern: '#' } });
      await trial.box.bind({ exchange: 'x', to: to('y', 'exchange'), pattern: 'a.#' });
      await trial.box.bind({ exchange: 'y', to: to('z', 'exchange'), pattern: '*.b' });
      await trial.box.bind({ exchange: 'x', to: to('q'), pattern: '*.b' });
      await trial.box.bind({ exchange: 'z', to: to('x', 'exchange'), pattern: '#' });
      await trial.box.publishTo('x', 'a.b', 1);
      await trial.box.publishTo('x', 'a.c', 2);
      await trial.box.publishTo('x', 'c.b', 3);
      assert.deepEqual(await taken(trial, ['q']), { q: [1, 3] });
    },
  },
  {
    says: 'sends what no binding takes to the alternate exchange',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('lost', { type: 'fanout' });
      await trial.box.declareExchange('x', { type: 'direct', alternate: 'lost' });
      await bound(trial, 'lost', { found: {} });
      await bound(trial, 'x', { q: { pattern: 'a' } });
      await trial.box.publishTo('x', 'a', 1);
      await trial.box.publishTo('x', 'b', 2, { mandatory: true });
      assert.deepEqual(await taken(trial, ['q', 'found']), { q: [1], found: [2] });
    },
  },
  {
    says: 'gives a binding with a filter only what passes it',
    needs,
    run: async (trial) => {
      await bound(trial, 'amq.topic', {
        big: { pattern: 'orders', filter: 'body.total > `100`' },
        eu: { pattern: 'orders', filter: "headers.region == 'eu'" },
        all: { pattern: 'orders' },
      });
      await trial.box.publish('orders', { n: 1, total: 50 }, { headers: { region: 'eu' } });
      await trial.box.publish('orders', { n: 2, total: 500 });
      await trial.box.publish('orders', 'no JSON at all');
      const found = await taken(trial, ['big', 'eu', 'all']);
      assert.deepEqual(
        (found.big as { n: number }[]).map(({ n }) => n),
        [2],
      );
      assert.deepEqual(
        (found.eu as { n: number }[]).map(({ n }) => n),
        [1],
      );
      assert.equal(found.all?.length, 3);
      await refused('invalid', '', () => trial.box.bind({ exchange: 'amq.topic', to: to('all'), pattern: '#', filter: 'body.[' }));
    },
  },
  {
    says: 'gives a binding with a transform what it makes of the message',
    needs,
    run: async (trial) => {
      await bound(trial, 'amq.topic', {
        names: { pattern: 'people', transform: '{ who: body.name, via: address }' },
        all: { pattern: 'people' },
      });
      await trial.box.publish('people', { name: 'Ada', secret: 1 }, { key: 'k', headers: { a: 1 } });
      const [peeked] = await trial.box.queue('names').peek();
      assert.equal(peeked?.message.message.headers.get('a'), 1);
      assert.deepEqual(await taken(trial, ['names', 'all']), { names: [{ who: 'Ada', via: 'people' }], all: [{ name: 'Ada', secret: 1 }] });
    },
  },
  {
    says: 'has one address space: what is published to an address reaches its topic and whoever is bound to it',
    needs: ['queues', 'exchanges', 'topics'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('orders.new');
      await bound(trial, 'amq.topic', { q: { pattern: 'orders.*' } });
      const published = await trial.box.publish('orders.new', 1);
      assert.deepEqual([...(published.partitions ?? [])], [0]);
      assert.deepEqual([...(published.offsets ?? [])], [0]);
      assert.equal(published.routed, 2);
      assert.deepEqual(await topic.publish(2), { partition: 0, offset: 1 });
      assert.deepEqual(await taken(trial, ['q']), { q: [1, 2] });
      assert.deepEqual(
        (await readAll(trial, 'orders.new')).map(({ value }) => value),
        [1, 2],
      );
      await trial.box.declareTopic('all');
      await trial.box.bind({ exchange: 'amq.topic', to: to('all', 'topic'), pattern: 'orders.#' });
      await topic.publish(3);
      assert.deepEqual(
        (await readAll(trial, 'all')).map(({ value }) => value),
        [3],
      );
    },
  },
  {
    says: 'tells a publisher who asked that nothing took the message',
    needs,
    run: async (trial) => {
      assert.equal((await trial.box.publish('nobody.listens', 1)).routed, 0);
      await refused('unrouted', '"nobody.listens"', () => trial.box.publish('nobody.listens', 1, { mandatory: true }));
    },
  },
  {
    says: 'stops routing what was unbound or removed',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'direct' });
      await bound(trial, 'x', { a: { pattern: 'k' }, b: { pattern: 'k' } });
      await trial.box.unbind({ exchange: 'x', to: to('a'), pattern: 'k' });
      await trial.box.unbind({ exchange: 'x', to: to('a'), pattern: 'k' });
      assert.equal((await trial.box.publishTo('x', 'k', 1)).routed, 1);
      await refused('conflict', '"x"', () => trial.box.remove('exchange', 'x', { ifUnused: true }));
      await trial.box.remove('queue', 'b');
      assert.equal((await trial.box.publishTo('x', 'k', 2)).routed, 0);
      await trial.box.remove('exchange', 'x', { ifUnused: true });
      await refused('unknown', '"x"', () => trial.box.publishTo('x', 'k', 3));
      await empty(trial.box.queue('a'));
    },
  },
  {
    says: 'lets only bindings feed an internal exchange',
    needs,
    run: async (trial) => {
      await trial.box.declareExchange('inner', { type: 'fanout', internal: true });
      await trial.box.declareExchange('outer', { type: 'fanout' });
      await trial.box.bind({ exchange: 'outer', to: to('inner', 'exchange') });
      await bound(trial, 'inner', { q: {} });
      await refused('forbidden', '"inner"', () => trial.box.publishTo('inner', '', 1));
      await trial.box.publishTo('outer', '', 2);
      assert.deepEqual(await taken(trial, ['q']), { q: [2] });
    },
  },
  {
    says: 'still routes the same when it is opened again',
    needs: ['queues', 'exchanges', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.declareExchange('h', { type: 'headers' });
      await trial.box.declareExchange('passing', { type: 'fanout', durable: false });
      await bound(trial, 'h', { q: { headers: { match: 'all', values: new Map([['a', undefined]] as [string, undefined][]) } } });
      await bound(trial, 'amq.topic', { f: { pattern: 'x.#', filter: 'body.n', transform: 'body.n' } });
      for (const how of ['crashed', 'closed'] as const) {
        await trial.reopen(how);
        await trial.box.publishTo('h', '', 1, { headers: { a: 'whatever' } });
        await trial.box.publishTo('h', '', 2);
        await trial.box.publish('x.y', { n: 3 });
        await trial.box.publish('x.y', { m: 4 });
        assert.deepEqual(await taken(trial, ['q', 'f']), { q: [1], f: [3] });
        await refused('unknown', '"passing"', () => trial.box.publishTo('passing', '', 1));
      }
    },
  },
];
