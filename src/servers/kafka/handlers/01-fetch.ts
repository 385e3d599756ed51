/**
 * Fetch, versions 4–17: records of partitions, waiting for some to come when there are too few. Answers at least one batch if there is one,
 * whatever its size. Records that came by other doors leave as Kafka's.
 */

import { offset } from '../../../model/lines.ts';
import { ERROR, FETCH, NO_UUID, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { readBatches } from '../batches-read.ts';
import { LEADER_EPOCH } from '../door.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import type { FetchPartition } from '../fetch-sessions.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic, specOf } from '../topics.ts';

type Request = RequestOf<typeof FETCH>;
type Response = ResponseOf<typeof FETCH>;
type Answer = Response['responses'][number]['partitions'][number];

/** An answer, and what it answers. */
interface Read {
  readonly of: FetchPartition;
  readonly answer: Answer;
  readonly sizeBytes: number;
  /** Where this reader waits for more. */
  readonly end: number;
}

const NO_RECORDS = new Uint8Array(0);
/** The isolation level of who reads only what is committed. */
const COMMITTED = 1;

export const FETCH_HANDLER: Handler = handler(FETCH, async (request, call): Promise<Response> => {
  const session = call.peer.fetches.begin(request, await partitionsOf(request, call), call.door.machine.random.u32());
  if ('errorCode' in session) return { errorCode: session.errorCode, responses: [] };
  const reads = await readUntilEnough(session.partitions, request, call);
  const told = session.isIncremental ? reads.filter((read) => session.isNews(read.of, read.answer)) : reads;
  for (const read of told) session.told(read.of, read.answer);
  return { sessionId: session.id, responses: byTopic(told) };
});

async function partitionsOf(request: Request, call: Call): Promise<FetchPartition[]> {
  const found: FetchPartition[] = [];
  for (const { topic: name, topicId, partitions } of request.topics) {
    const byId = topicId !== NO_UUID;
    const topic = byId ? await call.door.topicIds.nameOf(call.engine, topicId) : name;
    for (const { partition, fetchOffset, currentLeaderEpoch, partitionMaxBytes } of partitions)
      found.push({ topic, topicId: byId ? topicId : undefined, partition, fetchOffset, currentLeaderEpoch, partitionMaxBytes });
  }
  return found;
}

async function readUntilEnough(partitions: readonly FetchPartition[], request: Request, call: Call): Promise<Read[]> {
  const { clock } = call.door.machine;
  const untilMs = clock.monotonicMs() + Math.min(Math.max(0, request.maxWaitMs), call.door.limits.fetchWaitMs);
  for (;;) {
    const reads = await readAll(partitions, request, call);
    const sizeBytes = reads.reduce((sum, read) => sum + read.sizeBytes, 0);
    const restMs = untilMs - clock.monotonicMs();
    const isEnough = sizeBytes >= Math.max(1, request.minBytes) || reads.some(({ answer }) => answer.errorCode !== ERROR.none);
    if (isEnough || partitions.length === 0 || request.minBytes <= 0 || restMs <= 0 || call.signal.aborted) return reads;
    await somethingComes(reads, request.isolationLevel, restMs, call);
  }
}

/** One after another, until there are bytes enough: what comes first in the request is served first. */
async function readAll(partitions: readonly FetchPartition[], { maxBytes, isolationLevel }: Request, call: Call): Promise<Read[]> {
  const reads: Read[] = [];
  let rest = Math.min(maxBytes, call.door.limits.fetchBytesMax);
  for (const partition of partitions) {
    const read = await readPartition(
      partition,
      isolationLevel,
      rest,
      reads.every((one) => one.sizeBytes === 0),
      call,
    );
    rest = Math.max(0, rest - read.sizeBytes);
    reads.push(read);
  }
  return reads;
}

