/** Publishing: to an address, a topic, a queue. Answered once it is as safe as the broker makes anything. */

import { MAIN_LINE } from '../../../model/message.ts';
import { Refused } from '../../../model/refusal.ts';
import {
  type Destination,
  MEDIA,
  PARTITION_MAX,
  PRIORITY_MAX,
  type Properties,
  type PublishedAnswer,
  quoted,
} from '../../../wire/http/http.ts';
import { type Answer, json } from '../answer.ts';
import type { Call } from '../call.ts';
import { PublishFault } from '../fault.ts';
import { duration, flag, integer, orHeader, text, texts, time, type Values } from '../params.ts';
import { publishBody } from '../publisher.ts';
import { type Content, type Route, type RouteDocs, route } from '../route.ts';

/** Request headers that begin so become headers of the message, named by the rest in lower case. */
const MESSAGE_HEADER_PREFIX = 'signalbox-header-';
/** Passed on as they are: W3C trace context. */
const TRACE_HEADERS = ['traceparent', 'tracestate'];

const own = (name: string): string => `signalbox-${name}`;

const PROPERTY_PARAMS = {
  key: orHeader(text('What decides the partition: messages of one key stay in order.'), own('key')),
  partition: orHeader(integer('The partition, instead of choosing it by key.', 0, PARTITION_MAX), own('partition')),
  id: orHeader(text('The message’s id.'), own('id')),
  type: orHeader(text('What kind of event it is.'), own('type')),
  source: orHeader(text('Where it comes from.'), own('source')),
  subject: orHeader(text('What it is about.'), own('subject')),
  priority: orHeader(integer('Higher is delivered first, where the queue has priorities.', 0, PRIORITY_MAX), own('priority')),
  delay: orHeader(duration('Deliver no earlier than this much later.'), own('delay')),
  due: orHeader(time('Deliver no earlier than this.'), own('due')),
  ttl: orHeader(duration('How long it may wait.'), own('ttl')),
  group: orHeader(text('Queues with groups deliver the messages of one group one at a time.'), own('group')),
  'dedup-id': orHeader(text('A message whose id the queue has seen within its window is confirmed and not stored again.'), own('dedup-id')),
  'correlation-id': orHeader(text('Ties an answer to its question.'), own('correlation-id')),
  'reply-to': orHeader(text('Where the answer should go.'), own('reply-to')),
  header: texts('A header of the message as name:value; may be repeated.'),
} as const;

const FLAG_PARAMS = {
  mandatory: orHeader(flag('Refuse with `unrouted` when no queue or topic takes it.'), own('mandatory')),
  transient: orHeader(flag('Confirm without waiting for the disk: faster, and lost in a crash.'), own('transient')),
} as const;

const ATOMIC = { atomic: flag('Lines: all of them in one batch, or nothing; the body must fit the limit of one.') };
const RETAIN = {
  retain: orHeader(flag('Keep the (last) message as the address’s retained value; an empty body removes it.'), 'signalbox-retain'),
};
const BODY: Content = {
  '*/*': { description: 'One message: these bytes, with this content type. With `ce-` headers, a CloudEvent in binary form.' },
  [MEDIA.ndjson]: { type: 'string', description: 'Many messages: each line is the JSON body of one.' },
  [MEDIA.message]: { $ref: '#/components/schemas/NewMessage' },
  [MEDIA.messages]: { type: 'string', description: 'Many messages: each line is a NewMessage.' },
  [MEDIA.cloudEvent]: { type: 'object', description: 'A CloudEvent in structured form.' },
  [MEDIA.cloudEvents]: { type: 'array', items: { type: 'object' }, description: 'A batch of CloudEvents.' },
};
const DOCS: Pick<RouteDocs, 'body' | 'answers'> = {
  body: { required: false, content: BODY },
  answers: { 200: { about: 'Safe, and where it went.', content: { [MEDIA.json]: { $ref: '#/components/schemas/Published' } } } },
};
const ABOUT =
  'Every property may be given in the query or as a header `Signalbox-…` (`Signalbox-Key`), and `Signalbox-Header-Name: value` is a ' +
  'header of the message. A body whose length is at most 1 MiB is one batch, all or nothing; longer NDJSON, and NDJSON in chunks, is ' +
  'published in order as it comes, and a problem then says in `published` how much was.';

