/** Members of groups in a simulated broker: they come and go, read what they are given, move cursors, and notice who else holds a partition. */

import type { Broker } from '../../src/broker/broker.ts';
import type { CursorMove, Fetched, Membership, Operation, TopicPartition } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { readMessage } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import { bodyText, confirm, draw, idOf } from './messages.ts';
import type { GroupPlan } from './plan.ts';
import type { Scene } from './scene.ts';
import { isRefused } from './topic-clients.ts';

interface Holding {
  next: number;
  busy: boolean;
}

interface Seat {
  readonly id: number;
  readonly group: GroupPlan;
  /** By `topic/partition`. */
  readonly holdings: Map<string, Holding>;
  /** How often it was given anything. */
  given: number;
  membership: Membership | undefined;
  gone: boolean;
}

const SEATS_MAX = 3;

export class Members {
  readonly #scene: Scene;
  #seats: Seat[] = [];
  #nextSeat = 1;
  /** Who holds what in this life: seat by `group/topic/partition`. */
  #owners = new Map<string, number>();
  /** Cursors known safe, by the same. */
  readonly #cursors = new Map<string, number>();
  /** Where each group began, by the same, and whether that is settled for ever. */
  readonly #begins = new Map<string, { at: number; life: number; settled: boolean }>();
  /** What groups have been through: `group/topic/partition/offset`. */
  readonly #processed = new Set<string>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** A new life: nobody is in any group. */
  begin(): void {
    this.#seats = [];
    this.#owners = new Map();
  }

