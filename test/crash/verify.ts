/** After a crash: opens the broker, takes everything out, and compares it with what was confirmed before. Says what is wrong as JSON. */

import { readFileSync } from 'node:fs';
import { open } from '../../src/signalbox.ts';

const [directory = '', ackFile = ''] = process.argv.slice(2);

interface Told {
  readonly queue: Set<string>;
  readonly asked: Set<string>;
  readonly acked: Set<string>;
  readonly topic: Map<string, { partition: number; offset: number }>;
}

function read(file: string): Told {
  const told: Told = { queue: new Set(), asked: new Set(), acked: new Set(), topic: new Map() };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [kind, id = '', partition, offset] = line.split(' ');
    if (kind === 'Q') told.queue.add(id);
    if (kind === 'ASKED') told.asked.add(id);
    if (kind === 'ACKED') told.acked.add(id);
    if (kind === 'T') told.topic.set(id, { partition: Number(partition), offset: Number(offset) });
  }
  return told;
}

function isWhole(text: string): boolean {
  const [id = '', rest = ''] = text.split(' ');
  return rest === 'x'.repeat((Number(id) * 7919) % 3000);
}

const told = read(ackFile);
const wrong: string[] = [];
const box = await open(directory);
const found = new Set<string>();
const queue = box.queue('crash');
if ((await box.describe('queue', 'crash')) !== undefined) {
  // Requeued ones wait 20 ms: three empty looks in a row end it.
  for (let empty = 0; empty < 3; ) {
    const messages = await queue.receive({ max: 500, wait: 40 });
    empty = messages.length === 0 ? empty + 1 : 0;
    for (const message of messages) {
      const text = String(message.value);
      if (!isWhole(text)) wrong.push(`queue: message ${text.slice(0, 20)} is not what was sent`);
      const id = text.split(' ')[0] ?? '';
      if (found.has(id)) wrong.push(`queue: ${id} is there twice`);
      if (told.acked.has(id)) wrong.push(`queue: ${id} is there again after its ack was confirmed`);
      found.add(id);
    }
    await Promise.all(messages.map((message) => message.ack()));
  }
} else if (told.queue.size > 0) wrong.push('the queue is gone');
let lost = 0;
for (const id of told.queue) {
  if (found.has(id) || told.asked.has(id)) continue;
  lost++;
  if (wrong.length < 20) wrong.push(`queue: ${id} was confirmed and is lost`);
}
for (const partition of [0, 1]) {
  const places = new Map([...told.topic].filter(([, place]) => place.partition === partition).map(([id, place]) => [place.offset, id]));
  if (places.size === 0) continue;
  const offsets = [...places.keys()].sort((a, b) => a - b);
  const there = await readFrom(partition, offsets[0] ?? 0);
  for (const offset of offsets) {
    if (there.get(offset) === places.get(offset)) continue;
    lost++;
    if (wrong.length < 20)
      wrong.push(`topic: ${places.get(offset)} was confirmed at ${partition}/${offset}, where ${there.get(offset) ?? 'nothing'} is`);
  }
}
await box.close();
console.log(JSON.stringify({ confirmed: told.queue.size + told.topic.size, lost, wrong }));

async function readFrom(partition: number, from: number): Promise<Map<number, string>> {
  const there = new Map<number, string>();
  const topic = await box
    .topic('crash-topic')
    .describe()
    .catch(() => undefined);
  const end = topic?.partitions[partition]?.end ?? 0;
  if (from > end) return there;
  for (let next = from; next < end; ) {
    const fetched = await box.topic('crash-topic').fetch(partition, next);
    const { bytes, start, ends, count } = fetched.records;
    for (let i = 0; i < count; i++) {
      const text = Buffer.from(bytes.subarray(i === 0 ? start : ends[i - 1], ends[i])).toString('latin1');
      there.set(fetched.offsets[i] ?? -1, /(\d+) x*$/.exec(text)?.[1] ?? '?');
    }
    next = fetched.next;
  }
  return there;
}
