/** Offsets that a client asks to be kept, checked: what can be kept, and the answer for each. */

import type { CursorMove } from '../../model/engine.ts';
import { offset } from '../../model/lines.ts';
import { ERROR } from '../../wire/kafka/kafka.ts';
import { faultOf } from './fault.ts';
import type { Call } from './handler.ts';
import { describeTopic } from './topics.ts';

interface Asked {
  readonly name: string;
  readonly partitions: readonly {
    readonly partitionIndex: number;
    readonly committedOffset: number;
    readonly committedMetadata: string | null;
  }[];
}

interface Answered {
  readonly name: string;
  readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[];
}

const NOTE_BYTES_MAX = 4096;

export function answerOffsets({ name, partitions }: Asked, code: (partition: Asked['partitions'][number]) => number): Answered {
  return { name, partitions: partitions.map((partition) => ({ partitionIndex: partition.partitionIndex, errorCode: code(partition) })) };
}

/** What can be kept goes into `moves`; the rest is refused by itself. */
export async function checkOffsets(topic: Asked, moves: CursorMove[], call: Call): Promise<Answered> {
  try {
    const count = (await describeTopic(call.engine, topic.name))?.partitions.length ?? 0;
    return answerOffsets(topic, ({ partitionIndex, committedOffset, committedMetadata }) => {
      if (partitionIndex < 0 || partitionIndex >= count) return ERROR.unknownTopicOrPartition;
      if (Buffer.byteLength(committedMetadata ?? '') > NOTE_BYTES_MAX) return ERROR.offsetMetadataTooLarge;
      // Kafka takes a negative offset for none at all.
      const note = committedMetadata === null || committedMetadata === '' ? {} : { note: committedMetadata };
      moves.push({ topic: topic.name, partition: partitionIndex, offset: offset(Math.max(-1, committedOffset)), ...note });
      return ERROR.none;
    });
  } catch (error) {
    const { errorCode } = faultOf(error, call);
    return answerOffsets(topic, () => errorCode);
  }
}
