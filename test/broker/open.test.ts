import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from '../../src/bytes/crc32.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { offset } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { open } from '../../src/signalbox.ts';
import { batch, bodiesIn, bodiesOf, opened, sending } from './opened.ts';

function refuses(code: string, ...parts: readonly string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), `${error.message} should speak of ${part}`);
    return true;
  };
}

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'signalbox-'));
  t.after(() => rm(made, { recursive: true }));
  return join(made, 'data');
}

async function change(disk: MemoryDisk, path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path);
  await file.write(bytes, at);
  await file.close();
}

test('a directory that is open is refused, to this process and to another, and free again after close', async (t) => {
  const at = await directory(t);
  const box = await open(at);
  await assert.rejects(open(at), refuses('locked', at, 'close it there'));
  const program = `import { open } from ${JSON.stringify(new URL('../../src/signalbox.ts', import.meta.url).href)};
    await open(${JSON.stringify(at)}).catch((error) => console.log(error.code, error.message));`;
  assert.match(await run(program), new RegExp(`^locked .*process ${process.pid}`));
  await box.close();
  const again = await open(at);
  await again.close();
});

function run(program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', () => resolve(out));
  });
}

test('a journal damaged in its middle is refused, with file and position', async (t) => {
  const disk = new MemoryDisk();
  const { broker, kill } = await opened(t, { disk, durability: 'fsync', blockBytesMax: 4096, segmentBytes: 262_144 });
  await broker.declare({ kind: 'queue', name: 'q' });
  for (let n = 0; n < 20; n++) await broker.publish(sending('q', `${n}`.repeat(2000)));
  await kill();
  const [segment] = (await disk.list('/data/journal')).filter((name) => name.endsWith('.journal'));
  await change(disk, `/data/journal/${segment}`, 30_000, Uint8Array.of(1, 2, 3, 4));
  await assert.rejects(opened(t, { disk }), refuses('damaged', `${segment}`));
});

test('a damaged message is refused to who looks at it, with file and position; the others are given out', async (t) => {
  const disk = new MemoryDisk();
  const first = await opened(t, { disk, durability: 'fsync', blockBytesMax: 4096, segmentBytes: 262_144 });
  await first.broker.declare({ kind: 'queue', name: 'q' });
  for (let n = 0; n < 10; n++) await first.broker.publish(sending('q', `${n}`.repeat(5000)));
  const { broker } = await first.reopen();
  const [segment] = (await disk.list('/data/journal')).filter((name) => name.endsWith('.journal'));
  const contents = new Uint8Array(200_000);
  const file = await disk.open(`/data/journal/${segment}`);
  await file.read(contents, 0);
  await file.close();
  await change(disk, `/data/journal/${segment}`, Buffer.from(contents).indexOf('4444'), Uint8Array.of(0));
  await assert.rejects(broker.peek({ queue: 'q', countMax: 10 }), refuses('damaged', `${segment}`));
  assert.deepEqual(
    bodiesOf(await broker.peek({ queue: 'q', countMax: 4 })).map((body) => body[0]),
    ['0', '1', '2', '3'],
  );
});

test('a journal of a newer version is refused, and left as it was', async (t) => {
  const disk = new MemoryDisk();
  const { broker } = await opened(t, { disk });
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.close();
  const head = await disk.open('/data/journal/head');
  for (const copy of [0, 4096]) {
    const bytes = Buffer.alloc(48);
    await head.read(bytes, copy);
    bytes.writeUInt16LE(2, 12);
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    await head.write(bytes, copy);
  }
  const before = Buffer.alloc(8192);
  await head.read(before, 0);
  await assert.rejects(
    opened(t, { disk }),
    refuses('format', 'format 2', 'a newer signalbox than this one', 'that version or a later one'),
  );
  const after = Buffer.alloc(8192);
  await head.read(after, 0);
  await head.close();
  assert.deepEqual(after, before);
});

test('a damaged topic is refused to its readers, and everything else goes on', async (t) => {
  const disk = new MemoryDisk();
  const first = await opened(t, { disk, durability: 'fsync' });
  await first.broker.declare({ kind: 'topic', name: 't' });
  await first.broker.declare({ kind: 'topic', name: 'u' });
  for (let n = 0; n < 50; n++) await first.broker.publish(batch('t', 'x'.repeat(1000)));
  await first.broker.publish(batch('u', 'fine'));
  await first.broker.close();
  const home = (await disk.list('/data/topics')).find((name) => name.startsWith('1-'));
  const [log] = (await disk.list(`/data/topics/${home}`)).filter((name) => name.endsWith('.log'));
  await change(disk, `/data/topics/${home}/${log}`, 20_000, Uint8Array.of(255, 255, 255, 255));
  const { broker } = await opened(t, { disk, durability: 'fsync' });
  const read = async () => {
    for (let next = 0; next < 50; )
      next = (await broker.fetch({ topic: 't', partition: 0, offset: offset(next), sizeBytesMax: 5000 })).next;
  };
  await assert.rejects(read(), refuses('damaged', '.log', 'byte'));
  assert.deepEqual(bodiesIn((await broker.fetch({ topic: 'u', partition: 0, offset: offset(0) })).records), ['fine']);
});

