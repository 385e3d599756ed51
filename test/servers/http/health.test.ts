import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opened } from './opened.ts';

test('ready while it serves, not any more once the broker has ended; alive all the time', async (t) => {
  const door = await opened(t);
  const status = async (path: string): Promise<number> => (await door.ask('GET', path)).status;
  assert.deepEqual([await status('/livez'), await status('/readyz')], [200, 200]);
  await door.broker.close();
  assert.deepEqual([await status('/livez'), await status('/readyz')], [200, 503]);
  const refused = await door.ask('POST', '/v1/publish/a', { body: 'x' });
  assert.deepEqual([refused.status, refused.json.code, refused.headers.get('retry-after')], [503, 'closed', '1']);
});

test('figures are in Prometheus’ format, one family each, with queues and topics as labels', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q%22%5C');
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 2 } });
  await door.ask('POST', '/v1/topics/t/records?partition=1', { body: 'x' });
  const { text, headers } = await door.ask('GET', '/metrics');
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const families = new Set<string>();
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE (\w+) (counter|gauge)$/.exec(line)?.[1];
    if (type !== undefined) {
      assert.ok(!families.has(type), `${type} comes twice`);
      families.add(type);
    } else if (!line.startsWith('# HELP ')) {
      const sample = /^(\w+)(\{\w+="(?:[^"\\\n]|\\["\\n])*"(?:,\w+="(?:[^"\\\n]|\\["\\n])*")*\})? (-?[\d.e+]+|NaN|[+-]Inf)$/.exec(line);
      assert.ok(sample !== null && families.has(sample[1] ?? ''), line);
    }
  }
  assert.ok(text.includes('signalbox_queue_ready{queue="q\\"\\\\"} 0'));
  assert.ok(text.includes('signalbox_partition_end_offset{topic="t",partition="1"} 1'));
  assert.ok(text.includes('signalbox_http_published_total 1'));
  assert.ok(text.includes('signalbox_http_requests_total 4'));
});
