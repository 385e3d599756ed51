/** An event as callbacks see it. Its data is read from shared memory when first asked for. */

import type { EventId, Keys } from './keys.ts';
import type { Payloads } from './payload.ts';

/** What is added: an id (a whole number or a text), a type, and data. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  readonly id: EventId;
  readonly type: Type;
  readonly data?: Data;
}

/** An event as it is given to callbacks. */
export interface QueuedEvent<Type extends string = string, Data = unknown> {
  readonly id: EventId;
  readonly type: Type;
  /** Read it while the callbacks of the event run, if only once; afterwards its memory is used for others, and reading it throws. */
  readonly data: Data;
}

/** Types of events and what they carry, for the compiler: `{ 'order.created': Order }`. */
export type EventTypes = Readonly<Record<string, unknown>>;

/** One of them as it is added, and as callbacks see it. */
export type AnyNew<Events extends EventTypes> = { [Type in keyof Events & string]: NewEvent<Type, Events[Type]> }[keyof Events & string];
export type AnyQueued<Events extends EventTypes> = { [Type in keyof Events & string]: QueuedEvent<Type, Events[Type]> }[keyof Events &
  string];

/** Where an event's parts are read from. */
export interface EventSource {
  readonly keys: Keys;
  readonly payloads: Payloads;
}

const GONE = 0;

export class SharedEvent implements QueuedEvent {
  readonly id: EventId;
  readonly type: string;
  readonly #source: EventSource;
  /** The record with the payload; 0 once it is over. */
  #body: number;
  #data: unknown = undefined;
  #hasData = false;

  constructor(source: EventSource, record: number, body: number, type: string) {
    this.#source = source;
    this.#body = body;
    this.id = source.keys.read(record);
    this.type = type;
  }

  get data(): unknown {
    if (!this.#hasData) {
      if (this.#body === GONE) {
        throw new Error(
          `The data of event ${this.id} was asked for after its callbacks had ended. Read it in the callback, and keep what is needed.`,
        );
      }
      this.#data = this.#source.payloads.read(this.#body, this.type);
      this.#hasData = true;
    }
    return this.#data;
  }

  /** Reads the data now, for who looks at it later. */
  keep(): this {
    if (!this.#hasData) this.#data = this.data;
    return this;
  }

  /** Its memory is used for others from now on. */
  end(): void {
    this.#body = GONE;
  }

  toJSON(): NewEvent {
    return { id: this.id, type: this.type, data: this.data };
  }
}