test('a nearly full disk refuses publishes, lets all else go on, and ends by itself', async (t) => {
  const disk = new MemoryDisk({ capacityBytes: 40 * 1024 * 1024 });
  const options = { segmentBytes: 4 << 20, blockBytesMax: 1 << 20, upkeep: { checkpointBytes: 8 << 20 } };
  const { broker, pass } = await opened(t, { disk, durability: 'fsync', ...options });
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.declare({ kind: 'topic', name: 't' });
  const body = 'x'.repeat(500_000);
  let confirmed = 0;
  const fill = async () => {
    for (;;) {
      await broker.publish(sending('q', body));
      confirmed++;
    }
  };
  await meanwhile(pass, assert.rejects(fill(), refuses('disk-full', 'go on')));
  assert.ok(confirmed > 10, `${confirmed} messages of 0.5 MB were taken`);
  await assert.rejects(broker.publish(batch('t', 'small')), refuses('disk-full'));
  await assert.rejects(broker.transact([{ kind: 'publish', ...sending('q', 'small') }]), refuses('disk-full'));
  const described = await broker.describe('queue', 'q');
  assert.equal(described?.kind === 'queue' && described.ready, confirmed, 'what was confirmed is there, and nothing else');
  const drain = async () => {
    for (let n = 0; n < confirmed; n++) {
      const got = await broker.receive({ queue: 'q' });
      assert.ok(got);
      assert.equal(bodiesOf(got)[0]?.length, body.length);
      assert.equal(
        await broker.settle({ queue: 'q', lease: got.lease, runs: Float64Array.of(got.numbers[0] ?? -1, 1), outcome: 'ack' }),
        1,
      );
    }
  };
  await meanwhile(pass, drain());
  for (let second = 0; second < 60 && broker.metrics().get('disk_full') === 1; second++) await pass(1000);
  await meanwhile(pass, broker.publish(sending('q', 'again')));
});

/** Lets time pass until it is done. */
async function meanwhile<T>(pass: (ms: number) => Promise<void>, doing: Promise<T>): Promise<T> {
  let done = false;
  const over = () => {
    done = true;
  };
  doing.then(over, over);
  for (let step = 0; step < 2000 && !done; step++) {
    for (let turn = 0; turn < 5 && !done; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (!done) await Promise.race([pass(50), doing.then(over, over)]);
  }
  assert.ok(done, 'it never came to an end');
  return doing;
}

test('after a failed write nothing is confirmed any more, and who waits is told', async (t) => {
  const { disk: bad, fail } = dying(() => true);
  const failures: string[] = [];
  const { broker } = await opened(t, { disk: bad, durability: 'fsync', onFailure: (error) => failures.push(error.message) });
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.declare({ kind: 'topic', name: 't' });
  const ends: string[] = [];
  await broker.consume({ queue: 'q' }, { deliver: () => undefined, cancelled: (reason) => ends.push(reason) });
  const receiving = assert.rejects(broker.receive({ queue: 'q', waitMs: 1e6 }), refuses('closed'));
  const fetching = assert.rejects(broker.fetch({ topic: 't', partition: 0, offset: offset(0), waitMs: 1e6 }), refuses('closed'));
  await new Promise((resolve) => setImmediate(resolve));
  fail(true);
  await assert.rejects(broker.publish(sending('q', 'a')), refuses('closed', 'EIO'));
  await receiving;
  await fetching;
  assert.equal(ends.length, 1);
  assert.equal(failures.length, 1);
  fail(false);
  for (const attempt of [
    () => broker.publish(sending('q', 'b')),
    () => broker.declare({ kind: 'queue', name: 'other' }),
    () => broker.receive({ queue: 'q' }),
    () => broker.transact([{ kind: 'publish', ...sending('q', 'c') }]),
    () => broker.relief(),
  ])
    await assert.rejects(attempt, refuses('closed', 'EIO'));
});

test('after a log could not be written nothing is confirmed any more either, and all that was confirmed is there afterwards', async (t) => {
  const { disk, fail } = dying((path) => path.includes('/topics/'));
  const failures: string[] = [];
  const first = await opened(t, { disk, durability: 'fsync', onFailure: (error) => failures.push(error.message) });
  const { broker } = first;
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.declare({ kind: 'topic', name: 't' });
  await broker.publish(batch('t', 'confirmed'));
  await broker.fetch({ topic: 't', partition: 0, offset: offset(0) });
  fail(true);
  await assert.rejects(broker.checkpoint(), /EIO/);
  assert.equal(failures.length, 1);
  assert.equal(broker.ended?.refused, 'closed');
  await assert.rejects(broker.publish(sending('q', 'a')), refuses('closed', 'EIO'));
  await assert.rejects(broker.publish(batch('nobody', 'takes it')), refuses('closed', 'EIO'));
  fail(false);
  const again = await first.reopen();
  const { records } = await again.broker.fetch({ topic: 't', partition: 0, offset: offset(0) });
  assert.deepEqual(bodiesIn(records), ['confirmed']);
});

/** A disk on which writes to the chosen files fail while it is told so. */
function dying(chosen: (path: string) => boolean): { readonly disk: MemoryDisk; fail(failing: boolean): void } {
  const disk = new MemoryDisk();
  let failing = false;
  const open = disk.open.bind(disk);
  disk.open = async (path, options) => {
    const file = await open(path, options);
    const write = file.write.bind(file);
    file.write = (bytes, position) =>
      failing && chosen(path) ? Promise.reject(new Error('EIO: the drive is dying')) : write(bytes, position);
    return file;
  };
  return {
    disk,
    fail: (fails) => {
      failing = fails;
    },
  };
}
