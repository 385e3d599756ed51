/**
 * Fuzzes everything of Kafka that a stranger's bytes reach: `node fuzz/kafka.ts [--runs 1000000] [--sessions 5000] [--seed N]`. Decoders may
 * answer or refuse (`BytesError`, `Refused`), and a session may answer or end its connection; anything else, a door that no longer answers
 * others, or more than 50 ms, is a finding: it is saved to fuzz/corpus/kafka, which every run replays first, and the exit code is 1.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { openBroker } from '../src/broker/broker.ts';
import { BytesError } from '../src/bytes/reader.ts';
import { MemoryDisk } from '../src/host/memory-disk.ts';
import { nodeHost } from '../src/host/node-host.ts';
import { Refused } from '../src/model/refusal.ts';
import { Attempts } from '../src/servers/attempts.ts';
import { Door } from '../src/servers/kafka/door.ts';
import { FetchSessions } from '../src/servers/kafka/fetch-sessions.ts';
import { HANDLERS } from '../src/servers/kafka/handlers.ts';
import { KAFKA_LIMITS } from '../src/servers/kafka/limits.ts';
import { Login } from '../src/servers/kafka/login.ts';
import { Peer } from '../src/servers/kafka/peer.ts';
import { Session } from '../src/servers/kafka/session.ts';
import { seal } from '../src/wire/kafka/batch.ts';
import { decompress } from '../src/wire/kafka/compression.ts';
import {
  type Api,
  BatchHead,
  encodeRequest,
  FrameCutter,
  KAFKA,
  MessageReader,
  readClientId,
  readRequest,
  readRequestHead,
  unpackBatch,
} from '../src/wire/kafka/kafka.ts';
import { APIS, message } from '../test/wire/kafka/apis.ts';
import { batchOf } from '../test/wire/kafka/batches.ts';

const CORPUS = new URL('./corpus/kafka/', import.meta.url);
const SLOW_MS = 50;
const SAVED_MAX = 20;
const OPENED_MAX = 1 << 20;

/** A small generator, so that a seed repeats a run. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  below(n: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T; // never empty here
  }
}

/** Values that lengths and counts go wrong with. */
const ODD: readonly number[] = [0, 1, 0x7f, 0x80, 0xff];

function mutated(seed: Uint8Array, others: readonly Uint8Array[], chance: Chance): Uint8Array {
  let bytes = Buffer.from(seed);
  for (let changes = chance.below(4); changes >= 0; changes--) {
    const at = chance.below(bytes.length + 1);
    const what = chance.below(6);
    if (what === 0 && bytes.length > 0) bytes[at % bytes.length] = chance.below(256);
    else if (what === 1 && bytes.length > 0) bytes[at % bytes.length] = chance.pick(ODD);
    else if (what === 2) bytes = bytes.subarray(0, at);
    else if (what === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 1 - chance.below(8)))]);
    else if (what === 4) bytes = Buffer.concat([bytes.subarray(0, at), chance.pick(others).subarray(chance.below(20))]);
    else if (bytes.length >= 4)
      bytes.writeInt32BE(chance.pick([-1, -2, 0x7fffffff, -0x80000000, 0x00ffffff]), Math.min(at, bytes.length - 4));
  }
  return new Uint8Array(bytes);
}

interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly run: (input: Uint8Array, chance: Chance) => void;
}

function requestsOf(api: Api): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let version = api.versions[0]; version <= api.versions[1]; version++) {
    for (const request of fc.sample(message(api.request, version), { numRuns: 3, seed: version + 1 }))
      frames.push(encodeRequest(api, version, 1, 'fuzz', request));
  }
  return frames;
}

const REQUESTS = APIS.flatMap(requestsOf);
const RECORDS = [
  { key: 'k', value: 'v'.repeat(40), headers: [['h', 'x']] as const },
  { value: null },
  { key: '', value: 'abc'.repeat(30) },
];
const BATCHES = [0, 1, 4].map((codec) => batchOf(RECORDS, { codec }));
const PACKED = {
  snappy: Buffer.from('82534e415050590000000001000000010000000503086162630000000c0c0461621902', 'hex'),
  lz4: Buffer.from('04224d184040c0080000002661620200206364 00000000'.replaceAll(' ', ''), 'hex'),
};

const TARGETS: readonly Target[] = [
  {
    name: 'request',
    seeds: REQUESTS.map((frame) => frame.subarray(4)),
    run: (input) => {
      const from = new MessageReader(input);
      const { key, version } = readRequestHead(from);
      const api = APIS.find((one) => one.key === key && version >= one.versions[0] && version <= one.versions[1]);
      if (api === undefined) return;
      readClientId(from, api, version);
      readRequest(from, api, version);
    },
  },
  {
    name: 'batch',
    seeds: BATCHES,
    run: (input) => {
      const head = new BatchHead();
      if (head.read(input, 0, input.length) !== undefined) return;
      // With its checksum right again, what is behind it is looked at too.
      seal(input, 0, head.sizeBytes);
      if (head.check(input, 0) !== undefined) return;
      const { count, ends, timesMs } = unpackBatch(input, 0, 'a');
      if (count !== head.count || ends.length !== count || timesMs?.length !== count)
        throw new Error('A batch was opened to another number of records.');
    },
  },
  {
    name: 'compressed',
    seeds: [PACKED.snappy, PACKED.lz4],
    run: (input, chance) => {
      if (decompress(1 + chance.below(4), input, OPENED_MAX).length > OPENED_MAX) throw new Error('More was opened than was allowed.');
    },
  },
  {
    name: 'frames',
    seeds: REQUESTS,
    run: (input, chance) => {
      const cutter = new FrameCutter(100_000, () => undefined);
      for (let at = 0; at < input.length; ) {
        const step = 1 + chance.below(9);
        cutter.push(input.subarray(at, at + step));
        at += step;
      }
      if (cutter.heldBytes > 100_000 + 4) throw new Error('More was held than had come.');
    },
  },
];

