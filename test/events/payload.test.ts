/** What events carry: by schema, as JSON, text or bytes, of any size, there and back, and nothing left of it afterwards. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Refused } from '../../src/model/refusal.ts';
import { counters, handler, open } from './kit.ts';

async function through(queue: ReturnType<typeof open>, type: string, data: unknown): Promise<unknown> {
  assert.equal(queue.add({ id: 'x', type, data }), 'accepted');
  return (await queue.tryProcess())?.event.data;
}

describe('without a schema', () => {
  test('any data comes back as JSON has it, texts and bytes as they are', async (t) => {
    const queue = open(t);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.uint8Array()), async (data) => {
        const expected = typeof data === 'object' && !(data instanceof Uint8Array) ? JSON.parse(JSON.stringify(data)) : data;
        assert.deepEqual(await through(queue, 't', data), Object.is(data, -0) ? 0 : expected);
      }),
      { numRuns: 300 },
    );
  });

  test('none comes back as none', async (t) => {
    assert.equal(await through(open(t), 't', undefined), undefined);
  });

  test('any size comes back, beyond the slot and around every edge of it', async (t) => {
    const queue = open(t, { dataBytes: 16 });
    for (const size of [0, 1, 11, 12, 13, 15, 16, 17, 18, 19, 20, 1015, 1016, 1017, 2032, 2033, 65_535, 65_536, 65_537, 1_000_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31) & 255);
      assert.deepEqual(await through(queue, 't', bytes), bytes, `${size} bytes`);
      assert.equal(await through(queue, 't', 'ä'.repeat(size)), 'ä'.repeat(size), `${size} letters`);
    }
  });

  test('what cannot be carried is refused, and leaves nothing', async (t) => {
    const queue = open(t, { spillBytes: 2 ** 20 });
    const round: unknown[] = [];
    round.push(round);
    for (const data of [round, () => {}, Symbol('s'), 10n]) assert.throws(() => queue.add({ id: 1, type: 't', data }), Refused);
    assert.throws(() => queue.add({ id: 1, type: 't', data: new Uint8Array(2 ** 22) }), /spillBytes/);
    assert.equal(queue.size, 0);
    assert.equal(await through(queue, 't', 'fine'), 'fine');
  });

  test('pages come back: more goes through than there are', async (t) => {
    const queue = open(t, { spillBytes: 2 ** 20, retain: { count: 1, expired: 1 } });
    const big = new Uint8Array(300_000).fill(7);
    for (let round = 0; round < 40; round++) assert.deepEqual(await through(queue, 't', big), big);
  });

  test('when no page is left add answers full', async (t) => {
    const queue = open(t, { spillBytes: 1, retain: { count: 0, expired: 0 } });
    const answers = new Set<string>();
    let added = 0;
    for (let id = 0; id < 5000 && !answers.has('full'); id++) {
      const answer = queue.add({ id, type: 't', data: 'x'.repeat(5000) });
      answers.add(answer);
      if (answer === 'accepted') added++;
    }
    assert.deepEqual([...answers], ['accepted', 'full']);
    for (let one = 0; one < added; one++) assert.equal((await queue.tryProcess())?.event.data, 'x'.repeat(5000));
    assert.equal(queue.add({ id: 'more', type: 't', data: 'x'.repeat(5000) }), 'accepted');
  });
});

describe('with a schema', () => {
  const schemas = {
    order: {
      id: 'int32',
      total: 'float64',
      count: 'uint32',
      paid: 'boolean',
      name: 'string',
      note: 'string?',
      raw: 'bytes',
      tags: { list: 'string' },
      sizes: { list: 'float64' },
      to: { city: 'string', zip: 'int32?' },
    },
  } as const;
  const order = fc.record(
    {
      id: fc.integer(),
      total: fc.double({ noNaN: false }),
      count: fc.nat(),
      paid: fc.boolean(),
      name: fc.string({ unit: 'grapheme', maxLength: 40 }),
      note: fc.option(fc.string(), { nil: undefined }),
      raw: fc.uint8Array({ maxLength: 300 }),
      tags: fc.array(fc.string(), { maxLength: 5 }),
      sizes: fc.array(fc.double(), { maxLength: 5 }),
      to: fc.record({ city: fc.string(), zip: fc.option(fc.integer(), { nil: undefined }) }, { noNullPrototype: true }),
    },
    { noNullPrototype: true },
  );

  test('what fits it comes back the same, of any size', async (t) => {
    const queue = open(t, { schemas, dataBytes: 64 });
    await fc.assert(
      fc.asyncProperty(order, async (data) => {
        assert.deepEqual(await through(queue, 'order', data), data);
      }),
      { numRuns: 300 },
    );
    assert.deepEqual(await through(queue, 'other', { free: true }), { free: true });
  });

  test('what does not is refused by the place', (t) => {
    const queue = open(t, { schemas });
    const good = { id: 1, total: 1, count: 1, paid: true, name: 'n', raw: new Uint8Array(1), tags: [], sizes: [], to: { city: 'c' } };
    const bad: [object | null | string, RegExp][] = [
      [{ ...good, id: 1.5 }, /\/id must be int32/],
      [{ ...good, count: -1 }, /\/count/],
      [{ ...good, name: 7 }, /\/name/],
      [{ ...good, tags: ['a', 1] }, /\/tags/],
      [{ ...good, tags: 'a' }, /\/tags/],
      [{ ...good, to: null }, /\/to must be an object/],
      [{ ...good, to: { city: 1 } }, /\/to\/city/],
      [null, /must be an object/],
      ['text', /must be an object/],
    ];
    for (const [data, says] of bad) assert.throws(() => queue.add({ id: 1, type: 'order', data }), says);
    assert.equal(queue.add({ id: 1, type: 'order', data: good }), 'accepted');
  });

  test('that is none is refused when the queue is made', (t) => {
    assert.throws(() => open(t, { schemas: { a: { x: 'int33' } as never } }), /int33/);
  });

  test('goes to other threads with the handle', async (t) => {
    const queue = open(t, { schemas: { write: { at: 'int32', value: 'int32' } } });
    queue.on('all', handler('write'));
    await queue.start({ workers: 1 });
    queue.add({ id: 1, type: 'write', data: { at: 9, value: 4711 } });
    await queue.drain();
    assert.equal(counters[9], 4711);
  });
});

test('more types of events than there are names for are refused', (t) => {
  const queue = open(t);
  let types = 0;
  assert.throws(() => {
    for (; types < 5000; types++) queue.add({ id: types, type: `type ${types}` });
  }, Refused);
  assert.ok(types >= 4000);
});
