/** Streams: subscribing to addresses and following topics by server-sent events, or as lines of JSON. */

import type { Fetched } from '../../../model/engine.ts';
import { Refused } from '../../../model/refusal.ts';
import { CREDIT_MAX, encodePositions, MEDIA, PARTITION_MAX, quoted } from '../../../wire/http/http.ts';
import { AddressSubscription } from '../address.ts';
import type { Call } from '../call.ts';
import { problemOf } from '../fault.ts';
import { followGroup, type GroupWish } from '../group-stream.ts';
import { CREDIT } from '../live.ts';
import { choice, flag, integerOr, integers, text, type Values } from '../params.ts';
import { checkCount, readTopic, type TopicReceiver } from '../partitions.ts';
import { renderDeliveries, renderFetched, renderRecord } from '../render.ts';
import { type CallOf, type Content, type Route, route } from '../route.ts';
import { startsOf } from '../starts.ts';
import { EventStream } from '../stream.ts';

const FORM = choice('How each message is written.', ['message', 'cloudevent'], 'message');
const CONTENT: Content = {
  [MEDIA.events]: {
    type: 'string',
    description: 'Each event’s data is a Message. Other events: `member`, `assigned`, `revoked`, `dropped`, `skipped`, `error`, `end`.',
  },
  [MEDIA.ndjson]: { type: 'string', description: 'The same as lines; those with an `event` member are not messages.' },
};

const SUBSCRIBE = {
  filter: text('JMESPath over the message; only those for which it is truthy are sent.'),
  exchange: text('Another exchange than the main line.'),
  retained: flag('Begin with the retained values of the addresses.'),
  form: FORM,
} as const;

async function subscribe(call: CallOf<'/v1/subscribe/{pattern}', typeof SUBSCRIBE>): Promise<undefined> {
  const { engine, door, path, query } = call;
  const { form, filter, exchange } = query;
  const subscription = await AddressSubscription.open(engine, door, { pattern: path.pattern, filter, exchange });
  let stream: EventStream;
  try {
    const retained = query.retained ? await engine.retained(path.pattern) : [];
    stream = new EventStream(call);
    stream.onEnd(() => void subscription.end());
    stream.messages(retained.map(({ address, record }) => renderRecord(door, record, 0, '"retained":true,', `retained:${address}`, form)));
  } catch (error) {
    await subscription.end();
    throw error;
  }
  const started = subscription.start({
    deliver: (deliveries) => {
      stream.messages(renderDeliveries(door, deliveries, false, form));
      if (!stream.full) return;
      subscription.pause();
      stream.whenRoom(() => subscription.resume());
    },
    dropped: (count) => stream.notice('dropped', { count }),
    cancelled: (reason) => stream.end(reason),
  });
  await started.catch((error: unknown) => fail(call, stream, error));
}

const FOLLOW = {
  from: text('Where to begin: `latest` (default), `earliest`, a time, or positions as an event’s id has them.'),
  'last-event-id': {
    ...text('As the header Last-Event-ID, for clients that cannot set headers.'),
    header: 'last-event-id',
  },
  partition: integers('Only these partitions; may be repeated.', 0, PARTITION_MAX),
  group: text('Follow it as a member of this group: `from` is then `earliest` or `latest`, for a group that has no cursor yet.'),
  credit: integerOr('Of a group: most records sent and not yet moved past.', 1, CREDIT_MAX, CREDIT),
  form: FORM,
} as const;

async function follow(call: CallOf<'/v1/topics/{topic}/stream', typeof FOLLOW>): Promise<undefined> {
  const { engine, door, path, query } = call;
  if (query.group !== undefined) {
    await followGroup(call, { ...checkMember(query), topic: path.topic });
    return;
  }
  const lastId = query['last-event-id'];
  const from = lastId === undefined || lastId === '' ? (query.from ?? 'latest') : lastId;
  const starts = await startsOf(engine, path.topic, from, query.partition);
  const { partitionsMax } = door.limits;
  checkCount(path.topic, starts.size, partitionsMax);
  const positions = new Map<number, number>(starts);
  const stream = new EventStream(call);
  const ended = new AbortController();
  stream.onEnd(() => ended.abort());
  const receiver: TopicReceiver = {
    records: (partition, fetched) => {
      stream.messages(renderFetched(door, fetched, partition, 0, fetched.records.count, query.form), idsOf(positions, partition, fetched));
      return stream.room();
    },
    skipped: (partition, from, to) => stream.notice('skipped', { partition, from, to }),
    added: (partition, start) => void positions.set(partition, start),
    failed: (error) => fail(call, stream, error),
  };
  readTopic(engine, { topic: path.topic, starts, all: query.partition.length === 0, partitionsMax }, receiver, ended.signal);
}

/** A group knows where it stands: what a member says of that would be wrong for the others, and `Last-Event-ID` comes by itself. */
function checkMember({ group = '', from, partition, credit, form }: Values<typeof FOLLOW>): Omit<GroupWish, 'topic'> {
  if (partition.length > 0) throw new Refused('invalid', 'A group shares its partitions among its members: leave partition= out.');
  if (from !== undefined && from !== 'earliest' && from !== 'latest')
    throw new Refused(
      'invalid',
      `A group goes on where it stands, so from is earliest or latest, and not ${quoted(from)}. Move its cursors for another place.`,
    );
  return { group, from, credit, form };
}

/** After each record: where every partition would be read next. The one that moves stands first. */
function idsOf(positions: Map<number, number>, partition: number, { records, offsets }: Fetched): string[] {
  positions.delete(partition);
  const others = positions.size === 0 ? '' : `,${encodePositions(positions)}`;
  const ids = new Array<string>(records.count);
  let next = 0;
  for (let i = 0; i < records.count; i++) {
    next = (offsets[i] ?? 0) + 1;
    ids[i] = `${partition}:${next}${others}`;
  }
  positions.set(partition, next);
  return ids;
}

function fail({ door, request }: Call, stream: EventStream, error: unknown): void {
  door.tell(error, { url: request.url });
  const { code, detail } = problemOf(error);
  stream.notice('error', { code, detail });
  stream.end(detail);
}

export const STREAM_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/subscribe/{pattern}',
    id: 'subscribe',
    tag: 'subscribe',
    summary: 'Subscribe to addresses',
    about:
      'Everything published from now on to an address that matches (`*` one word, `#` any number), for as long as the connection lasts. ' +
      'A client too slow for it loses the oldest messages, and is told how many by an event `dropped`.',
    params: SUBSCRIBE,
    answers: { 200: { about: 'A stream without end.', content: CONTENT } },
    handle: subscribe,
  }),
  route({
    method: 'GET',
    path: '/v1/topics/{topic}/stream',
    id: 'followTopic',
    tag: 'topics',
    summary: 'Follow a topic',
    about:
      'Every event’s id says where all partitions are read next; coming back with the last one as Last-Event-ID goes on exactly there. ' +
      'Records that retention removed before they could be read are told by an event `skipped`. ' +
      'With `group` the stream is a member of it: it begins with an event `member`, `assigned` and `revoked` tell of its partitions, and ' +
      '`POST /v1/groups/{group}/members/{member}/move` moves the cursors past what has been dealt with.',
    params: FOLLOW,
    answers: { 200: { about: 'A stream without end.', content: CONTENT } },
    handle: follow,
  }),
];
