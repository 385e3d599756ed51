/** What adding an event may lead to. */

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