let findings = 0;

function tryOut(target: Target, input: Uint8Array, chance: Chance): void {
  const beganMs = performance.now();
  try {
    answerOrRefuse(target, input, chance);
  } catch (error) {
    found(target.name, input, String(error instanceof Error ? error.stack : error));
    return;
  }
  // A pause of the machine is not a hang: what is slow must be so again.
  if (performance.now() - beganMs <= SLOW_MS) return;
  const againMs = performance.now();
  answerOrRefuse(target, input, chance);
  if (performance.now() - againMs > SLOW_MS) found(target.name, input, `took more than ${SLOW_MS} ms`);
}

function answerOrRefuse({ run }: Target, input: Uint8Array, chance: Chance): void {
  try {
    run(input, chance);
  } catch (error) {
    if (!(error instanceof BytesError || error instanceof Refused)) throw error;
  }
}

function found(name: string, input: Uint8Array, why: string): void {
  findings += 1;
  if (findings > SAVED_MAX) return;
  const file = `${name}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
  mkdirSync(CORPUS, { recursive: true });
  writeFileSync(new URL(file, CORPUS), input);
  console.error(`FOUND ${file}: ${why}`);
}

function replay(chance: Chance): number {
  mkdirSync(CORPUS, { recursive: true });
  let count = 0;
  for (const file of readdirSync(CORPUS)) {
    const target = TARGETS.find((one) => file.startsWith(`${one.name}-`));
    if (target === undefined) continue;
    tryOut(target, new Uint8Array(readFileSync(new URL(file, CORPUS))), chance);
    count += 1;
  }
  return count;
}

/** Requests, some damaged, on sessions of one door that share topics and groups; what goes wrong inside is a finding. */
async function overSessions(count: number, chance: Chance): Promise<void> {
  const served = [...HANDLERS.values()].map(({ api }) => api.key);
  const frames = REQUESTS.filter((frame) => served.includes(new DataView(frame.buffer, frame.byteOffset).getInt16(4)));
  for (let done = 0; done < count; done += 200) {
    const inside: string[] = [];
    const logger = {
      info: () => undefined,
      warn: () => undefined,
      error: (event: string, fields?: object) => inside.push(`${event} ${JSON.stringify(fields)}`),
    };
    const machine = { ...nodeHost(), disk: new MemoryDisk(), logger };
    const engine = await openBroker(machine, { directory: '/fuzz', durability: 'memory', languages: [KAFKA] });
    const limits = { ...KAFKA_LIMITS, fetchWaitMs: 1, frameBytesMax: 1 << 20 };
    const settings = { advertised: undefined, autoCreate: true, partitions: 1 };
    const door = new Door(engine, machine, limits, settings, [], new Attempts(machine.clock, 1000, 1000), HANDLERS);
    for (let i = 0; i < 200; i++) {
      const stream = Buffer.concat(
        Array.from({ length: 1 + chance.below(4) }, () =>
          chance.below(3) === 0 ? mutated(chance.pick(frames), frames, chance) : chance.pick(frames),
        ),
      );
      const session = new Session(door, new Peer('127.0.0.1', 1, 'fuzz', new FetchSessions(), new Login({})), {
        send: () => undefined,
        room: () => Promise.resolve(),
        pause: () => undefined,
        resume: () => undefined,
        close: () => undefined,
      });
      for (let at = 0; at < stream.length; ) {
        const step = 1 + chance.below(stream.length);
        session.receive(new Uint8Array(stream.subarray(at, at + step)));
        at += step;
      }
      await setImmediate();
      session.end();
      const [wrong] = inside.splice(0);
      if (wrong !== undefined) found('session', stream, wrong);
    }
    door.closing.abort();
    door.groups.close();
    await engine.close();
  }
}

const { values } = parseArgs({ options: { runs: { type: 'string' }, sessions: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 0xffff_ffff);
const runs = Number(values.runs ?? 1_000_000);
const sessions = Number(values.sessions ?? Math.min(5000, runs));
const chance = new Chance(seed);
const replayed = replay(chance);
for (let i = 0; i < runs; i++) {
  const target = chance.pick(TARGETS);
  tryOut(target, mutated(chance.pick(target.seeds), target.seeds, chance), chance);
}
await overSessions(sessions, chance);
console.log(`fuzz kafka: ${replayed} of the corpus, ${runs} inputs, ${sessions} sessions, seed ${seed}: ${findings} findings`);
process.exit(findings === 0 ? 0 : 1);
