/** The door of the broker: joins core, journal and logs into an Engine that runs in this process. */

import { type Effects, type Queue, type Rules, Topic } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import { openHome } from '../journal/journal.ts';
import { type Language, readMessage } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import { Groups } from './groups.ts';
import type { Broker, BrokerOptions, House } from './house.ts';
import { Ledger } from './ledger.ts';
import { Overdue } from './overdue.ts';
import { Partitions } from './partitions.ts';
import { Queues } from './queues.ts';
import { Reader } from './reader.ts';
import { Schemas } from './schemas.ts';
import { Seat } from './seat.ts';
import { Staying } from './staying.ts';
import { Takings } from './takings.ts';
import { trim } from './trim.ts';
import { Upkeep } from './upkeep.ts';
import { UPKEEP } from './upkeep-options.ts';

export type { Durability } from '../journal/journal.ts';
export { tokenVerifier } from '../model/verifier.ts';
export type { Broker, BrokerOptions } from './house.ts';
export { passwordVerifier } from './secrets.ts';

const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Opens a broker: replays the journal and begins to serve. Rejects with `locked`, `damaged` or `format`. */
export async function openBroker(host: Host, options: BrokerOptions): Promise<Broker> {
  const lock = await openHome(host.disk, options.directory);
  try {
    return new Seat(await openHouse(host, options, lock.release), {});
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openHouse(host: Host, options: BrokerOptions, unlock: () => Promise<void>): Promise<House> {
  const ledger = new Ledger(host);
  const staying = new Staying(host.clock);
  const schemas = new Schemas();
  const languages = new Map((options.languages ?? []).map((language) => [language.number, language]));
  const rules: Rules = {
    messageBytesMax: options.messageBytesMax ?? MESSAGE_BYTES_MAX,
    languages,
    fault: (schema, message) => schemas.fault(schema, message),
  };
  const fail = (error: Error) => {
    host.logger.error('broker.failed', { error: error.message });
    ledger.fail(error);
    house.partitions.wakeAll();
    house.queues.stop('The broker has stopped after a disk error.');
    options.onFailure?.(error);
  };
  const partitions = new Partitions(host, ledger, staying, {
    directory: `${options.directory}/topics`,
    segmentBytes: options.logSegmentBytes,
    languages,
    keyOf: (bytes, at) => keyOf(bytes, at, languages),
    onFailure: fail,
  });
  const touched = new Set<Queue>();
  ledger.effects = replayEffects(touched, partitions);
  await ledger.open({
    directory: `${options.directory}/journal`,
    durability: options.durability ?? 'fsync',
    ...(options.blockBytesMax !== undefined && { blockBytesMax: options.blockBytesMax }),
    ...(options.segmentBytes !== undefined && { segmentBytes: options.segmentBytes }),
    ...(options.cacheBytes !== undefined && { cacheBytes: options.cacheBytes }),
    onFailure: fail,
    onSafe: () => house.upkeep.wake(),
  });
  const reader = new Reader(ledger.journal);
  const queues = new Queues(host, ledger, reader, rules, staying, options.onDeath);
  const groups = new Groups(host.clock, host.logger, ledger, partitions);
  const takings = new Takings(host, ledger, reader, queues);
  const upkeep = new Upkeep(host, ledger, partitions, reader, { ...UPKEEP, ...options.upkeep }, (topic, partition, start) =>
    trim(house, topic, partition, start),
  );
  let closed: Promise<void> | undefined;
  const house: House = {
    host,
    ledger,
    queues,
    takings,
    partitions,
    groups,
    schemas,
    rules,
    upkeep,
    overdue: new Overdue(host, ledger, queues),
    durable: options.durability !== 'memory',
    close: () => {
      closed ??= closeHouse(house, reader, unlock);
      return closed;
    },
  };
  await serve(house, touched);
  return house;
}

/** The state has been replayed: from now on what is applied has its effects. `touched`: queues that replay met. */
async function serve(house: House, touched: ReadonlySet<Queue>): Promise<void> {
  const { host, ledger, queues, partitions, overdue, upkeep } = house;
  partitions.replayed();
  ledger.effects = liveEffects(house);
  // Whoever appends to a topic, a publisher or a dead letter: readers see it once it is safe.
  ledger.recorded = () => partitions.hold();
  ledger.record([{ kind: 'opened', nowMs: ledger.nowMs(), identity: Buffer.from(host.random.bytes(16)).toString('hex') }]);
  overdue.start();
  ledger.journal.sync();
  for (const queue of ledger.state.queues.values()) if (touched.has(queue) || queue.spec.expiresMs !== undefined) queues.touch(queue);
  await partitions.sweep();
  upkeep.start();
}

/** While replaying nothing is served: queues are looked at afterwards. */
function replayEffects(touched: Set<Queue>, partitions: Partitions): Effects {
  return {
    touched: (queue) => touched.add(queue),
    append: (...appended) => partitions.append(...appended),
    removed: (gone) => {
      if (gone instanceof Topic) partitions.removed(gone);
      else touched.delete(gone);
    },
    trimmed: () => undefined,
  };
}

function liveEffects({ queues, partitions, groups }: House): Effects {
  return {
    touched: (queue, sinceMs) => queues.touch(queue, sinceMs),
    append: (...appended) => partitions.append(...appended),
    removed: (gone) => {
      if (gone instanceof Topic) {
        partitions.removed(gone);
        groups.topicChanged(gone);
      } else queues.removed(gone);
    },
    trimmed: (topic, partition) => partitions.trimmed(topic, partition),
  };
}

/** Lets what is under way finish, takes a checkpoint so that the next start is quick, and lets go of the directory. */
async function closeHouse(house: House, reader: Reader, unlock: () => Promise<void>): Promise<void> {
  const { ledger, queues, partitions, upkeep, overdue } = house;
  overdue.stop();
  await upkeep.stop();
  queues.stop('The broker is closing.');
  if (ledger.ended === undefined) await upkeep.checkpoint();
  ledger.shut(new Refused('closed', 'The broker has been closed. Open it again to go on.'));
  partitions.wakeAll();
  await partitions.close();
  reader.close();
  await ledger.journal.close();
  await unlock();
}

/** A record in a language that no open door speaks, or that does not parse, has no key as far as compaction goes: it stays. */
function keyOf(bytes: Uint8Array, at: number, languages: ReadonlyMap<number, Language>): Uint8Array | undefined {
  try {
    return readMessage(bytes, at, languages).key;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
