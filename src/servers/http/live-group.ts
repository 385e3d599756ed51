/** A member of a group at this door: sent its partitions' records as it has room for them, it moves the cursors when it has dealt with them. */

import type { CursorMove, Fetched, MemberEvents, Membership, Operation, Principal, TopicPartition } from '../../model/engine.ts';
import { offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import { type MoveFrame, quoted, type SubscribeGroup } from '../../wire/http/http.ts';
import { type Client, CREDIT, type Live, Unsettled } from './live.ts';
import { fail, Gate } from './live-gate.ts';
import type { Member } from './members.ts';
import { readPartition } from './partitions.ts';
import { type Form, renderFetched } from './render.ts';

/** A partition this member has been given. */
interface Assigned {
  readonly stop: AbortController;
  /** Offsets sent and not yet moved past, in order. */
  readonly sent: number[];
  /** Behind the last one sent: what lies here and beyond cannot have been dealt with. */
  next: number;
  /** Called when `sent` is empty. */
  settled: (() => void) | undefined;
}

export class LiveGroup extends Unsettled implements Live, Member {
  /** What other requests call it by, to move its cursors. */
  readonly member: string;
  readonly #client: Client;
  readonly #frame: SubscribeGroup;
  readonly #form: Form;
  readonly #gate = new Gate();
  readonly #partitions = new Map<number, Assigned>();
  #membership: Membership | undefined;
  #paused = false;
  #credit: number;
  #unsettled = 0;
  #ended = false;

  constructor(client: Client, frame: SubscribeGroup, form: Form = 'message') {
    super();
    this.#form = form;
    this.member = client.door.members.add(this);
    this.#client = client;
    this.#frame = frame;
    this.#credit = frame.credit ?? CREDIT;
    this.#apply();
  }

  get group(): string {
    return this.#frame.group;
  }

  get principal(): Principal {
    return this.#client.principal;
  }

  async start(): Promise<void> {
    const { group, topic, from } = this.#frame;
    const events: MemberEvents = {
      assigned: (cursors) => this.#assigned(cursors),
      revoked: (partitions) => this.#revoked(partitions),
    };
    const membership = await this.#client.engine.join({ group, topics: [topic], ...(from === undefined ? {} : { from }) }, events);
    this.#membership = membership;
    if (this.#ended) await membership.leave();
  }

  #assigned(cursors: readonly CursorMove[]): void {
    if (this.#ended) return;
    const { engine } = this.#client;
    const { topic, sub } = this.#frame;
    this.#client.notice('assigned', { sub, partitions: cursors.map(({ partition, offset: at }) => ({ partition, offset: at })) });
    for (const { partition, offset: at } of cursors) {
      const assigned: Assigned = { stop: new AbortController(), sent: [], next: at, settled: undefined };
      this.#partitions.set(partition, assigned);
      const receiver = {
        records: (_: number, fetched: Fetched) => this.#send(partition, assigned, fetched),
        skipped: (_: number, from: number, to: number) => this.#client.notice('skipped', { sub, partition, from, to }),
        failed: (error: unknown) => fail(this.#client, sub, error),
      };
      void readPartition(engine, topic, partition, at, receiver, assigned.stop.signal);
    }
  }

  /** The hand-over waits for the client to finish with what it was sent; the engine's own limit bounds that. */
  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const numbers = partitions.map(({ partition }) => partition);
    this.#client.notice('revoked', { sub: this.#frame.sub, partitions: numbers });
    await Promise.all(numbers.map((partition) => this.#letGo(partition)));
  }

  async #letGo(partition: number): Promise<void> {
    const assigned = this.#partitions.get(partition);
    if (assigned === undefined) return;
    assigned.stop.abort();
    if (assigned.sent.length > 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        assigned.settled = resolve;
      });
    }
    if (this.#partitions.get(partition) === assigned) this.#partitions.delete(partition);
    this.#settledUpTo(assigned, Number.POSITIVE_INFINITY);
  }

  /** Sends as much as there is credit for, and the rest when there is more. */
  async #send(partition: number, assigned: Assigned, fetched: Fetched): Promise<void> {
    const { count } = fetched.records;
    for (let from = 0; from < count; ) {
      while (!this.#gate.isOpen) await this.#gate.passed();
      if (assigned.stop.signal.aborted) return;
      const to = Math.min(count, from + this.#credit - this.#unsettled);
      for (let i = from; i < to; i++) assigned.sent.push(fetched.offsets[i] ?? 0);
      assigned.next = (assigned.sent.at(-1) ?? 0) + 1;
      this.#unsettled += to - from;
      this.#apply();
      this.#client.messages(this.#frame.sub, renderFetched(this.#client.door, fetched, partition, from, to, this.#form));
      from = to;
    }
  }

  /** Of a frame: done up to and with this offset. */
  override async move({ partition, offset: done }: MoveFrame): Promise<void> {
    await this.moveTo([{ topic: this.#frame.topic, partition, offset: offset(done + 1) }]);
  }

  async moveTo(cursors: readonly CursorMove[]): Promise<void> {
    const { membership } = this.operation(cursors);
    await membership.move(cursors);
    this.moved(cursors);
  }

  operation(cursors: readonly CursorMove[]): Operation & { readonly kind: 'move'; readonly membership: Membership } {
    const membership = this.#membership;
    for (const { topic, partition, offset: next } of cursors) {
      const assigned = topic === this.#frame.topic ? this.#partitions.get(partition) : undefined;
      if (assigned === undefined || membership === undefined)
        throw new Refused('stale', `Partition ${partition} of ${quoted(topic)} is not, or no longer, this member's.`);
      if (next > assigned.next) throw new Refused('out-of-range', `Offset ${next - 1} of partition ${partition} was not sent yet.`);
    }
    if (membership === undefined) throw new Refused('stale', 'This member has not joined yet. Wait until it is told its partitions.');
    return { kind: 'move', group: this.#frame.group, membership, moves: cursors };
  }

  moved(cursors: readonly CursorMove[]): void {
    for (const { partition, offset: next } of cursors) {
      const assigned = this.#partitions.get(partition);
      if (assigned !== undefined) this.#settledUpTo(assigned, next - 1);
    }
  }

  #settledUpTo(assigned: Assigned, done: number): void {
    const { sent } = assigned;
    let count = 0;
    while (count < sent.length && (sent[count] ?? 0) <= done) count += 1;
    sent.splice(0, count);
    this.#unsettled -= count;
    if (sent.length === 0) assigned.settled?.();
    this.#apply();
  }

  pause(): void {
    this.#paused = true;
    this.#apply();
  }

  resume(): void {
    this.#paused = false;
    this.#apply();
  }

  credit(count: number): void {
    this.#credit = count;
    this.#apply();
  }

  #apply(): void {
    this.#gate.set(this.#ended || (!this.#paused && this.#unsettled < this.#credit));
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#client.door.members.remove(this.member);
    for (const assigned of this.#partitions.values()) {
      assigned.stop.abort();
      assigned.settled?.();
    }
    this.#apply();
    await this.#membership?.leave();
  }
}
