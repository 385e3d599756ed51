/** Consuming queues by long poll: receive, then ack, nack, requeue, reject or extend by receipt; and looking without taking. */

import { Refused } from '../../../model/refusal.ts';
import { accepts, decodeReceipt, MEDIA, runsByLease } from '../../../wire/http/http.ts';
import { type Answer, json } from '../answer.ts';
import type { Call } from '../call.ts';
import { COUNT_MAX, WAIT_MS_MAX } from '../limits.ts';
import { choice, duration, durationOr, integer, integerOr, type Values } from '../params.ts';
import { renderDeliveries, renderPeeked } from '../render.ts';
import { type CallOf, NO_PARAMS, type Route, route } from '../route.ts';
import { RECEIPTS } from '../specs.ts';

const LEASE_MS_MAX = 12 * 3_600_000;
const MESSAGES = {
  [MEDIA.json]: { $ref: '#/components/schemas/Messages' },
  [MEDIA.cloudEvents]: { type: 'array', items: { type: 'object' } },
} as const;

const RECEIVE = {
  max: integerOr('Most messages.', 1, COUNT_MAX, 1),
  wait: durationOr('How long to wait for the first one.', 0, WAIT_MS_MAX),
  lease: duration('How long they stay with you; then they go back. Default: the queue’s lease, else 30 s.'),
  settle: choice('`on-delivery`: nothing to acknowledge, and lost if this answer is.', ['by-consumer', 'on-delivery'], 'by-consumer'),
} as const;

async function receive(call: CallOf<'/v1/queues/{queue}/receive', typeof RECEIVE>): Promise<Answer> {
  const { engine, door, path, reply, signal } = call;
  const { max, wait, lease, settle }: Values<typeof RECEIVE> = call.query;
  const form = accepts(call.header('accept'), MEDIA.cloudEvents) ? 'cloudevent' : 'message';
  if (form === 'cloudevent' && settle === 'by-consumer') {
    throw new Refused('invalid', 'CloudEvents carry no receipts: ask for settle=on-delivery with them.');
  }
  const deliveries = await engine
    .receive({ queue: path.queue, countMax: max, waitMs: wait, settle, signal, ...(lease === undefined ? {} : { leaseMs: lease }) })
    .catch((error: unknown) => {
      if (error instanceof Refused && error.code === 'aborted') return undefined; // the client has gone, or the door closes
      throw error;
    });
  const texts = deliveries === undefined ? [] : renderDeliveries(door, deliveries, settle === 'by-consumer', form);
  if (deliveries !== undefined && reply.destroyed && settle === 'by-consumer') {
    // The client hung up while they were on their way: they need not wait for the lease to end.
    const receipts = [...deliveries.numbers].map((number) => ({ lease: deliveries.lease, number }));
    for (const [of, runs] of runsByLease(receipts)) await engine.settle({ queue: path.queue, runs, lease: of, outcome: 'requeue' });
  }
  door.figures.delivered += texts.length;
  return form === 'message'
    ? { status: 200, body: `{"messages":[${texts.join(',')}]}` }
    : { status: 200, type: MEDIA.cloudEvents, body: `[${texts.join(',')}]` };
}

const OUTCOMES = {
  ack: 'They are done.',
  nack: 'They failed: the retry policy says what follows.',
  requeue: 'Back in their place at once, and not counted as a failure.',
  reject: 'Dead-letter them now.',
} as const;

const SETTLED = {
  200: { about: 'How many; the others were no longer yours.', content: { [MEDIA.json]: { $ref: '#/components/schemas/Settled' } } },
};

function settleRoute(outcome: keyof typeof OUTCOMES): Route {
  return route({
    method: 'POST',
    path: `/v1/queues/{queue}/${outcome}`,
    id: `${outcome}Messages`,
    tag: 'queues',
    summary: `${outcome[0]?.toUpperCase()}${outcome.slice(1)} received messages`,
    about: `${OUTCOMES[outcome]} Refused as \`stale\` when none of the receipts holds any more.`,
    params: { delay: duration('nack and requeue: not before this much later.') },
    body: { required: true, content: { [MEDIA.json]: RECEIPTS } },
    answers: SETTLED,
    handle: (call) => {
      const { engine, path, query } = call;
      const delay = query.delay === undefined ? {} : { delayMs: query.delay };
      return eachLease(call, (lease, runs) => engine.settle({ queue: path.queue, runs, lease, outcome, ...delay }));
    },
  });
}

const EXTEND = { lease: durationOr('How long they stay with you, from now.', 30_000, LEASE_MS_MAX) };

const EXTEND_ROUTE: Route = route({
  method: 'POST',
  path: '/v1/queues/{queue}/extend',
  id: 'extendMessages',
  tag: 'queues',
  summary: 'Keep received messages longer',
  params: EXTEND,
  body: { required: true, content: { [MEDIA.json]: RECEIPTS } },
  answers: SETTLED,
  handle: (call) => {
    const { engine, path, query } = call;
    return eachLease(call, (lease, runs) => engine.extend(path.queue, lease, runs, query.lease));
  },
});

async function eachLease(call: Call, act: (lease: number, runs: Float64Array) => Promise<number>): Promise<Answer> {
  const { receipts } = await call.json<{ receipts: string[] }>(RECEIPTS);
  const byLease = runsByLease(receipts.map(decodeReceipt));
  const counts = await Promise.all([...byLease].map(([lease, runs]) => act(lease, runs).catch(noneIfStale)));
  const settled = counts.reduce((sum, count) => sum + count, 0);
  if (settled === 0 && receipts.length > 0) {
    throw new Refused('stale', 'None of these messages is yours any more: their lease has ended, or they were settled already.');
  }
  return json({ settled });
}

function noneIfStale(error: unknown): number {
  if (error instanceof Refused && error.code === 'stale') return 0;
  throw error;
}

export const QUEUE_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/queues/{queue}/receive',
    id: 'receiveMessages',
    tag: 'queues',
    summary: 'Receive messages from a queue',
    about: 'Waits for the first one, at most `wait`. An empty list is an answer too.',
    params: RECEIVE,
    answers: { 200: { about: 'Messages, each with the receipt that settles it.', content: MESSAGES } },
    handle: receive,
  }),
  settleRoute('ack'),
  settleRoute('nack'),
  settleRoute('requeue'),
  settleRoute('reject'),
  EXTEND_ROUTE,
  route({
    method: 'GET',
    path: '/v1/queues/{queue}/messages',
    id: 'peekMessages',
    tag: 'queues',
    summary: 'Look at messages without taking them',
    about: 'Ready, delayed and in flight, oldest first.',
    params: {
      from: integer('First message number to look at.', 0, Number.MAX_SAFE_INTEGER),
      max: integerOr('Most messages.', 1, COUNT_MAX, 10),
    },
    answers: { 200: { about: 'Messages with their number and state.', content: MESSAGES } },
    handle: async ({ engine, door, path, query }) => {
      const from = query.from === undefined ? {} : { from: query.from };
      const peeked = await engine.peek({ queue: path.queue, countMax: query.max, ...from });
      return { status: 200, body: `{"messages":[${renderPeeked(door, peeked).join(',')}]}` };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/queues/{queue}/messages',
    id: 'purgeQueue',
    tag: 'queues',
    summary: 'Throw away all ready messages',
    params: NO_PARAMS,
    answers: { 200: { about: 'How many.', content: { [MEDIA.json]: { type: 'object', properties: { purged: { type: 'integer' } } } } } },
    handle: async ({ engine, path }) => json({ purged: await engine.purge(path.queue) }),
  }),
];
