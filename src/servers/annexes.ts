/** Annexes: parts of the HTTP door that other doors furnish, for programs that speak a protocol and an HTTP interface beside it. */

import type { IncomingHttpHeaders } from 'node:http';

/** One request, past the HTTP door's guard of hosts and origins. Who comes is the annex's own business. */
export interface AnnexCall {
  readonly method: string;
  /** As it came: percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By their names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Where it comes from. */
  readonly address: string;
  readonly isLoopback: boolean;
  /** All of it. Throws what the HTTP door answers: too large, too slow, broken off. Default: the door's limit. */
  body(bytesMax?: number): Promise<Buffer>;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface AnnexAnswer {
  readonly status: number;
  /** Content type of `body`. Default JSON. */
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers its errors itself, as its clients know them; what it throws nevertheless is answered as the HTTP door's own errors are. */
export type AnnexHandler = (call: AnnexCall) => Promise<AnnexAnswer>;

export interface Annex {
  /** `/api`: this path and all below it; `/`: only itself. */
  readonly roots: readonly string[];
  /** Loads its code, at the first request. */
  readonly load: () => Promise<AnnexHandler>;
}

/** Those of one process: doors add them, the HTTP door looks here for what it does not know itself. */
export class Annexes {
  readonly #loaded = new Map<Annex, Promise<AnnexHandler> | undefined>();

  /** Returns what takes it away again. */
  add(annex: Annex): () => void {
    this.#loaded.set(annex, undefined);
    return () => void this.#loaded.delete(annex);
  }

  /** Whose this path is; undefined: nobody's. */
  find(path: string): Promise<AnnexHandler> | undefined {
    for (const [annex, loaded] of this.#loaded) {
      if (!annex.roots.some((root) => path === root || (root !== '/' && path.startsWith(`${root}/`)))) continue;
      const handler = loaded ?? annex.load();
      if (loaded === undefined) this.#loaded.set(annex, handler);
      return handler;
    }
    return undefined;
  }
}
