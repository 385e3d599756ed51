/** How an event is added, and what that may lead to. */

import type { Callback, Portable } from './callbacks.ts';

/** How an event is added. */
export interface AddOptions {
  /** 0 (lowest, default) to one less than the queue's `levels`. */
  readonly priority?: number;
  /** Callbacks for this event alone, registered with it if it is accepted. */
  readonly callbacks?: readonly (Callback | Portable)[];
}

/** What becomes of an event whose id is pending already. */
export type Duplicates =
  /** It is refused: `duplicate`. */
  | 'refuse'
  /** It takes the place of the pending one, in the line too. Behind one that is being processed it is added anew. */
  | 'replace'
  /** Both are processed, each by itself. */
  | 'queue'
  /** Ids are not looked at: nothing can be registered for one, and nothing is retained. */
  | 'unchecked';

/** What `add` answers. */
export type Answer = 'accepted' | 'duplicate' | 'full' | 'closed';
