/** long because the port has that many methods, most of them of a few lines: the embedded broker as one user sees it: the Engine port, in a tenant, with that user's permissions. */

import {
  decideAlter,
  decideBind,
  decideDeclare,
  decideProducer,
  decidePublish,
  decideRemove,
  decideUnbind,
  type EndDecision,
  type Entry,
  matches,
  type PublishDecision,
  permits,
  type Queue,
  type Tenant,
  type Topic,
} from '../core/core.ts';
import { type AccessRule, type AccessTarget, type AccessVerb, EVERYBODY } from '../model/access.ts';
import type { Binding, Declaration, Kind, TopicSpec } from '../model/declaration.ts';
import type {
  Capabilities,
  Consume,
  Consumer,
  CursorMove,
  Deliveries,
  Description,
  End,
  Fetch,
  Fetched,
  Include,
  Join,
  MemberEvents,
  Membership,
  Operation,
  Peek,
  Peeked,
  Principal,
  ProducerOptions,
  ProducerState,
  Publish,
  Published,
  Receive,
  Receiver,
  Runs,
  Settle,
} from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import { DEFAULT_TENANT, MAIN_LINE } from '../model/message.ts';
import { isRefusal, type Refusal, Refused, refuse } from '../model/refusal.ts';
import { checkName } from './checks.ts';
import { describe, metricsOf } from './describe.ts';
import type { Member } from './groups.ts';
import type { Broker, House } from './house.ts';
import { decideEndOf, decideInclude, producerName, producersOf } from './open-transactions.ts';
import { publishedOf } from './published.ts';
import { authenticate } from './secrets.ts';
import { transact } from './transact.ts';
import { trim } from './trim.ts';

const CAPABILITIES: Capabilities = {
  name: 'embedded',
  durable: true,
  topics: true,
  queues: true,
  exchanges: true,
  transactions: true,
  priorities: true,
  delays: true,
  deduplication: true,
  retained: true,
  seekByTime: true,
  packs: true,
  openTransactions: true,
};

/** What an administrator sets up is the broker's, for all tenants. */
function targetOf(kind: Kind): AccessTarget {
  return kind === 'user' || kind === 'tenant' ? 'broker' : kind;
}

export class Seat implements Broker {
  readonly #house: House;
  readonly #principal: Principal;

  constructor(house: House, principal: Principal) {
    this.#house = house;
    this.#principal = principal;
  }

