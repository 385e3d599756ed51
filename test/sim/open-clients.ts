/** Producers with transactions that are open in the log, zombies of them, readers of every kind; and the oracle that judges what was seen. */

import type { Broker } from '../../src/broker/broker.ts';
import type { Fetch, Fetched, ProducerClaim } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { isMark, readMark } from '../../src/model/mark.ts';
import { NO_HEADERS } from '../../src/model/message.ts';
import { RecordWriter, readMessage } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import type { Scene } from './scene.ts';

/** Two words, so that no binding takes what goes there. */
const TOPIC = 'open.log';
const PARTITIONS = 2;
const GROUP = 'open';

interface Told {
  readonly id: string;
  readonly partition: number;
  outcome: 'ok' | 'unknown' | 'refused';
  offset: number;
}

/** A transaction as its producer knows it. */
interface Transaction {
  readonly number: number;
  readonly producer: number;
  /** Its time is up no sooner. */
  untilMs: number;
  readonly told: Told[];
  /** Where its cursor should be afterwards. */
  cursor: number | undefined;
  asked: 'commit' | 'abort' | undefined;
  answered: boolean;
  /** It was refused, or fenced: nothing of it may be seen. */
  aborted: boolean;
  /** A reader of what is committed saw some of it. */
  seen: boolean;
}

/** One name. */
interface Line {
  readonly name: string;
  readonly openMs: number;
  claim: ProducerClaim | undefined;
  readonly next: Map<number, number>;
  transaction: Transaction | undefined;
  /** What was sent without an answer: it is sent again. */
  unsure: (() => Promise<void>) | undefined;
  /** Claims that were certainly taken over. */
  readonly former: (ProducerClaim & { readonly ended?: 'commit' | 'abort' })[];
  /** Since a claim was asked for it may be that all former ones are fenced. */
  taking: boolean;
  /** The last cursor that certainly moved. */
  moved: number;
}

