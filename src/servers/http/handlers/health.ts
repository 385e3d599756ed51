/** Is it alive, is it ready, and how is it doing: for whatever watches over the process. */

import type { Description, Engine } from '../../../model/engine.ts';
import { Refused } from '../../../model/refusal.ts';
import { encodeMetrics, type Family, MEDIA, metricName, type Sample } from '../../../wire/http/http.ts';
import type { Door } from '../door.ts';
import { HttpFault } from '../fault.ts';
import { NO_PARAMS, type Route, route } from '../route.ts';

const OK = { status: 200, type: MEDIA.text, body: 'ok\n' } as const;
const TEXT = { [MEDIA.text]: { type: 'string' } } as const;
/** With more queues or topics than this, only the sums are told: a scrape must not take seconds. */
const SERIES_MAX = 2000;

function doorFamilies({ figures, lasting, bodiesBytes }: Door): Family[] {
  const answers: Sample[] = figures.answers.map((value, first) => ({ value, labels: { status: `${first}xx` } })).slice(2);
  return [
    { name: 'signalbox_http_requests_total', help: 'Requests begun.', type: 'counter', samples: [{ value: figures.requests }] },
    { name: 'signalbox_http_answers_total', help: 'Requests answered, by status.', type: 'counter', samples: answers },
    { name: 'signalbox_http_streams', help: 'Event streams open.', type: 'gauge', samples: [{ value: figures.streams }] },
    { name: 'signalbox_http_websockets', help: 'WebSockets open.', type: 'gauge', samples: [{ value: figures.webSockets }] },
    { name: 'signalbox_http_lasting', help: 'Streams and WebSockets open.', type: 'gauge', samples: [{ value: lasting.size }] },
    { name: 'signalbox_http_body_bytes', help: 'Bytes of request bodies in memory.', type: 'gauge', samples: [{ value: bodiesBytes }] },
    {
      name: 'signalbox_http_published_total',
      help: 'Messages published by this door.',
      type: 'counter',
      samples: [{ value: figures.published }],
    },
    {
      name: 'signalbox_http_delivered_total',
      help: 'Messages sent to clients of this door.',
      type: 'counter',
      samples: [{ value: figures.delivered }],
    },
  ];
}

function engineFamilies(engine: Engine): Family[] {
  return [...engine.metrics()].map(([name, value]) => ({
    name: metricName('signalbox', name),
    help: `The engine's figure ${name}.`,
    type: name.endsWith('_total') ? 'counter' : 'gauge',
    samples: [{ value }],
  }));
}

/** Throws why the engine has ended, if it has. */
function checkServing(engine: Engine): void {
  if (engine.ended !== undefined) throw Refused.of(engine.ended);
}

type QueueDescription = Extract<Description, { kind: 'queue' }>;

function queueFamilies(descriptions: readonly Description[]): Family[] {
  const queues = descriptions.filter((description) => description.kind === 'queue');
  if (queues.length > SERIES_MAX) return [];
  const gauge = (name: string, help: string, value: (queue: QueueDescription) => number, type: Family['type'] = 'gauge'): Family => ({
    name: `signalbox_queue_${name}`,
    help,
    type,
    samples: queues.map((queue) => ({ value: value(queue), labels: { queue: queue.spec.name } })),
  });
  return [
    gauge('ready', 'Messages that can be delivered now.', (queue) => queue.ready),
    gauge('delayed', 'Messages that wait for their time.', (queue) => queue.delayed),
    gauge('in_flight', 'Messages delivered and not settled.', (queue) => queue.inFlight),
    gauge('consumers', 'Consumers.', (queue) => queue.consumers),
    gauge('size_bytes', 'Bytes of its messages.', (queue) => queue.sizeBytes),
    gauge('published_total', 'Messages that came in.', (queue) => queue.totals.published, 'counter'),
    gauge('acked_total', 'Messages acknowledged.', (queue) => queue.totals.acked, 'counter'),
    gauge('dead_lettered_total', 'Messages dead-lettered.', (queue) => queue.totals.deadLettered, 'counter'),
    gauge('expired_total', 'Messages that expired.', (queue) => queue.totals.expired, 'counter'),
    gauge('dropped_total', 'Messages dropped by the queue’s overflow policy.', (queue) => queue.totals.dropped, 'counter'),
    gauge('purged_total', 'Messages purged.', (queue) => queue.totals.purged, 'counter'),
  ];
}

function topicFamilies(descriptions: readonly Description[]): Family[] {
  const topics = descriptions.filter((description) => description.kind === 'topic');
  const partitions = topics.flatMap((topic) => topic.partitions.map((state) => ({ topic: topic.spec.name, ...state })));
  if (partitions.length > SERIES_MAX) return [];
  const place = (topic: string, partition: number): Sample['labels'] & object => ({ topic, partition: String(partition) });
  return [
    {
      name: 'signalbox_topic_size_bytes',
      help: 'Bytes of the topic’s records.',
      type: 'gauge',
      samples: topics.map((topic) => ({ value: topic.sizeBytes ?? 0, labels: { topic: topic.spec.name } })),
    },
    {
      name: 'signalbox_partition_start_offset',
      help: 'First offset still there.',
      type: 'gauge',
      samples: partitions.map(({ topic, partition, start }) => ({ value: start, labels: place(topic, partition) })),
    },
    {
      name: 'signalbox_partition_end_offset',
      help: 'First offset not there yet.',
      type: 'gauge',
      samples: partitions.map(({ topic, partition, end }) => ({ value: end, labels: place(topic, partition) })),
    },
  ];
}

export const HEALTH_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/livez',
    id: 'isAlive',
    tag: 'health',
    summary: 'Is the process alive?',
    open: true,
    params: NO_PARAMS,
    answers: { 200: { about: 'Yes.', content: TEXT } },
    handle: async () => OK,
  }),
  route({
    method: 'GET',
    path: '/readyz',
    id: 'isReady',
    tag: 'health',
    summary: 'Does it serve?',
    about: 'Answers 503 while the door closes, and for good once a disk error has ended the broker.',
    params: NO_PARAMS,
    answers: { 200: { about: 'Yes.', content: TEXT } },
    handle: async ({ door }) => {
      if (door.isClosing) throw new HttpFault('overloaded', 'The door is closing.');
      checkServing(door.engine);
      return OK;
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    id: 'metrics',
    tag: 'health',
    summary: 'Figures for Prometheus',
    params: NO_PARAMS,
    answers: { 200: { about: 'In text format 0.0.4.', content: { [MEDIA.prometheus]: { type: 'string' } } } },
    handle: async ({ door, engine }) => {
      const [queues, topics] = await Promise.all([engine.list('queue'), engine.list('topic')]);
      const families = [...engineFamilies(engine), ...queueFamilies(queues), ...topicFamilies(topics), ...doorFamilies(door)];
      return { status: 200, type: MEDIA.prometheus, body: encodeMetrics(families) };
    },
  }),
];