  get capabilities(): Capabilities {
    return { ...CAPABILITIES, durable: this.#house.durable };
  }

  get identity(): string {
    return this.#house.ledger.state.identity;
  }

  as(principal: Principal): Seat {
    return new Seat(this.#house, principal);
  }

  get #tenant(): Tenant {
    return this.#house.ledger.state.tenant(this.#principal.tenant ?? DEFAULT_TENANT);
  }

  async declare(declaration: Declaration): Promise<void> {
    this.#permitOn('declare', declaration.kind, declaration.name);
    const { schemas, groups, ledger } = this.#house;
    const schema = 'schema' in declaration ? declaration.schema : undefined;
    if (typeof schema?.jsonSchema === 'object') schemas.check(schema);
    await this.#change((nowMs) => decideDeclare(ledger.state, this.#tenant, declaration, nowMs));
    const queue = declaration.kind === 'queue' ? this.#tenant.queues.get(declaration.name) : undefined;
    if (queue !== undefined) this.#house.queues.used(queue);
    const topic = declaration.kind === 'topic' ? this.#tenant.topics.get(declaration.name) : undefined;
    if (topic !== undefined) groups.topicChanged(topic);
  }

  async alter(declaration: TopicSpec): Promise<void> {
    this.#permitAlter(declaration);
    const { schemas, groups, ledger } = this.#house;
    if (typeof declaration.schema?.jsonSchema === 'object') schemas.check(declaration.schema);
    await this.#change((nowMs) => decideAlter(ledger.state, this.#tenant, declaration, nowMs));
    const topic = this.#tenant.topics.get(declaration.name);
    if (topic !== undefined) groups.topicChanged(topic);
  }

  async remove(kind: Kind, name: string, options?: { ifUnused?: boolean; ifEmpty?: boolean }): Promise<void> {
    this.#permitOn('remove', kind, name);
    const { ledger } = this.#house;
    await this.#change(() => decideRemove(ledger.state, this.#tenant, kind, name, options, this.#inUse(kind, name)));
  }

  #inUse(kind: Kind, name: string): boolean {
    const { queues, groups } = this.#house;
    if (kind === 'queue') {
      const queue = this.#tenant.queues.get(name);
      return queue !== undefined && queues.consumers.of(queue) !== undefined;
    }
    if (kind === 'group') return groups.members(this.#tenant, name) > 0;
    const topic = kind === 'topic' ? this.#tenant.topics.get(name) : undefined;
    return topic !== undefined && groups.reads(topic);
  }

  async describe(kind: Kind, name: string, options?: { brief?: boolean }): Promise<Description | undefined> {
    this.#house.ledger.check();
    this.#permitOn('describe', kind, name);
    return describe(this.#house, this.#tenant, kind, name, options?.brief === true);
  }

  async list(kind: Kind, options?: { brief?: boolean }): Promise<Description[]> {
    this.#house.ledger.check();
    const on = targetOf(kind);
    if (on === 'broker') this.#permitOn('describe', kind, '');
    const { topics, queues, groups, router } = this.#tenant;
    const names: Record<Kind, () => Iterable<string>> = {
      topic: () => topics.keys(),
      queue: () => queues.keys(),
      group: () => groups.keys(),
      exchange: () => [...router.exchanges()].map((spec) => spec.name),
      user: () => this.#house.ledger.state.users.keys(),
      tenant: () => this.#house.ledger.state.tenantNames(),
    };
    const found: Description[] = [];
    for (const name of [...names[kind]()].sort()) {
      if (on !== 'broker' && !this.#may('describe', on, name)) continue;
      const description = await describe(this.#house, this.#tenant, kind, name, options?.brief === true);
      if (description !== undefined) found.push(description);
    }
    return found;
  }

  async bind(binding: Binding): Promise<void> {
    this.#permit('write', binding.to.kind, binding.to.name);
    this.#permit('read', 'exchange', binding.exchange);
    await this.#change(() => decideBind(this.#tenant, binding));
  }

  async unbind(binding: Binding): Promise<void> {
    this.#permit('write', binding.to.kind, binding.to.name);
    this.#permit('read', 'exchange', binding.exchange);
    await this.#change(() => decideUnbind(this.#tenant, binding));
  }

  publish(publish: Publish): Promise<Published> {
    const { ledger, queues } = this.#house;
    return ledger.run((): Published | Promise<Published> => {
      const decided = this.#take(publish);
      const answer = publishedOf(decided);
      // Its queues are served; on the disk's account nobody has to do anything.
      if (this.#isPassing(decided)) return answer;
      queues.endTurn();
      if (publish.transient === true) return answer;
      // Also for what is only a repeat: the first time may not be safe yet.
      return new Promise<Published>((resolve, reject) => ledger.gate.hold(ledger.journal.tip, () => resolve(answer), reject));
    });
  }

  publishAll(publishes: readonly Publish[]): Promise<readonly (Published | Refused)[]> {
    const { ledger, queues } = this.#house;
    return ledger.run((): readonly (Published | Refused)[] | Promise<readonly (Published | Refused)[]> => {
      let lasts = false;
      let waits = false;
      const answers = publishes.map((publish): Published | Refused => {
        try {
          const decided = this.#take(publish);
          if (!this.#isPassing(decided)) {
            lasts = true;
            if (publish.transient !== true) waits = true;
          }
          return publishedOf(decided);
        } catch (error) {
          if (error instanceof Refused) return error;
          throw error;
        }
      });
      if (lasts) queues.endTurn();
      if (!waits) return answers;
      return new Promise((resolve, reject) => ledger.gate.hold(ledger.journal.tip, () => resolve(answers), reject));
    });
  }

  way(exchange: string, address: string): object | undefined {
    const { router, topics } = this.#tenant;
    // There the address itself counts: it is what is permitted, and what may be the name of a topic.
    if (exchange === '' || exchange === MAIN_LINE || topics.has(address)) return undefined;
    // A change that has to wait would be decided by what is bound then.
    if (this.#house.ledger.paused || router.exchange(exchange)?.schema !== undefined) return undefined;
    const { targets, conditional } = router.route(exchange, address);
    const target = targets[0];
    if (target === undefined || targets.length > 1 || conditional.length > 0 || target.transform !== undefined) return undefined;
    return target.to.kind === 'queue' && target.to.queue.spec.schema === undefined ? target.to.queue : undefined;
  }

  /** All that was stored is gone at restart: nobody has to wait for the disk. */
  #isPassing({ entries }: PublishDecision): boolean {
    const { queues } = this.#house.ledger.state;
    const passes = (id: number) => queues.get(id)?.spec.durable === false;
    return (
      entries.length > 0 &&
      entries.every(
        (entry) =>
          entry.kind === 'messages' &&
          entry.partitions.length === 0 &&
          entry.retain === undefined &&
          entry.producer === undefined &&
          entry.queues.every(({ queue }) => passes(queue)),
      )
    );
  }

  /** Decides a publish and records it. Throws `Refused`. */
  #take(publish: Publish): PublishDecision {
    const { ledger, queues, rules, overdue } = this.#house;
    this.#permitPublish(publish);
    if (ledger.journal.tight) {
      throw new Refused(
        'disk-full',
        'The disk is nearly full: publishes are refused until there is room again. Reading, acks and removing go on.',
      );
    }
    const { within } = publish;
    if (within !== undefined) this.#permit('write', 'producer', within.name);
    const asked = within === undefined ? publish : { ...publish, within: { ...within, name: producerName(this.#tenant, within.name) } };
    const decided = decidePublish(ledger.state, this.#tenant, asked, ledger.nowMs(), rules);
    if (isRefusal(decided)) throw Refused.of(decided);
    if (decided.entries.length > 0) {
      ledger.record(decided.entries);
      queues.announce(decided.entries);
      if (within !== undefined) overdue.look();
    }
    return decided;
  }

  get pressed(): boolean {
    return this.#house.ledger.pressed;
  }

  relief(): Promise<void> {
    return this.#house.ledger.relief();
  }

  async consume(consume: Consume, receiver: Receiver): Promise<Consumer> {
    this.#permit('read', 'queue', consume.queue);
    return this.#house.takings.consume(this.#queue(consume.queue), consume, receiver);
  }

  async receive(receive: Receive): Promise<Deliveries | undefined> {
    this.#permit('read', 'queue', receive.queue);
    return this.#house.takings.receive(this.#queue(receive.queue), receive);
  }

  async settle(settle: Settle): Promise<number> {
    this.#permit('read', 'queue', settle.queue);
    return this.#house.queues.settle(this.#tenant, settle);
  }

  async extend(queue: string, lease: number, runs: Runs, leaseMs: number): Promise<number> {
    this.#permit('read', 'queue', queue);
    return this.#house.queues.extend(this.#queue(queue), lease, runs, leaseMs);
  }

  async peek(peek: Peek): Promise<Peeked> {
    this.#permit('read', 'queue', peek.queue);
    this.#house.ledger.check();
    return this.#house.queues.peek(this.#queue(peek.queue), peek);
  }

  async purge(name: string): Promise<number> {
    this.#permit('read', 'queue', name);
    const { ledger, queues } = this.#house;
    const { count, tip } = await ledger.run(() => {
      const count = queues.purge(this.#queue(name));
      return { count, tip: ledger.journal.tip };
    });
    await ledger.gate.passed(tip);
    return count;
  }

  async fetch(fetch: Fetch): Promise<Fetched> {
    this.#permit('read', 'topic', fetch.topic);
    this.#house.ledger.check();
    return this.#house.partitions.fetch(this.#topic(fetch.topic, fetch.partition), fetch);
  }

  async offsetAt(topic: string, partition: number, timeMs: number, uncommitted?: 'open'): Promise<Offset> {
    this.#permit('read', 'topic', topic);
    this.#house.ledger.check();
    if (Number.isNaN(timeMs)) throw new Refused('invalid', 'The time to look for is no time. Give milliseconds since 1970.');
    return this.#house.partitions.offsetAt(this.#topic(topic, partition), partition, timeMs, uncommitted);
  }

  async trim(name: string, partition: number, start: Offset): Promise<Offset> {
    this.#permit('remove', 'topic', name);
    const topic = this.#topic(name, partition);
    const { partitions } = this.#house;
    const begin = topic.partitions[partition]?.start ?? 0;
    const end = partitions.safeEnd(topic, partition);
    if (!Number.isInteger(start) || start < 0 || start > end)
      throw new Refused('out-of-range', `Partition ${partition} of topic "${name}" cannot begin at ${start}: it holds ${begin} to ${end}.`);
    if (start > begin) await trim(this.#house, topic, partition, start);
    return offset(topic.partitions[partition]?.start ?? 0);
  }

  async join(join: Join, events: MemberEvents): Promise<Membership> {
    this.#permit('read', 'group', join.group);
    for (const topic of join.topics) this.#permit('read', 'topic', topic);
    checkName('group', join.group);
    const { ledger, groups, queues } = this.#house;
    const tenant = this.#tenant;
    const member = await ledger.run(() => {
      const joined = groups.join(tenant, join, events);
      queues.endTurn();
      return joined;
    });
    const membership: Membership = {
      move: (moves) => this.#move(tenant, join.group, moves, member),
      leave: () => ledger.run(() => groups.leave(tenant, join.group, member)),
    };
    members.set(membership, member);
    return membership;
  }

  async moveCursors(group: string, moves: readonly CursorMove[]): Promise<void> {
    this.#permitMoves(group, moves);
    checkName('group', group);
    await this.#move(this.#tenant, group, moves, 'nobody');
  }

  async #move(tenant: Tenant, group: string, moves: readonly CursorMove[], member: Member | 'nobody'): Promise<void> {
    await this.#change(() => [
      { kind: 'moved', tenant: tenant.name, group, moves: this.#house.groups.check(tenant, group, member, moves) },
    ]);
  }

  async transact(operations: readonly Operation[]): Promise<readonly (Published | number)[]> {
    this.#permitOperations(operations);
    return transact(this.#house, this.#tenant, operations, (membership) => members.get(membership));
  }

  #permitOperations(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.kind === 'settle') this.#permit('read', 'queue', operation.queue);
      else if (operation.kind === 'publish') this.#permitPublish(operation);
      else this.#permitMoves(operation.group, operation.moves);
    }
  }

  async producer(name?: string, options: ProducerOptions = {}): Promise<{ id: number; epoch: number }> {
    if (name !== undefined) this.#permit('write', 'producer', name);
    const { state } = this.#house.ledger;
    let given: EndDecision | undefined;
    await this.#change((nowMs) => {
      const decided = decideProducer(state, name === undefined ? name : producerName(this.#tenant, name), options, nowMs);
      if (isRefusal(decided)) return decided;
      given = decided;
      return decided.entries;
    });
    const { id, epoch } = given ?? { id: 0, epoch: 0 };
    return { id, epoch };
  }

  async include(include: Include): Promise<void> {
    this.#permit('write', 'producer', include.producer.name);
    for (const { topic } of include.partitions ?? []) this.#permit('write', 'topic', topic);
    for (const group of include.groups ?? []) this.#permit('read', 'group', group);
    if (include.move !== undefined) this.#permitMoves(include.move.group, include.move.moves);
    await this.#change((nowMs) => decideInclude(this.#house, this.#tenant, include, nowMs));
    this.#house.overdue.look();
  }

  async end(end: End): Promise<{ id: number; epoch: number }> {
    const { operations = [] } = end;
    if (end.outcome === 'abort' && operations.length > 0)
      throw new Refused('invalid', 'What is aborted takes nothing else with it. End it without operations.');
    this.#permit('write', 'producer', end.producer.name);
    this.#permitOperations(operations);
    let given: EndDecision | undefined;
    await transact(
      this.#house,
      this.#tenant,
      operations,
      (membership) => members.get(membership),
      () => {
        given = decideEndOf(this.#house, this.#tenant, end, this.#house.ledger.nowMs());
        return given.entries;
      },
    );
    const { id, epoch } = given ?? end.producer;
    return { id, epoch };
  }

  async producers(options?: { open?: boolean }): Promise<ProducerState[]> {
    this.#house.ledger.check();
    return producersOf(this.#house, this.#tenant, options?.open === true);
  }

  async retained(pattern: string): Promise<{ address: string; record: Uint8Array }[]> {
    this.#house.ledger.check();
    const found: { address: string; record: Uint8Array }[] = [];
    for (const [address, record] of this.#tenant.retained) {
      if (matches(pattern, address) && this.#may('read', 'topic', address)) found.push({ address, record });
    }
    return found;
  }

  authenticate(purpose: string, name: string, secret: string): Promise<Principal | undefined> {
    return authenticate(this.#house.ledger.state.users, purpose, name, secret);
  }

  async verifier(purpose: string, name: string): Promise<string | undefined> {
    const { user } = this.#principal;
    if (user !== undefined)
      throw new Refused('forbidden', `User "${user}" may not see what is kept of secrets. Only the process itself may.`);
    return this.#house.ledger.state.users.get(name)?.secrets?.[purpose];
  }

  async keepVerifier(purpose: string, name: string, verifier: string | undefined): Promise<void> {
    this.#permitOn('alter', 'user', name);
    const { ledger } = this.#house;
    await this.#change((nowMs) => {
      const user = ledger.state.users.get(name);
      if (user === undefined) return refuse('unknown', `There is no user "${name}". Declare it first.`);
      const { [purpose]: _former, ...others } = user.secrets ?? {};
      const secrets = verifier === undefined ? others : { ...others, [purpose]: verifier };
      return decideDeclare(ledger.state, this.#tenant, { ...user, secrets }, nowMs);
    });
  }

  async keepRules(name: string, rules: readonly AccessRule[]): Promise<void> {
    this.#permitOn('alter', 'user', name);
    const { ledger } = this.#house;
    await this.#change((nowMs) => {
      const user = ledger.state.users.get(name) ?? { kind: 'user', name };
      return decideDeclare(ledger.state, this.#tenant, { ...user, rules }, nowMs);
    });
  }

  get ended(): Refusal | undefined {
    return this.#house.ledger.ended;
  }

  get guarded(): boolean {
    const { users } = this.#house.ledger.state;
    return users.size > (users.has(EVERYBODY) ? 1 : 0);
  }

  nowMs(): number {
    return this.#house.ledger.nowMs();
  }

  after(delayMs: number, fn: () => void): () => void {
    return this.#house.host.clock.after(delayMs, fn);
  }

  metrics(): ReadonlyMap<string, number> {
    return metricsOf(this.#house);
  }

  close(): Promise<void> {
    return this.#house.close();
  }

  checkpoint(): Promise<void> {
    return this.#house.upkeep.checkpoint();
  }

  digest(): string {
    return this.#house.ledger.digest();
  }

  get idle(): boolean {
    const { queues, takings, upkeep, ledger } = this.#house;
    return queues.idle && takings.idle && upkeep.idle && ledger.gate.waiting === 0;
  }

  /** Decides, records, and waits until it is safe. */
  async #change(decide: (nowMs: number) => readonly Entry[] | Refusal): Promise<void> {
    const { ledger, queues } = this.#house;
    const tip = await ledger.run(() => {
      const entries = decide(ledger.nowMs());
      if (isRefusal(entries)) throw Refused.of(entries);
      ledger.record(entries);
      queues.endTurn();
      return ledger.journal.tip;
    });
    await ledger.gate.passed(tip);
  }

  #queue(name: string): Queue {
    const queue = this.#tenant.queues.get(name);
    if (queue === undefined) throw new Refused('unknown', `There is no queue "${name}". Declare it first.`);
    return queue;
  }

  #topic(name: string, partition: number): Topic {
    const topic = this.#tenant.topics.get(name);
    if (topic === undefined) throw new Refused('unknown', `There is no topic "${name}". Declare it first.`);
    if (topic.partitions[partition] === undefined) {
      throw new Refused('unknown', `Topic "${name}" has ${topic.partitions.length} partitions; there is no partition ${partition}.`);
    }
    return topic;
  }

  async may(verb: AccessVerb, on: AccessTarget, name: string): Promise<boolean> {
    return this.#may(verb, on, name);
  }

  #may(verb: AccessVerb, on: AccessTarget, name: string): boolean {
    const { user, tenant = DEFAULT_TENANT } = this.#principal;
    return user === undefined || permits(this.#house.ledger.state.users, user, tenant, verb, on, name);
  }

  #permitPublish({ exchange = MAIN_LINE, address, also = [] }: Publish): void {
    if (this.#principal.user === undefined) return;
    if (exchange !== '' && exchange !== MAIN_LINE) this.#permit('write', 'exchange', exchange);
    else for (const one of [address, ...also]) this.#permit('write', exchange === '' ? this.#reached(one) : 'topic', one);
  }

  /** What a publish straight to a name comes to. */
  #reached(name: string): 'queue' | 'topic' {
    return !this.#tenant.queues.has(name) && this.#tenant.topics.has(name) ? 'topic' : 'queue';
  }

  #permitMoves(group: string, moves: readonly CursorMove[]): void {
    this.#permit('read', 'group', group);
    for (const { topic } of moves) this.#permit('read', 'topic', topic);
  }

  /** More partitions are one thing, other properties another. */
  #permitAlter(declaration: TopicSpec): void {
    if (this.#principal.user === undefined) return;
    const { name, partitions = 1, ...settings } = declaration;
    const known = this.#tenant.topics.get(name);
    if (known === undefined || partitions !== known.partitions.length) this.#permit('alter', 'topic', name);
    if (known === undefined) return;
    const { name: _, partitions: __, ...before } = known.spec;
    if (JSON.stringify(before) !== JSON.stringify(settings) || partitions === known.partitions.length)
      this.#permit('alter-settings', 'topic', name);
  }

  #permitOn(verb: AccessVerb, kind: Kind, name: string): void {
    const on = targetOf(kind);
    // Users are the administrator's, and what is seen of them too.
    this.#permit(on === 'broker' ? 'alter' : verb, on, name);
  }

  #permit(verb: AccessVerb, on: AccessTarget, name: string): void {
    if (this.#may(verb, on, name)) return;
    throw new Refused(
      'forbidden',
      `User "${this.#principal.user}" may not ${verb} ${on === 'broker' ? 'what is the administrator’s' : `the ${on} "${name}"`}. Give the user that permission, or ask as another.`,
    );
  }
}

/** Which member a membership speaks for: transactions name it. */
const members = new WeakMap<Membership, Member>();
