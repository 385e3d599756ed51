import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import type { Engine, Publish, Published } from '../../../src/model/engine.ts';
import { Refused } from '../../../src/model/refusal.ts';
import { Attempts } from '../../../src/servers/attempts.ts';
import { Door } from '../../../src/servers/http/door.ts';
import { HTTP_LIMITS, type HttpLimits } from '../../../src/servers/http/limits.ts';
import { Session } from '../../../src/servers/http/session.ts';

/** A session whose publishes are answered when the test says so. */
function session(limits: Partial<HttpLimits> = {}) {
  const publishes: { publish: Publish; count: number; resolve: (published: Published) => void; reject: (error: Error) => void }[] = [];
  const engine = {
    pressed: false,
    nowMs: () => 0,
    publish: (publish: Publish) =>
      new Promise<Published>((resolve, reject) => publishes.push({ publish, count: publish.records.count, resolve, reject })),
  } as unknown as Engine;
  const machine = nodeHost({ logger: silentLogger });
  const door = new Door(engine, machine, { ...HTTP_LIMITS, ...limits }, new Map(), new Attempts(machine.clock, 1, 1));
  const told: { op: string; ref?: number; code?: string }[] = [];
  const state = { held: false, full: false, roomy: (): void => undefined };
  const wire = {
    send: (text: string) => void told.push(JSON.parse(text)),
    get full(): boolean {
      return state.full;
    },
    whenRoom: (fn: () => void) => {
      state.roomy = fn;
    },
    hold: () => {
      state.held = true;
    },
    release: () => {
      state.held = false;
    },
  };
  const one = new Session({ engine, principal: {} }, door, wire);
  const send = (frame: object): void => one.receive(new TextEncoder().encode(JSON.stringify(frame)));
  const publish = (ref: number, address = 'a', text = 'x'): void => send({ op: 'publish', ref, address, message: { text } });
  return { publishes, told, state, send, publish };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('frames of one turn are one batch for each address; those that come meanwhile are the next', async () => {
  const { publishes, publish, told } = session();
  publish(1);
  publish(2, 'b');
  publish(3);
  await turn();
  assert.deepEqual(publishes.map(({ publish: { address }, count }) => [address, count]), [['a', 2], ['b', 1]]); // biome-ignore format: two pairs
  publish(4);
  publish(5);
  await turn();
  assert.equal(publishes.length, 2, 'one at a time, so that a refusal can be taken apart in order');
  publishes[0]?.resolve({ routed: 1, partitions: Int32Array.of(0, 0), offsets: Float64Array.of(7, 8) });
  publishes[1]?.resolve({ routed: 0 });
  await turn();
  assert.deepEqual(
    publishes.map(({ count }) => count),
    [2, 1, 2],
  );
  assert.deepEqual(told, [
    { op: 'published', ref: 1, count: 1, routed: 1, partition: 0, offset: 7 },
    { op: 'published', ref: 3, count: 1, routed: 1, partition: 0, offset: 8 },
    { op: 'published', ref: 2, count: 1, routed: 0 },
  ]);
});

test('a refused batch is taken apart: each frame is refused or published for itself, in order', async () => {
  const { publishes, publish, told } = session();
  for (const ref of [1, 2, 3]) publish(ref);
  await turn();
  publishes[0]?.reject(new Refused('schema', 'One of them does not fit.'));
  for (const [i, refuse] of [false, true, false].entries()) {
    await turn();
    const next = publishes[i + 1];
    assert.equal(next?.count, 1);
    if (refuse) next?.reject(new Refused('schema', 'This one.'));
    else next?.resolve({ routed: 1 });
  }
  await turn();
  assert.deepEqual(
    told.map(({ op, ref, code }) => [op, ref, code]),
    [
      ['published', 1, undefined],
      ['error', 2, 'schema'],
      ['published', 3, undefined],
    ],
  );
});

test('with too many frames unanswered the socket is not read, until they are', async () => {
  const { publishes, publish, state } = session({ unansweredMax: 3 });
  publish(1);
  publish(2);
  assert.equal(state.held, false);
  publish(3);
  assert.equal(state.held, true);
  await turn();
  publishes[0]?.resolve({ routed: 0 });
  await turn();
  assert.equal(state.held, false);
});

test('their bytes count too', async () => {
  const { publishes, publish, state } = session({ unansweredBytesMax: 1000 });
  publish(1, 'a', 'x'.repeat(2000));
  assert.equal(state.held, true);
  await turn();
  publishes[0]?.reject(new Refused('full', 'No room.'));
  await turn();
  assert.equal(state.held, false);
});

test('a client that does not take its answers is not read either', async () => {
  const { send, state, told } = session();
  state.full = true;
  send({ op: 'ping', ref: 1 });
  await turn();
  assert.deepEqual([told.length, state.held], [1, true]);
  state.full = false;
  state.roomy();
  assert.equal(state.held, false);
});