  async turn(broker: Broker): Promise<void> {
    const { random, plan } = this.#scene;
    if (plan.groups.length === 0) return;
    const group = random.pick(plan.groups);
    const seats = this.#seats.filter((seat) => seat.group === group && seat.membership !== undefined);
    const what = random.float();
    if (seats.length === 0 || (what < 0.15 && this.#seats.length < SEATS_MAX)) await this.join(broker, group);
    else if (what < 0.25) await this.#leave(broker, random.pick(seats));
    else if (what < 0.32) await this.#moveAsNobody(broker, group, seats);
    else await this.poll(broker, random.pick(seats));
  }

  async join(broker: Broker, group: GroupPlan): Promise<Seat> {
    const seat: Seat = { id: this.#nextSeat++, group, holdings: new Map(), given: 0, membership: undefined, gone: false };
    const { name, topics, from } = group;
    this.#seats.push(seat);
    try {
      seat.membership = await broker.join(
        { group: name, topics, from },
        { assigned: (moves) => this.#assigned(broker, seat, moves), revoked: (partitions) => this.#revoked(broker, seat, partitions) },
      );
    } catch (error) {
      this.#seats = this.#seats.filter((one) => one !== seat);
      throw error;
    }
    return seat;
  }

  #assigned(broker: Broker, seat: Seat, moves: readonly CursorMove[]): void {
    const { history, trace, life } = this.#scene;
    if (this.#scene.broker !== broker) return;
    const { name, from } = seat.group;
    for (const { topic, partition, offset: at } of moves) {
      const key = `${name}/${topic}/${partition}`;
      trace?.(`assigned ${key} at ${at} to member ${seat.id}`);
      // Given out while it is leaving: it does not touch it.
      if (seat.gone) continue;
      const owner = this.#owners.get(key);
      if (owner !== undefined) history.fault('G1 two owners', `${key} was given to member ${seat.id}, but ${owner} has it`);
      this.#owners.set(key, seat.id);
      seat.holdings.set(`${topic}/${partition}`, { next: at, busy: false });
      seat.given++;
      const cursor = this.#cursors.get(key) ?? 0;
      if (at < cursor) history.fault('G2 cursor', `${key} was given out at ${at}, and its cursor was safe at ${cursor}`);
      const begin = this.#begins.get(key);
      // Where it begins may be forgotten in a crash, as long as nobody was told that it is safe.
      if (begin === undefined || (!begin.settled && begin.life !== life))
        this.#begins.set(key, { at: from === 'earliest' ? 0 : at, life, settled: from === 'earliest' });
    }
  }

  async #revoked(broker: Broker, seat: Seat, partitions: readonly TopicPartition[]): Promise<void> {
    const { random } = this.#scene;
    if (random.chance(0.7)) await this.#scene.wait(random.int(30));
    for (const { topic, partition } of partitions) {
      const holding = seat.holdings.get(`${topic}/${partition}`);
      while (holding?.busy === true && this.#scene.broker === broker) await this.#scene.wait(2);
      if (this.#scene.broker !== broker) return;
      this.#scene.trace?.(`member ${seat.id} is finished with ${seat.group.name}/${topic}/${partition}`);
      if (!seat.gone) this.#release(seat, `${topic}/${partition}`);
    }
    // Once it has said that it is finished with them, they are not its own any more.
    const [first] = partitions;
    if (first === undefined || seat.group.exactly || random.chance(0.5)) return;
    this.#scene.clock.after(1, () => {
      if (this.#scene.broker === broker) void this.#moveLate(broker, seat, `${first.topic}/${first.partition}`).catch(this.#failed);
    });
  }

  readonly #failed = (error: unknown): void => {
    this.#scene.history.fault('error', String(error));
  };

  #release(seat: Seat, place: string): void {
    seat.holdings.delete(place);
    const key = `${seat.group.name}/${place}`;
    if (this.#owners.get(key) === seat.id) this.#owners.delete(key);
  }

  async #leave(broker: Broker, seat: Seat): Promise<void> {
    seat.gone = true;
    this.#seats = this.#seats.filter((one) => one !== seat);
    const places = [...seat.holdings.keys()];
    for (const place of places) this.#release(seat, place);
    this.#scene.trace?.(`member ${seat.id} leaves ${seat.group.name}`);
    await seat.membership?.leave();
    if (places.length > 0 && this.#scene.random.chance(0.5)) await this.#moveLate(broker, seat, this.#scene.random.pick(places));
  }

  /** By hand while there are members: refused. */
  async #moveAsNobody(broker: Broker, { name, exactly }: GroupPlan, seats: readonly Seat[]): Promise<void> {
    const place = this.#scene.random.pick(seats).holdings.keys().next().value;
    if (exactly || place === undefined) return;
    const { topic, partition } = placeOf(place);
    const key = `${name}/${place}`;
    this.#cursors.delete(key);
    try {
      await broker.moveCursors(name, [{ topic, partition, offset: offset(0) }]);
    } catch (error) {
      if (isRefused(error, 'exclusive', 'closed', 'disk-full')) return;
      throw error;
    }
    if (this.#scene.broker !== broker) return;
    this.#cursors.delete(key);
    // All may have left while it waited.
    if (seats.some((seat) => !seat.gone)) this.#scene.history.fault('G3 exclusive', `${key} was moved by hand while the group had members`);
  }

  /** By a member that has left, or has lost the partition: refused. */
  async #moveLate(broker: Broker, seat: Seat, place: string): Promise<void> {
    const { topic, partition } = placeOf(place);
    const key = `${seat.group.name}/${place}`;
    // It may be its own again already.
    if (seat.holdings.has(place)) return;
    const { given } = seat;
    try {
      await seat.membership?.move([{ topic, partition, offset: offset(this.#cursors.get(key) ?? 0) }]);
    } catch (error) {
      if (isRefused(error, 'stale', 'closed', 'disk-full')) return;
      throw error;
    }
    // It may have become its own again while it waited, and have been taken back once more.
    if (this.#scene.broker === broker && seat.given === given && !seat.holdings.has(place))
      this.#scene.history.fault('G4 late', `member ${seat.id} moved the cursor of ${key}, which is not its own`);
  }

  /** Reads on in one of its partitions. Answers whether there was anything, or anything was in the way. */
  async poll(broker: Broker, seat: Seat, chosen?: string): Promise<boolean> {
    const { random } = this.#scene;
    const free = [...seat.holdings].filter(([, { busy }]) => !busy).map(([place]) => place);
    const place = chosen ?? (free.length > 0 ? random.pick(free) : undefined);
    const holding = place === undefined ? undefined : seat.holdings.get(place);
    if (place === undefined || holding === undefined || holding.busy) return true;
    holding.busy = true;
    try {
      return await this.#read(broker, seat, place, holding);
    } finally {
      holding.busy = false;
    }
  }

  async #read(broker: Broker, seat: Seat, place: string, holding: Holding): Promise<boolean> {
    const { random } = this.#scene;
    const { topic, partition } = placeOf(place);
    const sizeBytesMax = 1 + random.int(8000);
    let fetched: Fetched;
    try {
      fetched = await broker.fetch({ topic, partition, offset: offset(holding.next), sizeBytesMax, waitMs: random.pick([0, 10]) });
    } catch (error) {
      if (!isRefused(error, 'out-of-range')) throw error;
      const description = await broker.describe('topic', topic, { brief: true });
      const start = description?.kind === 'topic' ? (description.partitions[partition]?.start ?? 0) : 0;
      if (start <= holding.next && this.#scene.broker === broker)
        this.#scene.history.fault('G5 range', `${place} begins at ${start}, but a member could not read at ${holding.next}: ${error}`);
      holding.next = Math.max(holding.next, start);
      return true;
    }
    if (this.#scene.broker !== broker || seat.holdings.get(place) !== holding) return true;
    if (fetched.next === holding.next) return false;
    const places = this.#look(seat, topic, partition, holding, fetched);
    if (seat.group.exactly) await this.#exactly(broker, seat, place, holding, fetched, places);
    else await this.#atLeastOnce(broker, seat, place, holding, fetched, places);
    return true;
  }

  /** What was read; answers where each record stands. */
  #look({ id: member }: Seat, topic: string, partition: number, { next }: Holding, { records, offsets }: Fetched): string[] {
    const { history, life } = this.#scene;
    let last = next - 1;
    return Array.from({ length: records.count }, (_, i) => {
      const message = readMessage(records.bytes, i === 0 ? records.start : (records.ends[i - 1] ?? 0));
      const id = idOf(message);
      const at = offsets[i] ?? -1;
      if (at <= last) history.fault('G6 order', `member ${member} read ${topic}/${partition}/${at} after ${last}`);
      last = at;
      const sent = history.sent.get(id);
      if (sent !== undefined && sent.body !== bodyText(message)) history.fault('L2 body', `${id} was read from ${topic} with another body`);
      history.read.push({ id, topic, partition, offset: at, life });
      return `${topic}/${partition}/${at}`;
    });
  }

  async #atLeastOnce(
    broker: Broker,
    seat: Seat,
    place: string,
    holding: Holding,
    { next }: Fetched,
    places: readonly string[],
  ): Promise<void> {
    for (const one of places) this.#processed.add(`${seat.group.name}/${one}`);
    holding.next = next;
    if (this.#scene.random.chance(0.3)) return;
    await this.#own(seat, place, holding, () => seat.membership?.move([{ ...placeOf(place), offset: offset(next) }]));
    if (this.#scene.broker === broker) this.#moved(`${seat.group.name}/${place}`, next);
  }

  /** Consume, transform, publish: what comes of the records, and the cursor behind them, in one transaction. */
  async #exactly(broker: Broker, seat: Seat, place: string, holding: Holding, { next }: Fetched, places: readonly string[]): Promise<void> {
    const scene = this.#scene;
    const { membership } = seat;
    if (membership === undefined) return;
    const move: Operation = { kind: 'move', group: seat.group.name, moves: [{ ...placeOf(place), offset: offset(next) }], membership };
    const transaction = scene.nextTransaction();
    const out = draw(scene, broker, { exchange: '', address: 'out' }, places.length, { transaction, of: places });
    scene.trace?.(`transaction ${transaction}: ${out.sent.map((one) => `${one.id} of ${one.of}`).join(' ')}, cursor to ${next}`);
    try {
      const operations: Operation[] = [...(places.length > 0 ? [{ kind: 'publish', ...out.publish } as const] : []), move];
      await this.#own(seat, place, holding, async () => {
        const [published] = await broker.transact(operations);
        if (scene.broker === broker && typeof published === 'object') confirm(scene, out, published);
      });
    } catch (error) {
      if (error instanceof Refused && error.code !== 'closed') for (const one of out.sent) one.outcome = 'refused';
      throw error;
    }
    if (scene.broker !== broker) return;
    holding.next = next;
    this.#moved(`${seat.group.name}/${place}`, next);
  }

  /** A move of a partition that it holds is not refused as another's. */
  async #own(seat: Seat, place: string, holding: Holding, move: () => Promise<void> | undefined): Promise<void> {
    try {
      await move();
    } catch (error) {
      if (isRefused(error, 'stale') && !seat.gone && seat.holdings.get(place) === holding)
        this.#scene.history.fault('G7 stale', `member ${seat.id} holds ${place}, and may not move its cursor`);
      throw error;
    }
  }

  #moved(key: string, next: number): void {
    this.#cursors.set(key, Math.max(next, this.#cursors.get(key) ?? 0));
    const begin = this.#begins.get(key);
    if (begin !== undefined) begin.settled = true;
  }

  /** In the last life: one member of each group goes to the end of everything. */
  async drain(broker: Broker): Promise<void> {
    this.begin();
    for (const group of this.#scene.plan.groups) {
      const seat = await this.join(broker, group);
      for (const place of [...seat.holdings.keys()]) while (await this.poll(broker, seat, place));
      await this.#leave(broker, seat);
    }
  }

  /** What is in a topic at the end has been through each of its groups, exactly once where that was promised. */
  check(topics: ReadonlyMap<string, readonly ReadonlyMap<number, string>[]>, isThere: (id: string) => boolean): void {
    const { history, plan } = this.#scene;
    const made = new Map<string, string[]>();
    for (const { id, of } of history.sent.values()) if (of !== undefined && isThere(id)) made.set(of, [...(made.get(of) ?? []), id]);
    for (const [of, ids] of made) if (ids.length > 1) history.fault('G9 twice', `${of} became ${ids.join(' and ')}`);
    for (const { name, topics: names, exactly } of plan.groups) {
      for (const topic of names) {
        topics.get(topic)?.forEach((records, partition) => {
          const begin = this.#begins.get(`${name}/${topic}/${partition}`);
          for (const [at, id] of records) {
            const place = `${topic}/${partition}/${at}`;
            if (begin === undefined || at < begin.at) continue;
            if (exactly ? !made.has(place) : !this.#processed.has(`${name}/${place}`))
              history.fault('G8 missed', `${id} at ${place} never went through group ${name}, which began at ${begin.at}`);
          }
        });
      }
    }
  }
}

function placeOf(place: string): { topic: string; partition: number } {
  const [topic = '', partition] = place.split('/');
  return { topic, partition: Number(partition) };
}
