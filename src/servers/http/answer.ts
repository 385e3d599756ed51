/** What a handler answers with: a value, sent by others. */

export interface Answer {
  readonly status: number;
  /** Content type of `body`. Default JSON. */
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A status with a value as JSON. */
export function json(value: unknown, status = 200): Answer {
  return { status, body: JSON.stringify(value) };
}

export const NO_CONTENT: Answer = { status: 204 };