export class OpenClients {
  readonly #scene: Scene;
  readonly #lines: Line[];
  readonly #transactions: Transaction[] = [];
  readonly #byId = new Map<string, Transaction | undefined>();
  #busy = new Map<string, number>();
  #declared = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    const line = (name: string): Line => ({
      name,
      openMs: scene.random.pick([200, 1000, 4000]),
      claim: undefined,
      next: new Map(),
      transaction: undefined,
      unsure: undefined,
      former: [],
      taking: false,
      moved: -1,
    });
    this.#lines = ['one', 'two'].map(line);
  }

  async turn(broker: Broker): Promise<void> {
    const { random } = this.#scene;
    if (!this.#declared) {
      await broker.declare({ kind: 'topic', name: TOPIC, partitions: PARTITIONS });
      this.#declared = true;
    }
    const draw = random.int(10);
    if (draw < 1) await this.#plain(broker);
    else if (draw < 4) await this.#look(broker);
    else {
      const line = random.pick(this.#lines);
      if (this.#busy.get(line.name) === this.#scene.life) return;
      this.#busy.set(line.name, this.#scene.life);
      try {
        await this.#step(broker, line);
      } finally {
        if (this.#busy.get(line.name) === this.#scene.life) this.#busy.delete(line.name);
      }
    }
  }

  async #step(broker: Broker, line: Line): Promise<void> {
    const { random } = this.#scene;
    if (line.claim === undefined || random.chance(0.06)) return this.#take(broker, line);
    if (line.unsure !== undefined) return line.unsure();
    const draw = random.int(20);
    const open = line.transaction;
    if (draw < 2) await this.#zombie(broker, line);
    else if (draw < 11 || open === undefined) await this.#tell(broker, line);
    else if (draw < 13) await this.#move(broker, line, open);
    else await this.#end(broker, line, open, draw < 17 ? 'commit' : 'abort');
  }

  #begin(broker: Broker, line: Line): Transaction {
    const untilMs = broker.nowMs() + line.openMs;
    const number = this.#transactions.length;
    const producer = line.claim?.id ?? -1;
    line.transaction = {
      number,
      producer,
      untilMs,
      told: [],
      cursor: undefined,
      asked: undefined,
      answered: false,
      aborted: false,
      seen: false,
    };
    this.#transactions.push(line.transaction);
    return line.transaction;
  }

  /** By the same name anew: what was open is aborted. */
  async #take(broker: Broker, line: Line): Promise<void> {
    const { life } = this.#scene;
    const before = line.claim;
    line.claim = undefined;
    line.unsure = undefined;
    line.taking = true;
    const open = line.transaction;
    line.transaction = undefined;
    if (open !== undefined && open.asked !== 'commit') open.untilMs = 0;
    const given = await broker.producer(line.name, { openMs: line.openMs });
    if (this.#scene.life !== life) return;
    if (open !== undefined && open.asked !== 'commit') open.aborted = true;
    if (before !== undefined) line.former.push(before);
    line.claim = { name: line.name, ...given };
    line.next.clear();
    line.taking = false;
  }

  async #tell(broker: Broker, line: Line): Promise<void> {
    const { random } = this.#scene;
    const { claim } = line;
    if (claim === undefined) return;
    const transaction = line.transaction ?? this.#begin(broker, line);
    const partition = random.int(PARTITIONS);
    const told = Array.from(
      { length: 1 + random.int(3) },
      (): Told => ({ id: `o${this.#scene.nextId()}`, partition, outcome: 'unknown', offset: -1 }),
    );
    for (const { id } of told) this.#byId.set(id, transaction);
    transaction.told.push(...told);
    const sequence = line.next.get(partition) ?? 0;
    const send = () =>
      this.#sure(line, transaction, send, async () => {
        const { life, history } = this.#scene;
        // Whoever is asked later begins it later: it cannot be too late before.
        if (transaction.told.every(({ outcome }) => outcome !== 'ok') && transaction.cursor === undefined)
          transaction.untilMs = Math.min(transaction.untilMs, broker.nowMs() + line.openMs);
        const { offsets } = await (this.#scene.broker ?? broker).publish({
          address: TOPIC,
          toTopic: true,
          records: recordsOf(
            told.map(({ id }) => id),
            claim.id,
          ),
          columns: { partition: new Int32Array(told.length).fill(partition) },
          producer: { id: claim.id, epoch: claim.epoch, sequence, line: `${partition}` },
          within: { name: line.name, includes: true },
        });
        if (this.#scene.life !== life) return;
        told.forEach((one, i) => {
          one.outcome = 'ok';
          one.offset = offsets?.[i] ?? -1;
          if (one.offset < 0) history.fault('L1 offset', `${one.id} was taken by an open transaction and has no offset`);
        });
        line.next.set(partition, sequence + told.length);
      });
    await send();
  }

  async #move(broker: Broker, line: Line, transaction: Transaction): Promise<void> {
    const { claim } = line;
    if (claim === undefined) return;
    const partition = this.#lines.indexOf(line);
    transaction.cursor = transaction.number;
    const moves = [{ topic: TOPIC, partition, offset: offset(transaction.number) }];
    const send = () =>
      this.#sure(line, transaction, send, () =>
        (this.#scene.broker ?? broker).include({ producer: claim, move: { group: GROUP, moves, includes: true } }),
      );
    await send();
  }

  async #end(broker: Broker, line: Line, transaction: Transaction, outcome: 'commit' | 'abort'): Promise<void> {
    const { claim } = line;
    if (claim === undefined) return;
    const bump = this.#scene.random.chance(0.4);
    transaction.asked = outcome;
    const send = () =>
      this.#sure(line, transaction, send, async () => {
        const { life } = this.#scene;
        const given = await (this.#scene.broker ?? broker).end({ producer: claim, outcome, bump });
        if (this.#scene.life !== life) return;
        transaction.answered = true;
        if (outcome === 'abort') transaction.aborted = true;
        else if (transaction.cursor !== undefined) line.moved = transaction.cursor;
        line.transaction = undefined;
        if (given.epoch === claim.epoch) return;
        line.former.push({ ...claim, ended: outcome });
        line.claim = { ...claim, ...given };
        line.next.clear();
      });
    // While the end is on its way to the disk nobody may see it.
    const looks = this.#scene.random.chance(0.5) ? [this.#look(broker), this.#look(broker)] : [];
    await Promise.all([send(), ...looks]);
    if (transaction.answered && this.#scene.random.chance(0.2)) await this.#again(broker, claim, transaction, outcome, bump);
  }

  /** Asked again it is answered the same, and otherwise not at all. */
  async #again(broker: Broker, claim: ProducerClaim, { number }: Transaction, outcome: 'commit' | 'abort', bump: boolean): Promise<void> {
    const { history } = this.#scene;
    const other = outcome === 'commit' ? 'abort' : 'commit';
    const answer = (how: 'commit' | 'abort') =>
      broker.end({ producer: claim, outcome: how, bump }).then(
        () => 'ok',
        (error: unknown) => (error instanceof Refused ? error.code : String(error)),
      );
    const [same, opposite] = [await answer(outcome), await answer(other)];
    if (this.#scene.broker !== broker) return;
    if (same !== 'ok' && same !== 'closed')
      history.fault('T4 verdict', `transaction ${number} was ended by ${outcome}, and asked again: ${same}`);
    // An abort of nothing is granted to who goes on with the next epoch, but not in the former one.
    if (opposite === 'ok' && (bump || other === 'commit'))
      history.fault('T4 verdict', `transaction ${number} was ended by ${outcome}, and then ${other} was granted`);
  }

  /** One whose name has been taken over may do nothing more. */
  async #zombie(broker: Broker, line: Line): Promise<void> {
    const { random, history } = this.#scene;
    const claim = line.former.length === 0 ? undefined : random.pick(line.former);
    if (claim === undefined) return;
    const id = `z${this.#scene.nextId()}`;
    this.#byId.set(id, undefined);
    const does = random.pick([
      () => broker.end({ producer: claim, outcome: claim.ended === 'abort' ? 'commit' : 'abort' }),
      () =>
        broker.include({
          producer: claim,
          move: { group: GROUP, moves: [{ topic: TOPIC, partition: 0, offset: offset(9999) }], includes: true },
        }),
      () =>
        broker.publish({
          address: TOPIC,
          toTopic: true,
          records: recordsOf([id]),
          columns: { partition: Int32Array.of(0) },
          producer: { id: claim.id, epoch: claim.epoch, sequence: 0, line: 'z' },
          within: { name: line.name, includes: true },
        }),
    ]);
    const code = await does().then(
      () => 'ok',
      (error: unknown) => (error instanceof Refused ? error.code : String(error)),
    );
    if (this.#scene.broker === broker && !['fenced', 'closed', 'disk-full'].includes(code))
      history.fault('T2 fencing', `a former producer "${line.name}" was answered ${code}`);
  }

  /** Does it; without an answer it is done again, as it was. What is refused for good ends the claim. */
  async #sure(line: Line, transaction: Transaction, again: () => Promise<void>, work: () => Promise<void>): Promise<void> {
    const { life, history } = this.#scene;
    line.unsure = again;
    try {
      await work();
      if (this.#scene.life === life) line.unsure = undefined;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (this.#scene.life !== life || error.code === 'closed' || error.code === 'disk-full') return;
      const { broker } = this.#scene;
      const isLate = broker !== undefined && broker.nowMs() >= transaction.untilMs;
      // Nothing of it arrived before, or its time was up: both are an abort.
      const isEmpty = transaction.told.every(({ outcome }) => outcome !== 'ok') && transaction.cursor === undefined;
      if (error.code === 'fenced' ? !isLate : !(error.code === 'stale' && (isEmpty || isLate)))
        history.fault('T4 refused', `transaction ${transaction.number} of "${line.name}" was refused as ${error.code}: ${error.message}`);
      transaction.aborted = true;
      line.unsure = undefined;
      line.transaction = undefined;
      line.claim = undefined;
    }
  }

  /** Records beside transactions. */
  async #plain(broker: Broker): Promise<void> {
    const id = `p${this.#scene.nextId()}`;
    this.#byId.set(id, undefined);
    await broker.publish({
      address: TOPIC,
      toTopic: true,
      records: recordsOf([id]),
      columns: { partition: Int32Array.of(this.#scene.random.int(PARTITIONS)) },
    });
  }

  /** What readers see now: nothing that is open, nothing that was aborted, and the same however they ask. */
  async #look(broker: Broker): Promise<void> {
    const { random, history } = this.#scene;
    const partition = random.int(PARTITIONS);
    const open = this.#openIn(partition, broker.nowMs());
    const fetch: Fetch = { topic: TOPIC, partition, offset: offset(0), sizeBytesMax: 1 + random.int(4000) };
    const committed = await broker.fetch({ ...fetch, waitMs: random.pick([0, 0, 20]) });
    const whole = await broker.fetch({ ...fetch, uncommitted: random.pick(['aborted', 'open'] as const) });
    if (this.#scene.broker !== broker) return;
    for (const { id, at } of recordsIn(committed)) this.#checkSeen(id, at, partition);
    if (whole.stable > whole.end) history.fault('L9 stable', `${partition} is stable to ${whole.stable} and ends at ${whole.end}`);
    // Still open by the clock, before and after.
    for (const [transaction, first] of open) {
      if (broker.nowMs() >= transaction.untilMs || transaction.asked !== undefined) continue;
      if (whole.stable > first)
        history.fault('L9 stable', `transaction ${transaction.number} begins at ${first}, but ${partition} is stable to ${whole.stable}`);
      if (committed.next > first)
        history.fault('L9 stable', `transaction ${transaction.number} begins at ${first}, but readers go on at ${committed.next}`);
    }
  }

  /** Where transactions begin that are certainly open. */
  #openIn(partition: number, nowMs: number): (readonly [Transaction, number])[] {
    return this.#transactions.flatMap((transaction) => {
      const offsets = transaction.told.filter((one) => one.outcome === 'ok' && one.partition === partition).map((one) => one.offset);
      const isOpen = !transaction.aborted && transaction.asked === undefined && nowMs < transaction.untilMs && offsets.length > 0;
      return isOpen ? [[transaction, Math.min(...offsets)] as const] : [];
    });
  }

  #checkSeen(id: string, at: number, partition: number): void {
    const { history } = this.#scene;
    const transaction = this.#byId.get(id);
    const place = `${TOPIC}/${partition}/${at}`;
    if (!this.#byId.has(id)) return history.fault('L2 phantom', `${place} holds ${id}, which nobody sent`);
    if (id.startsWith('z')) return history.fault('T2 fencing', `${place} holds ${id}, of a former producer`);
    if (transaction === undefined) return;
    if (transaction.asked !== 'commit')
      history.fault('L4 G1', `${id} of transaction ${transaction.number} was read, whose commit nobody asked for`);
    transaction.seen = true;
  }

  /** The end: everything has had its time. */
  async check(broker: Broker): Promise<void> {
    if (!this.#declared) return;
    const { history } = this.#scene;
    const open = await broker.producers({ open: true });
    if (open.length > 0) history.fault('T6 time', `producer "${open[0]?.name}" has a transaction open, long after its time`);
    const committed = new Set<string>();
    const everything = new Map<string, string>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const mine = await readAll(broker, partition, undefined);
      const all = await readAll(broker, partition, 'open');
      const told = await readAll(broker, partition, 'aborted');
      for (const { id, at } of all) if (id !== '') everything.set(id, `${partition}/${at}`);
      for (const { id, at } of mine) {
        this.#checkSeen(id, at, partition);
        committed.add(id);
      }
      const places = (list: readonly Seen[]) => list.map(({ id, at }) => `${at} ${id}`).join(', ');
      if (places(told.filter(({ isAborted, id }) => !isAborted && id !== '')) !== places(mine))
        history.fault(
          'L4 aborted',
          `${partition}: by the list of aborted ones ${places(told.filter(({ isAborted }) => !isAborted))}, but readers see ${places(mine)}`,
        );
      if (all.length !== (all.at(-1)?.at ?? -1) + 1)
        history.fault('L5 gap', `${partition} holds ${all.length} records up to ${all.at(-1)?.at}`);
    }
    for (const transaction of this.#transactions) this.#judge(transaction, committed, everything);
    await this.#checkCursors(broker, committed);
  }

  #judge(transaction: Transaction, committed: ReadonlySet<string>, everything: ReadonlyMap<string, string>): void {
    const { history } = this.#scene;
    const { number, told, asked, answered, aborted, seen } = transaction;
    const confirmed = told.filter(({ outcome }) => outcome === 'ok');
    for (const { id, partition, offset: at } of confirmed)
      if (everything.get(id) !== `${partition}/${at}`)
        history.fault('L1 offsets', `${id} was put at ${partition}/${at} and stands at ${everything.get(id)}`);
    const there = told.filter(({ id }) => committed.has(id));
    const missing = confirmed.filter(({ id }) => !committed.has(id));
    if (there.length > 0 && missing.length > 0)
      history.fault('T1 torn', `transaction ${number}: ${there[0]?.id} is there, ${missing[0]?.id} is not`);
    if (asked === 'commit' && answered && missing.length > 0)
      history.fault('L2 lost', `${missing[0]?.id} of transaction ${number}, whose commit was confirmed`);
    if (seen && missing.length > 0) history.fault('L4 G1', `transaction ${number} was read once, and is gone`);
    if ((asked !== 'commit' || aborted) && there.length > 0)
      history.fault('L4 G1', `${there[0]?.id} is read, but transaction ${number} was aborted`);
  }

  /** A cursor stands where a committed transaction put it, and no earlier than the last that was confirmed. */
  async #checkCursors(broker: Broker, committed: ReadonlySet<string>): Promise<void> {
    const { history } = this.#scene;
    const group = await broker.describe('group', GROUP);
    for (const [partition, line] of this.#lines.entries()) {
      const at = group?.kind === 'group' ? (group.cursors.find((cursor) => cursor.partition === partition)?.offset ?? -1) : -1;
      if (at < line.moved) history.fault('L8 cursor', `cursor ${partition} stands at ${at}, and was moved to ${line.moved}`);
      const transaction = at < 0 ? undefined : this.#transactions[at];
      if (at < 0) continue;
      const isWhole = transaction?.asked === 'commit' && !transaction.aborted;
      const missing = transaction?.told.find(({ id, outcome }) => outcome === 'ok' && !committed.has(id));
      if (!isWhole || missing !== undefined)
        history.fault('T1 torn', `cursor ${partition} stands at ${at}, whose transaction is not committed`);
    }
  }
}

