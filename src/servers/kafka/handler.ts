/** A handler: what the door does for one API. Each has its file in `handlers`, and knows neither sockets nor frames. */

import type { Engine } from '../../model/engine.ts';
import {
  type Api,
  encodeResponse,
  type FrameRooms,
  type MessageReader,
  type RequestOf,
  type ResponseOf,
  readRequest,
} from '../../wire/kafka/kafka.ts';
import type { Door, Served } from './door.ts';
import type { Peer } from './peer.ts';

/** One request being answered. */
export interface Call {
  readonly door: Door;
  /** As whoever asks may see it. */
  readonly engine: Engine;
  readonly peer: Peer;
  /** For the log. */
  readonly api: string;
  readonly version: number;
  readonly clientId: string | null;
  /** Aborted when the connection or the door closes: ends every wait. */
  readonly signal: AbortSignal;
  /** Says that nothing of the request is looked at any more once it is answered, so that its memory may be used again. */
  spent(): void;
  /** Memory that others have done with. */
  readonly rooms: FrameRooms;
  /** Says that the answer points into memory of `rooms`, which goes back there when the answer has left. */
  lent(bytes: Uint8Array): void;
}

/** `none`: nothing is sent · `close`: nothing is sent, and the connection is ended. */
export type Outcome<A extends Api> = ResponseOf<A> | 'none' | 'close';

export interface Handler extends Served {
  /** Further requests of this kind may be begun before the first is answered. */
  readonly overlaps: boolean;
  /** May be asked by somebody who has not said yet who they are. */
  readonly forStrangers: boolean;
  run(from: MessageReader, call: Call, correlation: number): Promise<readonly Uint8Array[] | 'none' | 'close'>;
}

export interface HandlerOptions {
  readonly advertisedMin?: number;
  readonly overlaps?: boolean;
  readonly forStrangers?: boolean;
}

export function handler<A extends Api>(
  api: A,
  answer: (request: RequestOf<A>, call: Call) => Promise<Outcome<A>> | Outcome<A>,
  options: HandlerOptions = {},
): Handler {
  return {
    api,
    advertisedMin: options.advertisedMin ?? api.versions[0],
    overlaps: options.overlaps ?? false,
    forStrangers: options.forStrangers ?? false,
    run: async (from, call, correlation) => {
      const outcome = await answer(readRequest(from, api, call.version), call);
      return outcome === 'none' || outcome === 'close' ? outcome : encodeResponse(api, call.version, correlation, outcome as ResponseOf<A>);
    },
  };
}