async function readPartition(of: FetchPartition, isolationLevel: number, restBytes: number, isFirst: boolean, call: Call): Promise<Read> {
  const { topic, partition, fetchOffset } = of;
  const isCommitted = isolationLevel === COMMITTED;
  try {
    if (topic === undefined) throw new KafkaFault(ERROR.unknownTopicId, 'No topic has this id.');
    if (of.currentLeaderEpoch > LEADER_EPOCH) throw new KafkaFault(ERROR.unknownLeaderEpoch, 'This epoch of the leader is not known here.');
    const wanted = Math.min(of.partitionMaxBytes, restBytes);
    const description = await describeTopic(call.engine, topic);
    if (description === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no topic "${topic}".`);
    if (of.topicId !== undefined && call.door.topicIds.idOf(description.id) !== of.topicId)
      throw new KafkaFault(ERROR.unknownTopicId, 'No topic has this id.');
    const { fetched, batches } = await readBatches(
      call,
      {
        topic,
        partition,
        offset: offset(fetchOffset),
        sizeBytesMax: Math.max(1, wanted),
        uncommitted: isCommitted ? 'aborted' : 'open',
      },
      { languages: call.door.languages, emptyIsNull: specOf(description).compact === true, leaderEpoch: LEADER_EPOCH },
    );
    // What comes first comes whatever its size; the rest only as far as it fits.
    const records = isFirst || batches.length <= wanted ? batches : NO_RECORDS;
    const { start, end, stable, aborted = [] } = fetched;
    const told = records.length > 0 ? aborted.map(({ producer, first }) => ({ producerId: producer, firstOffset: first })) : [];
    const answer: Answer = {
      partitionIndex: partition,
      errorCode: ERROR.none,
      highWatermark: end,
      lastStableOffset: stable,
      logStartOffset: start,
      abortedTransactions: isCommitted ? told : null,
      records,
    };
    return { of, sizeBytes: records.length, end: isCommitted ? stable : end, answer };
  } catch (error) {
    const { errorCode } = faultOf(error, call);
    return { of, sizeBytes: 0, end: -1, answer: failed(partition, errorCode) };
  }
}

function failed(partitionIndex: number, errorCode: number): Answer {
  return { partitionIndex, errorCode, highWatermark: -1, abortedTransactions: null, records: NO_RECORDS };
}

/** Resolves when one of the partitions grows, or the time is up. */
async function somethingComes(reads: readonly Read[], isolationLevel: number, waitMs: number, call: Call): Promise<void> {
  const enough = new AbortController();
  const signal = AbortSignal.any([enough.signal, call.signal]);
  const timeUp = new Promise<void>((resolve) => {
    const stop = call.door.machine.clock.after(waitMs, resolve);
    signal.addEventListener(
      'abort',
      () => {
        stop();
        resolve();
      },
      { once: true },
    );
  });
  const uncommitted = isolationLevel === COMMITTED ? 'aborted' : 'open';
  const waits = reads.map(async ({ of, end }) => {
    if (of.topic === undefined || end < 0) return timeUp;
    // Whatever ends the wait, a refusal as well, is a reason to look again.
    await call.engine
      .fetch({ topic: of.topic, partition: of.partition, offset: offset(end), sizeBytesMax: 1, packed: true, uncommitted, waitMs, signal })
      .catch(() => undefined);
  });
  await Promise.race([timeUp, ...waits]);
  enough.abort();
}

/** In the order of the request, neighbours of one topic together. */
function byTopic(reads: readonly Read[]): Response['responses'] {
  const topics: { topic: string; topicId: string; partitions: Answer[] }[] = [];
  for (const { of, answer } of reads) {
    const last = topics.at(-1);
    const topicId = of.topicId ?? NO_UUID;
    if (last !== undefined && last.topic === (of.topic ?? '') && last.topicId === topicId) last.partitions.push(answer);
    else topics.push({ topic: of.topic ?? '', topicId, partitions: [answer] });
  }
  return topics;
}