interface Seen {
  readonly id: string;
  readonly at: number;
  readonly isAborted: boolean;
}

/** By the list of aborted transactions, as a reader judges who gets everything. A mark has no id. */
async function readAll(broker: Broker, partition: number, uncommitted: Fetch['uncommitted']): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let next = 0; ; ) {
    const fetched = await broker.fetch({
      topic: TOPIC,
      partition,
      offset: offset(next),
      sizeBytesMax: 300,
      ...(uncommitted !== undefined && { uncommitted }),
    });
    seen.push(...recordsIn(fetched));
    if (fetched.next === next) return seen;
    next = fetched.next;
  }
}

function* recordsIn({ records, offsets, aborted = [] }: Fetched): Generator<Seen> {
  const waiting = [...aborted];
  const under = new Set<number>();
  for (let i = 0; i < records.count; i++) {
    const from = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    const at = offsets[i] ?? -1;
    for (const one of waiting.splice(0)) {
      if (one.first <= at) under.add(one.producer);
      else waiting.push(one);
    }
    if (isMark(records.bytes, from)) {
      under.delete(readMark(records.bytes, from).producer);
      yield { id: '', at, isAborted: false };
      continue;
    }
    const { id = '', source } = readMessage(records.bytes, from);
    yield { id, at, isAborted: under.has(Number(source ?? -1)) };
  }
}

const BODY = new TextEncoder().encode('{}');

function recordsOf(ids: readonly string[], producer = -1): ReturnType<RecordWriter['take']> {
  const writer = new RecordWriter();
  for (const id of ids)
    writer.write({ exchange: 'amq.topic', address: TOPIC, timestampMs: 0, headers: NO_HEADERS, id, source: `${producer}`, body: BODY });
  return writer.take();
}
