/** What is carried: the neutral view of a message, the meeting point of all languages. CloudEvents' attributes where they exist. */

export type HeaderValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly HeaderValue[]
  | ReadonlyMap<string, HeaderValue>;

/** A `Map`, never an object: a header may be called `__proto__`. */
export type Headers = ReadonlyMap<string, HeaderValue>;

export interface Message {
  /** The exchange it was published to; `''` when it was sent straight to a queue. */
  readonly exchange: string;
  /** Its routing key; for a message sent to a queue, the queue's name. */
  readonly address: string;
  /** When it was published, milliseconds since 1970. */
  readonly timestampMs: number;
  /** What decides its partition. */
  readonly key?: Uint8Array | undefined;
  readonly id?: string | undefined;
  /** CloudEvents `source`. */
  readonly source?: string | undefined;
  /** CloudEvents `type`. */
  readonly type?: string | undefined;
  /** CloudEvents `subject`. */
  readonly subject?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  /** 0 to 255, higher first; absent is 0. */
  readonly priority?: number | undefined;
  /** How long it may wait, as the publisher said it. */
  readonly ttlMs?: number | undefined;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Whose property bytes a record carries. Doors add theirs; a number, once given, is never used for another. `mark` is the broker's own: see `mark.ts`. */
export const LANGUAGES = { neutral: 0, kafka: 1, amqp: 2, mqtt: 3, redis: 4, sqs: 5, mark: 255 } as const;

/** The exchange that all doors share: a topic exchange whose routing keys are the addresses. */
export const MAIN_LINE = 'amq.topic';

/** The tenant of whoever names none. */
export const DEFAULT_TENANT = '/';

/** An empty header map to share. */
export const NO_HEADERS: Headers = new Map();
