/**
 * What a client fetches again and again, remembered so that neither side need say it again [KIP-227]. A session lives on its connection: one
 * that comes by another is not known, and the client begins anew.
 */

import { ERROR, type ErrorCode, type FETCH, NO_UUID, type RequestOf, type ResponseOf } from '../../wire/kafka/kafka.ts';

type Request = RequestOf<typeof FETCH>;
type Answer = ResponseOf<typeof FETCH>['responses'][number]['partitions'][number];

/** One partition that is fetched. */
export interface FetchPartition {
  /** Undefined: the id is no topic's. */
  readonly topic: string | undefined;
  readonly topicId: string | undefined;
  readonly partition: number;
  readonly fetchOffset: number;
  readonly currentLeaderEpoch: number;
  readonly partitionMaxBytes: number;
}

export interface FetchSession {
  /** 0: none is kept. */
  readonly id: number;
  /** Only what is new need be told. */
  readonly isIncremental: boolean;
  readonly partitions: readonly FetchPartition[];
  isNews(of: FetchPartition, answer: Answer): boolean;
  told(of: FetchPartition, answer: Answer): void;
}

/** An epoch of a request that begins a session, and of one that wants none. */
const BEGIN = 0;
const NONE = -1;
const EPOCH_MAX = 0x7fffffff;

interface Kept {
  of: FetchPartition;
  highWatermark: number;
  lastStableOffset: number;
  logStartOffset: number;
}

export class FetchSessions {
  #id = 0;
  #epoch = 0;
  #kept = new Map<string, Kept>();

  /** What this request, which names the partitions `asked`, fetches. `newId` is drawn for it, in case it begins a session. */
  begin(request: Request, asked: readonly FetchPartition[], newId: number): FetchSession | { readonly errorCode: ErrorCode } {
    if (request.sessionEpoch === NONE || request.sessionEpoch === BEGIN) {
      if (request.sessionId === this.#id) this.clear();
      if (request.sessionEpoch === NONE) return passing(asked);
      this.#id = newId & EPOCH_MAX || 1;
      this.#epoch = 1;
      this.#kept = new Map(asked.map((of) => [keyOf(of), newly(of)]));
      return this.#session(false);
    }
    if (this.#id === 0 || request.sessionId !== this.#id) return { errorCode: ERROR.fetchSessionIdNotFound };
    if (request.sessionEpoch !== this.#epoch) return { errorCode: ERROR.invalidFetchSessionEpoch };
    this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1;
    for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
      for (const partition of partitions) this.#kept.delete(`${topicId === NO_UUID ? topic : topicId}/${partition}`);
    }
    for (const of of asked) {
      const known = this.#kept.get(keyOf(of));
      if (known === undefined) this.#kept.set(keyOf(of), newly(of));
      else known.of = of;
    }
    return this.#session(true);
  }

  clear(): void {
    this.#id = 0;
    this.#kept = new Map();
  }

  #session(isIncremental: boolean): FetchSession {
    return {
      id: this.#id,
      isIncremental,
      partitions: [...this.#kept.values()].map(({ of }) => of),
      isNews: (of, answer) => {
        const kept = this.#kept.get(keyOf(of));
        if (kept === undefined || (answer.errorCode ?? 0) !== 0 || (answer.records?.length ?? 0) > 0) return true;
        return (
          kept.highWatermark !== answer.highWatermark ||
          kept.lastStableOffset !== (answer.lastStableOffset ?? -1) ||
          kept.logStartOffset !== answer.logStartOffset
        );
      },
      told: (of, answer) => {
        const kept = this.#kept.get(keyOf(of));
        if (kept === undefined) return;
        // Who got records or an error is served last next time, so that nobody starves; an error is told again.
        const isServed = (answer.errorCode ?? 0) !== 0 || (answer.records?.length ?? 0) > 0;
        kept.highWatermark = (answer.errorCode ?? 0) === 0 ? answer.highWatermark : -1;
        kept.lastStableOffset = answer.lastStableOffset ?? -1;
        kept.logStartOffset = answer.logStartOffset ?? -1;
        if (!isServed) return;
        this.#kept.delete(keyOf(of));
        this.#kept.set(keyOf(of), kept);
      },
    };
  }
}

function newly(of: FetchPartition): Kept {
  return { of, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 };
}

function passing(partitions: readonly FetchPartition[]): FetchSession {
  return { id: 0, isIncremental: false, partitions, isNews: () => true, told: () => undefined };
}

function keyOf({ topic, topicId, partition }: FetchPartition): string {
  return `${topicId ?? topic}/${partition}`;
}
