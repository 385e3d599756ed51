/** A route: where messages of one address go. What the rest of the core sees of routing. */

import type { Message } from '../../model/message.ts';
import type { Expression } from './expression.ts';

/** JMESPath whose result is the body a target gets. */
export type Transform = Expression;

export interface Target<T> {
  readonly to: T;
  readonly transform: Transform | undefined;
}

export interface Conditional<T> {
  readonly target: Target<T>;
  /** Whether this message goes there. Needs no `this`. */
  readonly test: (message: Message) => boolean;
}

/** Good until the router is changed: ask again then. */
export interface Route<T> {
  /** Where every message of this address goes: each queue or topic at most once without a transform, and once per distinct transform. */
  readonly targets: readonly Target<T>[];
  /** Where some go besides (headers, a hashed header, a filter); no target stands twice, here or in `targets`. */
  readonly conditional: readonly Conditional<T>[];
  /** False: there is no such exchange. */
  readonly exists: boolean;
  /** A quicker way to ask all of `conditional` at once; use it by `alsoTo`. */
  also?(message: Message): readonly Target<T>[];
}

/** Where this message goes besides `route.targets`; costs what fits the message, not what is bound. */
export function alsoTo<T>(route: Route<T>, message: Message): readonly Target<T>[] {
  if (route.also !== undefined) return route.also(message);
  return route.conditional.filter(({ test }) => test(message)).map(({ target }) => target);
}
