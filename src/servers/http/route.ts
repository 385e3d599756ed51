/** A route: method, path, parameters, description and handler in one place. The table in `routes.ts` is all this door can do. */

import type { Answer } from './answer.ts';
import type { Call } from './call.ts';
import type { Param, Params, Values } from './params.ts';
import type { Schema } from './schema.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A body or answer as OpenAPI describes it: content type → schema. */
export type Content = Readonly<Record<string, Schema>>;

export interface RouteDocs {
  /** OpenAPI's `operationId`: a verb and a noun. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly about?: string;
  readonly body?: { readonly required: boolean; readonly content: Content };
  /** Answers that are not problems; every route may answer a problem. */
  readonly answers: Readonly<Record<number, { readonly about: string; readonly content?: Content }>>;
}

export interface Route extends RouteDocs {
  readonly method: Method;
  /** `/v1/queues/{queue}`: what is in braces is one percent-encoded segment. */
  readonly path: string;
  readonly params: Params;
  /** Needs no token: only for what tells nothing. */
  readonly open?: boolean;
  /** Undefined: the handler has taken over the reply (a stream). */
  readonly handle: (call: Call) => Promise<Answer | undefined>;
}

type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

/** A call as the handler of this route sees it: its path's names and its parameters, typed. */
export type CallOf<Path extends string, P extends Params> = Call & {
  readonly path: { readonly [K in Names<Path>]: string };
  readonly query: Values<P>;
};

interface Definition<Path extends string, P extends Params> extends RouteDocs {
  readonly method: Method;
  readonly path: Path;
  readonly params: P;
  readonly open?: boolean;
  readonly handle: (call: CallOf<Path, P>) => Promise<Answer | undefined>;
}

export const NO_PARAMS: Readonly<Record<string, Param<never>>> = {};

/** Gives the handler its types. The router fills exactly these names, so the widening is sound. */
export function route<Path extends string, const P extends Params>(definition: Definition<Path, P>): Route {
  return definition as unknown as Route;
}
