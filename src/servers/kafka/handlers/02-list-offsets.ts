/** ListOffsets, versions 1–10: where a partition begins and ends, and where the records of a time are. */

import type { Engine } from '../../../model/engine.ts';
import { offset } from '../../../model/lines.ts';
import { isMark } from '../../../model/mark.ts';
import { readMessage } from '../../../model/record.ts';
import { ERROR, LIST_OFFSETS, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { LEADER_EPOCH } from '../door.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Answer = ResponseOf<typeof LIST_OFFSETS>['topics'][number]['partitions'][number];

/** The isolation level of who reads only what is committed. */
const COMMITTED = 1;
const LATEST = -1;
const EARLIEST = -2;
/** The record with the latest time. */
const LATEST_TIME = -3;
/** Of what is on this machine: all of it is. */
const EARLIEST_LOCAL = -4;

export const LIST_OFFSETS_HANDLER: Handler = handler(LIST_OFFSETS, async ({ topics, isolationLevel }, call) => ({
  topics: await Promise.all(
    topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(({ partitionIndex, timestamp }) => answer(name, partitionIndex, timestamp, isolationLevel === COMMITTED, call)),
      ),
    })),
  ),
}));

async function answer(topic: string, partitionIndex: number, timestamp: number, isCommitted: boolean, call: Call): Promise<Answer> {
  try {
    return { partitionIndex, leaderEpoch: LEADER_EPOCH, ...(await find(call, topic, partitionIndex, timestamp, isCommitted)) };
  } catch (error) {
    return { partitionIndex, ...faultOf(error, call) };
  }
}

async function find(
  call: Call,
  topic: string,
  partition: number,
  timestamp: number,
  isCommitted: boolean,
): Promise<Pick<Answer, 'offset' | 'timestamp'>> {
  const { engine } = call;
  const state = (await describeTopic(engine, topic))?.partitions[partition];
  if (state === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no partition ${partition} of topic "${topic}".`);
  const { start } = state;
  const end = isCommitted ? state.stable : state.end;
  if (timestamp === LATEST) return { offset: end };
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) return { offset: start };
  if (timestamp === LATEST_TIME)
    return end > start ? { offset: end - 1, timestamp: await timeOf(call, engine, topic, partition, end - 1) } : {};
  if (timestamp < 0) return {};
  const at = await engine.offsetAt(topic, partition, timestamp, isCommitted ? undefined : 'open');
  return at < end ? { offset: at, timestamp: await timeOf(call, engine, topic, partition, at) } : {};
}

async function timeOf({ door }: Call, engine: Engine, topic: string, partition: number, at: number): Promise<number> {
  const { records, timestamps } = await engine.fetch({ topic, partition, offset: offset(at), sizeBytesMax: 1, uncommitted: 'open' });
  if (records.count === 0 || isMark(records.bytes, records.start)) return Math.trunc(timestamps[0] ?? -1);
  return Math.trunc(readMessage(records.bytes, records.start, door.languages).timestampMs);
}
