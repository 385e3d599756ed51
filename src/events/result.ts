/** What comes of the processing of an event. */

import type { Failure } from './failures.ts';
import type { EventId } from './keys.ts';

/** How an event ended. */
export interface Result {
  readonly event: { readonly id: EventId; readonly type: string; readonly data: unknown };
  /** Callbacks that ran, failed ones among them. */
  readonly ran: number;
  /** Every attempt that failed; those with `final` were not tried again. */
  readonly failed: readonly Failure[];
  /** True when its callbacks were not run, as the queue was stopped or closed without draining. */
  readonly abandoned: boolean;
}
