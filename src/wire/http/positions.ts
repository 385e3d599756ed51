/** Where a reader of a topic stands, as a stream's event id: `partition:next offset` for each partition, `0:15,1:20`. */

import { type Offset, offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import { PARTITION_MAX } from './draft.ts';
import { quoted } from './scalars.ts';

const POSITION = /^(\d{1,10}):(\d{1,16})$/;

export function encodePositions(positions: ReadonlyMap<number, number>): string {
  let text = '';
  for (const [partition, next] of positions) text += `${text === '' ? '' : ','}${partition}:${next}`;
  return text;
}

/** Throws `Refused('invalid')`. */
export function decodePositions(text: string): Map<number, Offset> {
  const positions = new Map<number, Offset>();
  for (const part of text.split(',')) {
    const match = POSITION.exec(part.trim());
    const partition = Number(match?.[1]);
    const next = Number(match?.[2]);
    if (!(partition <= PARTITION_MAX) || !Number.isSafeInteger(next)) {
      throw new Refused('invalid', `${quoted(text)} is not a position in a topic; give the id of the last event as it came.`);
    }
    positions.set(partition, offset(next));
  }
  return positions;
}
