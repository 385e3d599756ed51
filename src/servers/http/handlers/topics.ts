/** Reading topics by long poll, and the cursors of groups. */

import type { CursorMove } from '../../../model/engine.ts';
import { offset } from '../../../model/lines.ts';
import { accepts, MEDIA, PARTITION_MAX } from '../../../wire/http/http.ts';
import { type Answer, NO_CONTENT } from '../answer.ts';
import { COUNT_MAX, WAIT_MS_MAX } from '../limits.ts';
import { durationOr, integer, integerOr, text } from '../params.ts';
import { renderFetched } from '../render.ts';
import { type CallOf, NO_PARAMS, type Route, route } from '../route.ts';
import { CURSORS } from '../specs.ts';
import { startsOf } from '../starts.ts';

const FETCH_BYTES_MAX = 16 * 1024 * 1024;

const FETCH = {
  partition: integerOr('The partition.', 0, PARTITION_MAX, 0),
  offset: integer('The first offset to read.', 0, Number.MAX_SAFE_INTEGER),
  from: text('Instead of an offset: `earliest` (default), `latest`, or a time.'),
  max: integerOr('Most records.', 1, COUNT_MAX, 100),
  bytes: integerOr('Most bytes; one record is answered whatever its size.', 1, FETCH_BYTES_MAX, 1024 * 1024),
  wait: durationOr('How long to wait for a record when there is none.', 0, WAIT_MS_MAX),
} as const;

async function fetch(call: CallOf<'/v1/topics/{topic}/records', typeof FETCH>): Promise<Answer> {
  const { engine, door, path, query, signal } = call;
  const { partition, wait, max, bytes } = query;
  const [start] =
    query.offset === undefined
      ? (await startsOf(engine, path.topic, query.from ?? 'earliest', [partition])).values()
      : [offset(query.offset)];
  const from = start ?? offset(0);
  const fetched = await engine.fetch({ topic: path.topic, partition, offset: from, sizeBytesMax: bytes, waitMs: wait, signal });
  const count = Math.min(fetched.records.count, max);
  const next = count < fetched.records.count ? (fetched.offsets[count] ?? fetched.next) : fetched.next;
  const form = accepts(call.header('accept'), MEDIA.cloudEvents) ? 'cloudevent' : 'message';
  const texts = renderFetched(door, fetched, partition, 0, count, form);
  door.figures.delivered += count;
  if (form === 'cloudevent') {
    return { status: 200, type: MEDIA.cloudEvents, body: `[${texts.join(',')}]`, headers: { 'signalbox-next-offset': String(next) } };
  }
  return { status: 200, body: `{"records":[${texts.join(',')}],"next":${next},"start":${fetched.start},"end":${fetched.end}}` };
}

export const TOPIC_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/topics/{topic}/records',
    id: 'fetchRecords',
    tag: 'topics',
    summary: 'Read records of a partition',
    about: 'Read on from `next`. Refused as `out-of-range` when the offset is not, or no longer, in the partition.',
    params: FETCH,
    answers: {
      200: {
        about: 'Records in order, where to read next, and the first and next offset of the partition.',
        content: {
          [MEDIA.json]: { $ref: '#/components/schemas/Records' },
          [MEDIA.cloudEvents]: { type: 'array', items: { type: 'object' } },
        },
      },
    },
    handle: fetch,
  }),
  route({
    method: 'PUT',
    path: '/v1/groups/{group}/cursors',
    id: 'moveCursors',
    tag: 'groups',
    summary: 'Move cursors of a group by hand',
    about: 'Refused as `exclusive` while the group has members.',
    params: NO_PARAMS,
    body: { required: true, content: { [MEDIA.json]: CURSORS } },
    answers: { 204: { about: 'They are moved.' } },
    handle: async (call) => {
      const { cursors } = await call.json<{ cursors: CursorMove[] }>(CURSORS);
      await call.engine.moveCursors(call.path.group, cursors);
      return NO_CONTENT;
    },
  }),
  route({
    method: 'POST',
    path: '/v1/groups/{group}/members/{member}/move',
    id: 'moveMember',
    tag: 'groups',
    summary: 'Move the cursors of a member past what it has dealt with',
    about:
      'The member is a stream or WebSocket of this door that told its name. An offset is the next one to read. Refused as `stale` for a ' +
      'partition that has gone to another member, as `out-of-range` for what was not sent yet.',
    params: NO_PARAMS,
    body: { required: true, content: { [MEDIA.json]: CURSORS } },
    answers: { 204: { about: 'They are moved, and safe.' } },
    handle: async (call) => {
      const { door, path, access } = call;
      const { cursors } = await call.json<{ cursors: CursorMove[] }>(CURSORS);
      await door.members.find(path.group, path.member, access.principal).moveTo(cursors);
      return NO_CONTENT;
    },
  }),
];
