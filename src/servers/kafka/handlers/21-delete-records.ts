/** DeleteRecords, versions 0–2: a partition begins later. -1 is its end. */

import { offset } from '../../../model/lines.ts';
import { DELETE_RECORDS, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Answer = ResponseOf<typeof DELETE_RECORDS>['topics'][number]['partitions'][number];

const TO_THE_END = -1;

export const DELETE_RECORDS_HANDLER: Handler = handler(DELETE_RECORDS, async ({ topics }, call) => ({
  topics: await Promise.all(
    topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map((asked) => trim(name, asked.partitionIndex, asked.offset, call))),
    })),
  ),
}));

async function trim(topic: string, partitionIndex: number, asked: number, call: Call): Promise<Answer> {
  try {
    const state = (await describeTopic(call.engine, topic))?.partitions[partitionIndex];
    if (state === undefined)
      throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no partition ${partitionIndex} of topic "${topic}".`);
    const start = asked === TO_THE_END ? state.end : asked;
    if (start < 0) throw new KafkaFault(ERROR.offsetOutOfRange, `There is no offset ${start}.`);
    return { partitionIndex, lowWatermark: await call.engine.trim(topic, partitionIndex, offset(start)) };
  } catch (error) {
    return { partitionIndex, lowWatermark: -1, errorCode: faultOf(error, call).errorCode };
  }
}
