/** Refusals: the expected no. Each door maps every code to its own protocol's error, so a new code does not compile until all doors know it. */

export type RefusalCode =
  /** The named queue, topic, exchange, group, user … does not exist. */
  | 'unknown'
  /** It exists with other properties than the ones asked for. */
  | 'conflict'
  /** A property, name or argument is not acceptable. */
  | 'invalid'
  /** The message or batch is larger than the limit. */
  | 'too-large'
  /** The queue is at its limit and its overflow policy is to refuse. */
  | 'full'
  /** The disk is nearly full: publishes are refused, all else goes on. */
  | 'disk-full'
  /** The message does not fit the declared schema. */
  | 'schema'
  /** Nothing is bound that takes this message, and the publisher asked for that to be an error. */
  | 'unrouted'
  /** The user may not do this. */
  | 'forbidden'
  /** Another consumer or connection holds this exclusively. */
  | 'exclusive'
  /** The lease, generation or epoch spoken of is over. */
  | 'stale'
  /** A producer's sequence number leaves a gap. */
  | 'out-of-order'
  /** A newer producer with the same id has taken over. */
  | 'fenced'
  /** The asked-for offset is not in the partition. */
  | 'out-of-range'
  /** The engine cannot do this (see its capabilities). */
  | 'unsupported'
  /** The broker has been closed, or has stopped serving after a disk error. */
  | 'closed'
  /** Another process has the data directory open. */
  | 'locked'
  /** A file is damaged; the message says which file and where. */
  | 'damaged'
  /** A file was written by a newer format than this build knows. */
  | 'format'
  /** The wait was ended by its AbortSignal or time limit. */
  | 'aborted';

/** An expected no, as a value: what the core answers. */
export interface Refusal {
  readonly refused: RefusalCode;
  /** One or two sentences: what happened, to what, and what to do next. */
  readonly message: string;
  /** Where the fault is, when it is inside the message (`schema`: a JSON pointer). */
  readonly path?: string;
}

/** An expected no, thrown at the edge where promises are: `code` is stable, the message is for people. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
  readonly code: RefusalCode;
  readonly path: string | undefined;

  constructor(code: RefusalCode, message: string, options?: { cause?: unknown; path?: string | undefined }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.path = options?.path;
  }

  static of(refusal: Refusal): Refused {
    return new Refused(refusal.refused, refusal.message, { path: refusal.path });
  }
}

export function refuse(code: RefusalCode, message: string, path?: string): Refusal {
  return path === undefined ? { refused: code, message } : { refused: code, message, path };
}

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value;
}
