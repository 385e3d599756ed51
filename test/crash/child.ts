/** The broker that gets killed: publishes and consumes under load and says on stdout what was confirmed to it, line by line. */

import { writeSync } from 'node:fs';
import { nodeHost } from '../../src/host/node-host.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { open } from '../../src/signalbox.ts';

const [directory = '', durability = 'fsync', first = '0', by = 'api'] = process.argv.slice(2);
const IN_FLIGHT = 64;

const box = await open(directory, { durability: durability as 'fsync', upkeep: { checkpointBytes: 4_000_000 } });
const queue = await box.declareQueue('crash');
const topic = await box.declareTopic('crash-topic', { partitions: 2 });
let next = Number(first);
let confirmed: string[] = [];

/** One write for all that was confirmed in a turn: what the parent has read before the kill was confirmed before the kill. */
function tell(line: string): void {
  if (confirmed.length === 0)
    setImmediate(() => {
      writeSync(1, `${confirmed.join('\n')}\n`);
      confirmed = [];
    });
  confirmed.push(line);
}

const body = (id: string) => `${id} ${'x'.repeat((Number(id) * 7919) % 3000)}`;

async function publishApi(id: string): Promise<void> {
  if (Number(id) % 3 === 0) {
    const { partition, offset } = await topic.publish(body(id));
    tell(`T ${id} ${partition} ${offset}`);
  } else {
    await queue.send(body(id));
    tell(`Q ${id}`);
  }
}

async function publishHttp(port: number, id: string): Promise<void> {
  const toTopic = Number(id) % 3 === 0;
  const path = toTopic ? '/v1/topics/crash-topic/records' : '/v1/queues/crash/messages';
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: body(id),
  });
  const answer = (await response.json()) as { partition?: number; offset?: number };
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  tell(toTopic ? `T ${id} ${answer.partition} ${answer.offset}` : `Q ${id}`);
}

const server = by === 'http' ? await openDoor() : undefined;
const publish = server === undefined ? publishApi : (id: string) => publishHttp(server.port, id);

async function openDoor() {
  const { startHttp } = await import('../../src/servers/http/http.ts');
  return startHttp(box.engine, { port: 0, machine: nodeHost({ logger: silentLogger }) });
}

async function publisher(): Promise<void> {
  for (;;) await publish(String(next++));
}

async function consumer(): Promise<void> {
  for await (const message of queue.consume({ prefetch: 20 })) {
    const id = String(message.value).split(' ')[0] ?? '';
    // Every other message is left in flight or goes back; the rest is acked, and said to be asked for before it is.
    // Said before it is asked, and not at the end of the turn: a message may be gone as soon as its ack is on its way.
    if (Number(id) % 4 === 1) writeSync(1, `ASKED ${id}\n`);
    if (Number(id) % 4 === 1) void message.ack().then((held) => held && tell(`ACKED ${id}`));
    else await message.requeue({ delay: 20 });
  }
}

process.on('SIGTERM', () => {
  void Promise.resolve(server?.close())
    .then(() => box.close())
    .then(() => process.stdout.write('CLOSED\n', () => process.exit(0)));
});

process.stdout.write('READY\n');
for (let i = 0; i < IN_FLIGHT; i++) void publisher().catch(() => undefined);
void consumer().catch(() => undefined);
