/** The door of the core: the state, how commands are decided, and how entries change it. No I/O, no clock, no protocol word. */

export { permits } from './access.ts';
export { apply, type Effects } from './apply.ts';
export type { Rules } from './batch.ts';
export { decideDeadLetter } from './dead-letter.ts';
export { decideAlter, decideBind, decideDeclare, decideRemove, decideUnbind } from './declare.ts';
export { decideTurn, type Taker, Takers, type Taking } from './dispatch.ts';
export type { Entry, MessagesEntry } from './entry.ts';
export { decodeEntry, encodeEntry, ofCheckpoint, sizeMax } from './entry-codec.ts';
export { messagesIn, recordColumns } from './packs.ts';
export { startOf } from './picks.ts';
export { nothingPlanned, type Plan } from './plan.ts';
export { decidePublish, type PublishDecision } from './publish.ts';
export { Queue } from './queue/queue.ts';
export { digest, restate } from './restate.ts';
export { compileExpression, matches } from './routing/routing.ts';
export { placed } from './sequence.ts';
export { type Burial, countOf, decideReturn, decideSettle, held, numbersOf, over, runsOf, type SettleDecision } from './settle.ts';
export { type Cursor, cursorKey, isDurable, type PartitionEnds, type Producer, State, stableEnd, type Tenant, Topic } from './state.ts';
export { claimed, decideAbort, decideEnd, decideProducer, type EndDecision } from './transaction.ts';
