/** Who of a group is to read what, decided here [KIP-848]. Partitions are texts; those of a topic stand together, in order. */

/** A member as far as sharing out goes. */
export interface Sharer {
  readonly id: string;
  readonly names: ReadonlySet<string>;
  /** What it was to read before: it keeps as much of that as is fair. */
  readonly before: ReadonlySet<string>;
}

/** By topic name. */
export type Shares = ReadonlyMap<string, ReadonlySet<string>>;

export const ASSIGNORS: Readonly<Record<string, (members: readonly Sharer[], topics: ReadonlyMap<string, readonly string[]>) => Shares>> = {
  uniform,
  range,
};
export const ASSIGNOR_FALLBACK = 'uniform';

/** As even as the wishes allow, moving as little as possible. */
function uniform(members: readonly Sharer[], topics: ReadonlyMap<string, readonly string[]>): Shares {
  const shares = new Map(members.map(({ id }) => [id, new Set<string>()]));
  const share = (id: string) => shares.get(id) ?? new Set<string>();
  const least = (of: readonly Sharer[]) => of.reduce((a, b) => (share(b.id).size < share(a.id).size ? b : a));
  const takersOf = new Map<string, readonly Sharer[]>();
  for (const [name, partitions] of topics) {
    const takers = members.filter(({ names }) => names.has(name));
    if (takers.length === 0) continue;
    for (const partition of partitions) takersOf.set(partition, takers);
  }
  const free: string[] = [];
  for (const [partition, takers] of takersOf) {
    const former = takers.find(({ before }) => before.has(partition));
    if (former === undefined) free.push(partition);
    else share(former.id).add(partition);
  }
  for (const partition of free) share(least(takersOf.get(partition) ?? members).id).add(partition);
  // From the richest to the poorest who would take it, as long as there are two between them.
  const settled = new Set<string>();
  for (;;) {
    const rich = members.filter(({ id }) => !settled.has(id));
    if (rich.length === 0) return shares;
    const { id } = rich.reduce((a, b) => (share(b.id).size > share(a.id).size ? b : a));
    const own = share(id);
    const moved = [...own].find((partition) => share(least(takersOf.get(partition) ?? members).id).size + 1 < own.size);
    if (moved === undefined) settled.add(id);
    else {
      own.delete(moved);
      share(least(takersOf.get(moved) ?? members).id).add(moved);
    }
  }
}

/** Neighbouring partitions of each topic to neighbouring members: the same member gets the same numbers of every topic. */
function range(members: readonly Sharer[], topics: ReadonlyMap<string, readonly string[]>): Shares {
  const shares = new Map(members.map(({ id }) => [id, new Set<string>()]));
  for (const [name, partitions] of topics) {
    const takers = members.filter(({ names }) => names.has(name)).sort((a, b) => (a.id < b.id ? -1 : 1));
    const each = Math.floor(partitions.length / takers.length);
    const more = partitions.length % takers.length;
    let from = 0;
    for (const [i, { id }] of takers.entries()) {
      const to = from + each + (i < more ? 1 : 0);
      for (const partition of partitions.slice(from, to)) shares.get(id)?.add(partition);
      from = to;
    }
  }
  return shares;
}
