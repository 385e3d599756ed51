/** What all connections of one Kafka door share: the engine, the machine, the limits, the groups, and the door's figures. */

import type { LogFields } from '../../host/logger.ts';
import type { Engine, Principal } from '../../model/engine.ts';
import { DEFAULT_TENANT } from '../../model/message.ts';
import type { Language } from '../../model/record.ts';
import { type Api, KAFKA } from '../../wire/kafka/kafka.ts';
import type { Attempts } from '../attempts.ts';
import { AppendTimes } from './append-times.ts';
import { Coordinator, Expiry } from './groups/groups.ts';
import type { KafkaLimits } from './limits.ts';
import type { Machine } from './machine.ts';
import type { Peer } from './peer.ts';
import { TopicIds } from './topic-ids.ts';
import { Transactions } from './transactions/transactions.ts';

/** What the door says of itself and does unasked. */
export interface DoorSettings {
  /** Topics that are asked for and not there are made. */
  readonly autoCreate: boolean;
  /** Of topics made without a word about it. */
  readonly partitions: number;
}

/** An API that is served. */
export interface Served {
  readonly api: Api;
  /** The first version that is told of; those below the API's own window are refused when used. */
  readonly advertisedMin: number;
}

/** There is one broker, and this is its number. */
export const NODE_ID = 1;
/** Nobody ever takes a partition over. */
export const LEADER_EPOCH = 0;

export class Door {
  readonly engine: Engine;
  readonly machine: Machine;
  readonly limits: KafkaLimits;
  readonly settings: DoorSettings;
  readonly languages: ReadonlyMap<number, Language>;
  readonly attempts: Attempts;
  readonly groups: Coordinator;
  readonly expiry: Expiry;
  readonly transactions: Transactions;
  readonly topicIds: TopicIds;
  readonly appendTimes: AppendTimes;
  /** Aborted when the door begins to close: ends every wait. */
  readonly closing: AbortController = new AbortController();
  /** All that is served, by key. */
  readonly apis: readonly Served[];
  /** For logins of users that there are not. */
  readonly feint: Uint8Array;
  readonly #engines = new Map<string, Engine>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    engine: Engine,
    machine: Machine,
    limits: KafkaLimits,
    settings: DoorSettings,
    languages: readonly Language[],
    attempts: Attempts,
    apis: ReadonlyMap<number, Served>,
  ) {
    this.apis = [...apis.values()].sort((a, b) => a.api.key - b.api.key);
    this.engine = engine;
    this.machine = machine;
    this.limits = limits;
    this.settings = settings;
    this.languages = new Map([KAFKA, ...languages].map((language) => [language.number, language]));
    this.attempts = attempts;
    this.groups = new Coordinator(machine, limits);
    this.expiry = new Expiry(
      machine.clock,
      limits,
      (tenant, group) => !this.groups.of({ tenant }).hasMembers(group),
      (tenant) => this.engineOf({ tenant }),
      (error) => this.tell(error, { api: 'offsets' }),
    );
    this.transactions = new Transactions(machine, limits);
    this.feint = machine.random.bytes(32);
    this.topicIds = new TopicIds(engine.identity);
    this.appendTimes = new AppendTimes(machine.clock);
  }

  /** The cluster as clients know it: 16 bytes as base64. */
  get clusterId(): string {
    return Buffer.from(this.engine.identity, 'hex').toString('base64url');
  }

  /** Where this client finds the broker. */
  addressFor({ host, port }: Peer): { readonly host: string; readonly port: number } {
    return { host, port };
  }

  /** Ends what goes on unasked, and every wait. */
  async close(): Promise<void> {
    this.closing.abort();
    this.groups.close();
    this.expiry.close();
    await this.transactions.close();
  }

  tenantOf({ principal }: Peer): string {
    return principal?.tenant ?? DEFAULT_TENANT;
  }

  /** What looks first and changes then is done one after another. */
  inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(fn);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  engineOf(principal: Principal): Engine {
    const key = `${principal.tenant ?? DEFAULT_TENANT}\n${principal.user ?? ''}`;
    let engine = this.#engines.get(key);
    if (engine === undefined) {
      engine = this.engine.as(principal);
      this.#engines.set(key, engine);
    }
    return engine;
  }

  /** An error that is our own, not the client's, goes into the log. */
  tell(error: unknown, where: LogFields): void {
    this.machine.logger.error('kafka.failed', { ...where, cause: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
