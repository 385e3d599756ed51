/** Transactions: publishes, settlements and moves of cursors in one request, all of them or none. */

import type { Engine, Operation, Principal, Published } from '../../../model/engine.ts';
import { MAIN_LINE } from '../../../model/message.ts';
import {
  Batch,
  decodeTransaction,
  MEDIA,
  type MoveStep,
  type PublishStep,
  runsByLease,
  type SettleStep,
  STEPS_MAX,
  type Step,
  Tally,
} from '../../../wire/http/http.ts';
import { type Answer, json } from '../answer.ts';
import type { Call } from '../call.ts';
import type { Members } from '../members.ts';
import { type Content, NO_PARAMS, type Route, route } from '../route.ts';
import type { Schema } from '../schema.ts';
import { CURSORS } from '../specs.ts';

/** A step as the engine takes it, and what is said of it afterwards. */
interface Planned {
  /** A settlement is one for each lease. */
  readonly operations: readonly Operation[];
  readonly answer: (answers: readonly (Published | number)[]) => object;
  /** Once all is done. */
  readonly done?: () => void;
}

async function transact(call: Call): Promise<Answer> {
  const { engine, door, access } = call;
  const steps = decodeTransaction(await call.body.whole());
  if (engine.pressed) await engine.relief();
  const planned = steps.map((step) => planOf(step, engine, door.members, access.principal));
  const operations = planned.flatMap((one) => one.operations);
  const answers = operations.length === 0 ? [] : await engine.transact(operations);
  let at = 0;
  const results = planned.map((one) => {
    one.done?.();
    const own = answers.slice(at, at + one.operations.length);
    at += own.length;
    return one.answer(own);
  });
  for (const step of steps) if (step.op === 'publish') door.figures.published += step.drafts.length;
  return json({ results });
}

function planOf(step: Step, engine: Engine, members: Members, principal: Principal): Planned {
  switch (step.op) {
    case 'publish':
      return publishOf(step, engine.nowMs());
    case 'move':
      return moveOf(step, members, principal);
    default:
      return settleOf(step);
  }
}

function publishOf({ exchange = MAIN_LINE, address, drafts, mandatory, retain }: PublishStep, nowMs: number): Planned {
  const batch = new Batch();
  for (const draft of drafts) batch.add(draft, { exchange, address }, nowMs);
  const operations: Operation[] = drafts.length === 0 ? [] : [{ kind: 'publish', exchange, address, ...batch.take(), mandatory, retain }];
  return {
    operations,
    answer: ([published]) => {
      const tally = new Tally();
      if (typeof published === 'object') tally.add(published, 0, drafts.length);
      return tally.answer();
    },
  };
}

function settleOf({ op, queue, receipts, delayMs }: SettleStep): Planned {
  const delay = delayMs === undefined ? {} : { delayMs };
  return {
    operations: [...runsByLease(receipts)].map(([lease, runs]) => ({ kind: 'settle', queue, lease, runs, outcome: op, ...delay })),
    answer: (answers) => ({ settled: answers.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0) }),
  };
}

function moveOf({ group, member: name, cursors }: MoveStep, members: Members, principal: Principal): Planned {
  const answer = (): object => ({ moved: cursors.length });
  if (name === undefined) return { operations: [{ kind: 'move', group, moves: cursors }], answer };
  const member = members.find(group, name, principal);
  return { operations: [member.operation(cursors)], answer, done: () => member.moved(cursors) };
}

const text = (description: string): Schema => ({ type: 'string', description });
const STEP: Schema = {
  type: 'object',
  description: 'What it has beside `op` depends on that.',
  properties: {
    op: { type: 'string', enum: ['publish', 'ack', 'nack', 'requeue', 'reject', 'move'] },
    exchange: text('publish: another exchange than the main line; "" for straight to a queue.'),
    address: text('publish: what it is published to.'),
    message: { $ref: '#/components/schemas/NewMessage' },
    messages: { type: 'array', items: { $ref: '#/components/schemas/NewMessage' }, description: 'publish: several, instead of `message`.' },
    mandatory: { type: 'boolean', description: 'publish: refuse with `unrouted` when no queue or topic takes it.' },
    retain: { type: 'boolean', description: 'publish: keep the (last) message as the address’s retained value.' },
    queue: text('ack, nack, requeue, reject: the queue.'),
    receipts: { type: 'array', items: { type: 'string' }, description: 'ack, nack, requeue, reject: of received messages.' },
    delay: { description: 'nack, requeue: not before this much later.', anyOf: [{ type: 'number' }, { type: 'string' }] },
    group: text('move: the group.'),
    member: text('move: the member whose cursors they are; absent: by hand, while the group has no members.'),
    ...CURSORS.properties,
  },
  required: ['op'],
  additionalProperties: false,
};

const BODY: Content = {
  [MEDIA.json]: {
    type: 'object',
    properties: { operations: { type: 'array', maxItems: STEPS_MAX, items: STEP } },
    required: ['operations'],
    additionalProperties: false,
  },
};

export const TRANSACTION_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/transactions',
    id: 'transact',
    tag: 'transactions',
    summary: 'Publish, settle and move cursors, all or nothing',
    about:
      'One entry of the journal, also after a crash: the first operation that is refused refuses all of them, and `detail` says why. A ' +
      'settlement is refused as `stale` when any one of its receipts no longer holds. Whoever loses the answer cannot know whether it was ' +
      'done: give published messages a `dedupId`, and receipts and cursors say it by themselves.',
    params: NO_PARAMS,
    body: { required: true, content: BODY },
    answers: {
      200: {
        about: 'All of it is done and safe; one result for each operation, in order.',
        content: { [MEDIA.json]: { $ref: '#/components/schemas/Transacted' } },
      },
    },
    handle: transact,
  }),
];
