/**
 * Fuzzes everything of Kafka that a stranger's bytes reach: `node fuzz/kafka.ts [--runs 1000000] [--sessions 5000] [--seed N]`. Decoders may
 * answer or refuse (`BytesError`, `Refused`), and a session may answer or end its connection; anything else, a door that no longer answers
 * others, or more than 50 ms, is a finding: it is saved to fuzz/corpus/kafka, which every run replays first, and the exit code is 1.
 */

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
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  type Api,
  BatchHead,
  END_TXN,
  encodeRequest,
  FETCH,
  FrameCutter,
  INIT_PRODUCER_ID,
  JOIN_GROUP,
  KAFKA,
  MessageReader,
  OFFSET_COMMIT,
  PRODUCE,
  readClientId,
  readRequest,
  readRequestHead,
  TXN_OFFSET_COMMIT,
  unpackBatch,
} from '../src/wire/kafka/kafka.ts';
import { APIS, message } from '../test/wire/kafka/apis.ts';
import { batchOf } from '../test/wire/kafka/batches.ts';
import { Chance, cut, mutated } from './kit/chance.ts';
import { Findings, type Target } from './kit/findings.ts';

const CHANGES = { changesMax: 4 };
const OPENED_MAX = 1 << 20;

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
      for (const piece of cut(input, chance)) cutter.push(piece);
      if (cutter.heldBytes > 100_000 + 4) throw new Error('More was held than had come.');
    },
  },
];

const findings = new Findings('kafka', (error) => error instanceof BytesError || error instanceof Refused);

const TXN = { transactionalId: 'x', producerId: 0, producerEpoch: 0 };
const TOPIC = { name: 't', partitions: [0] };
const GROUP = { groupId: 'g', memberId: '', generationId: 1 };
const produced = (records: Uint8Array, transactionalId: string | null) =>
  encodeRequest(PRODUCE, 9, 1, 'fuzz', {
    transactionalId,
    acks: -1,
    timeoutMs: 1,
    topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
  });
const offsets = { name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] };
const fetched = { topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] };

/** What clients say that know what they want. */
const SAID: readonly Uint8Array[] = [
  ...BATCHES.map((batch) => produced(batch, null)),
  produced(batchOf(RECORDS, { producer: { id: 0, epoch: 0, sequence: 0 } }), null),
  produced(batchOf(RECORDS, { producer: { id: 0, epoch: 0, sequence: 0 }, attributes: 16 }), 'x'),
  encodeRequest(INIT_PRODUCER_ID, 4, 1, 'fuzz', { transactionalId: 'x', transactionTimeoutMs: 1000 }),
  encodeRequest(ADD_PARTITIONS_TO_TXN, 3, 1, 'fuzz', { ...TXN, topics: [TOPIC] }),
  encodeRequest(ADD_OFFSETS_TO_TXN, 3, 1, 'fuzz', { ...TXN, groupId: 'g' }),
  encodeRequest(TXN_OFFSET_COMMIT, 3, 1, 'fuzz', { ...TXN, ...GROUP, topics: [offsets] }),
  encodeRequest(END_TXN, 3, 1, 'fuzz', { ...TXN, committed: true }),
  encodeRequest(FETCH, 12, 1, 'fuzz', {
    maxWaitMs: 1,
    minBytes: 1,
    maxBytes: 10_000,
    topics: [fetched],
    forgottenTopicsData: [],
    rackId: '',
  }),
  encodeRequest(JOIN_GROUP, 3, 1, 'fuzz', {
    ...GROUP,
    sessionTimeoutMs: 1000,
    rebalanceTimeoutMs: 1000,
    protocolType: 'consumer',
    protocols: [{ name: 'p', metadata: new Uint8Array(3) }],
  }),
  encodeRequest(OFFSET_COMMIT, 7, 1, 'fuzz', { ...GROUP, generationIdOrMemberEpoch: -1, topics: [offsets] }),
];

interface Heard {
  bytes: number;
  answers: number;
}

const HEARD_MAX = 64 * 1024 * 1024;
/** Sessions of one door, which share its topics and groups. */
const DOOR_SESSIONS = 500;
const WAIT_TURNS = 1000;

function sessionOn(door: Door): { readonly session: Session; readonly heard: Heard } {
  const heard = { bytes: 0, answers: 0 };
  const session = new Session(door, new Peer('127.0.0.1', 1, 'fuzz', new FetchSessions(), new Login({})), {
    send: (pieces: readonly Uint8Array[]) => {
      heard.answers += 1;
      for (const piece of pieces) heard.bytes += piece.length;
    },
    room: () => Promise.resolve(),
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  });
  return { session, heard };
}

/** Somebody who says nothing wrong is answered, whatever others did before. */
async function bystander(door: Door): Promise<void> {
  const { session, heard } = sessionOn(door);
  session.receive(new Uint8Array(produced(batchOf([{ value: 'v' }]), null)));
  for (let turns = 0; heard.answers === 0 && turns < WAIT_TURNS; turns++) await setImmediate();
  session.end();
  if (heard.answers === 0) throw new Error('The door no longer answers.');
}

/** Requests, some damaged, on sessions of one door; what goes wrong inside is a finding. */
async function overSessions(count: number, chance: Chance): Promise<void> {
  const served = [...HANDLERS.values()].map(({ api }) => api.key);
  const drawn = REQUESTS.filter((frame) => served.includes(new DataView(frame.buffer, frame.byteOffset).getInt16(4)));
  for (let done = 0; done < count; done += DOOR_SESSIONS) {
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
    for (let i = 0; i < DOOR_SESSIONS; i++) {
      const frames = chance.below(2) === 0 ? drawn : SAID;
      const former = again.pop();
      const stream =
        former ??
        Buffer.concat(
          Array.from({ length: 1 + chance.below(4) }, () =>
            chance.below(3) === 0 ? mutated(chance.pick(frames), frames, chance, CHANGES) : chance.pick(frames),
          ),
        );
      await throwAt(door, stream, inside, chance);
    }
    await bystander(door);
    door.closing.abort();
    door.groups.close();
    door.transactions.close();
    await engine.close();
  }
}

async function throwAt(door: Door, stream: Buffer, inside: string[], chance: Chance): Promise<void> {
  const { session, heard } = sessionOn(door);
  for (const piece of cut(stream, chance)) session.receive(piece);
  for (let turns = 1 + chance.below(3); turns > 0; turns--) await setImmediate();
  session.end();
  const [wrong] = inside.splice(0);
  if (wrong !== undefined) findings.found('session', stream, wrong);
  if (heard.bytes > HEARD_MAX) findings.found('session', stream, `It was sent ${heard.bytes} bytes.`);
}

const { values } = parseArgs({ options: { runs: { type: 'string' }, sessions: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 0xffff_ffff);
const runs = Number(values.runs ?? 1_000_000);
const sessions = Number(values.sessions ?? runs);
const chance = new Chance(seed);
/** What a session was found with is thrown at sessions again. */
const again: Buffer[] = [];
const replayed = await findings.replay(TARGETS, chance, async (input) => void again.push(input));
for (let i = 0; i < runs; i++) {
  const target = chance.pick(TARGETS);
  findings.tryOut(target, mutated(chance.pick(target.seeds), target.seeds, chance, CHANGES), chance);
}
await overSessions(sessions, chance);
console.log(`fuzz kafka: ${replayed} of the corpus, ${runs} inputs, ${sessions} sessions, seed ${seed}: ${findings.count} findings`);
process.exit(findings.count === 0 ? 0 : 1);
