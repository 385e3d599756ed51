/** Members of groups whose subscription is one connection and whose cursors are moved by another: which is which. */

import type { Random } from '../../host/random.ts';
import type { CursorMove, Membership, Operation, Principal } from '../../model/engine.ts';
import { Refused } from '../../model/refusal.ts';
import { quoted } from '../../wire/http/http.ts';

export interface Member {
  readonly group: string;
  readonly principal: Principal;
  /** Throws `Refused`: `stale` for a partition that is not its own, `out-of-range` for what it was not sent yet. */
  operation(cursors: readonly CursorMove[]): Operation & { readonly membership: Membership };
  /** The cursors stand there now: what is before them no longer counts as unsettled. */
  moved(cursors: readonly CursorMove[]): void;
  moveTo(cursors: readonly CursorMove[]): Promise<void>;
}

const NAME_BYTES = 16;

export class Members {
  readonly #byName = new Map<string, Member>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Answers its name: not to be guessed, so that nobody moves another's cursors by mistake. */
  add(member: Member): string {
    const name = Buffer.from(this.#random.bytes(NAME_BYTES)).toString('hex');
    this.#byName.set(name, member);
    return name;
  }

  remove(name: string): void {
    this.#byName.delete(name);
  }

  /** Throws `Refused('unknown')`; also for the members of other users. */
  find(group: string, name: string, { user, tenant }: Principal): Member {
    const member = this.#byName.get(name);
    const own = member?.group === group && member.principal.user === user && member.principal.tenant === tenant;
    if (member !== undefined && own) return member;
    throw new Refused(
      'unknown',
      `Group ${quoted(group)} has no member ${quoted(name)} here. Its connection may have ended: subscribe again.`,
    );
  }
}