/** The properties in the query and headers of this call. `contentType` is not among them: it means different things to different bodies. */
function propertiesOf(call: Call, query: Values<typeof PROPERTY_PARAMS>): Properties {
  const headers = new Map<string, string>();
  for (const name of TRACE_HEADERS) {
    const value = call.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  for (const [name, value] of Object.entries(call.request.headers)) {
    if (name.startsWith(MESSAGE_HEADER_PREFIX) && name.length > MESSAGE_HEADER_PREFIX.length) {
      headers.set(name.slice(MESSAGE_HEADER_PREFIX.length), String(value));
    }
  }
  for (const pair of query.header) {
    const colon = pair.indexOf(':');
    if (colon < 1) throw new Refused('invalid', `header is ${JSON.stringify(pair.slice(0, 60))}; give name:value.`);
    headers.set(pair.slice(0, colon), pair.slice(colon + 1));
  }
  return defined({
    key: query.key === undefined ? undefined : new TextEncoder().encode(query.key),
    partition: query.partition,
    id: query.id,
    type: query.type,
    source: query.source,
    subject: query.subject,
    priority: query.priority,
    delayMs: query.delay,
    dueMs: query.due,
    ttlMs: query.ttl,
    group: query.group,
    dedupId: query['dedup-id'],
    correlationId: query['correlation-id'],
    replyTo: query['reply-to'],
    headers,
  });
}

type Undefinable<T> = { [K in keyof T]: T[K] | undefined };

/** Without the members that are undefined, which the type does not allow. */
function defined(properties: Undefinable<Properties> & Pick<Properties, 'headers'>): Properties {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return { headers: properties.headers, ...Object.fromEntries(entries) };
}

type Common = Values<typeof PROPERTY_PARAMS & typeof FLAG_PARAMS & typeof ATOMIC>;

async function publish(call: Call, query: Common, to: Destination, retain: boolean): Promise<PublishedAnswer> {
  const { mandatory, transient, atomic } = query;
  return publishBody(call, { to, properties: propertiesOf(call, query), mandatory, transient, retain, atomic });
}

async function append(call: Call, query: Common & { readonly retain: boolean }, topic: string): Promise<Answer> {
  const unknown = new Refused('unknown', `There is no topic ${quoted(topic)}. Declare it first.`);
  if (!(await isThere(call, topic))) throw unknown;
  const published = await publish(call, query, { exchange: MAIN_LINE, address: topic }, query.retain);
  const kept = published.partition !== undefined || published.offsets !== undefined || published.duplicates === published.count;
  if (published.count > 0 && !kept) throw new PublishFault(unknown, published);
  return json(published);
}

/** Whoever may write to a topic but not read it cannot ask; they learn it from the answer to what they publish. */
async function isThere(call: Call, topic: string): Promise<boolean> {
  try {
    return (await call.engine.describe('topic', topic)) !== undefined;
  } catch (error) {
    if (error instanceof Refused && error.code === 'forbidden') return true;
    throw error;
  }
}

export const PUBLISH_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/publish/{address}',
    id: 'publish',
    tag: 'publish',
    summary: 'Publish to an address',
    about: `Whoever is subscribed or bound to the address gets it, by whatever door; the topic of that name, if declared, keeps it. ${ABOUT}`,
    params: {
      exchange: text('Another exchange than the main line.'),
      ...PROPERTY_PARAMS,
      ...FLAG_PARAMS,
      ...RETAIN,
      ...ATOMIC,
    },
    ...DOCS,
    handle: async (call) => {
      const { query, path } = call;
      return json(await publish(call, query, { exchange: query.exchange ?? MAIN_LINE, address: path.address }, query.retain));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/topics/{topic}/records',
    id: 'appendRecords',
    tag: 'topics',
    summary: 'Append to a topic',
    about: `Publishes to the address of the topic’s name, and refuses with \`unknown\` when there is no such topic. ${ABOUT}`,
    params: { ...PROPERTY_PARAMS, ...FLAG_PARAMS, ...RETAIN, ...ATOMIC },
    ...DOCS,
    handle: (call) => append(call, call.query, call.path.topic),
  }),
  route({
    method: 'POST',
    path: '/v1/queues/{queue}/messages',
    id: 'sendMessages',
    tag: 'queues',
    summary: 'Send to a queue',
    about: `Straight into the queue, past all exchanges. ${ABOUT}`,
    params: { ...PROPERTY_PARAMS, transient: FLAG_PARAMS.transient, ...ATOMIC },
    ...DOCS,
    handle: async (call) =>
      json(await publish(call, { ...call.query, mandatory: true }, { exchange: '', address: call.path.queue }, false)),
  }),
];
