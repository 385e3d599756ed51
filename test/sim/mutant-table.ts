/** The planted bugs. Each names a file under src, a place that must be there exactly once, and what stands there instead. */

export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'publish confirmed before the sync',
    file: 'broker/seat.ts',
    find: 'ledger.gate.hold(ledger.journal.tip, () => resolve(answer), reject)',
    replace: 'ledger.gate.hold(0, () => resolve(answer), reject)',
  },
  {
    name: 'repeat confirmed before the first time is safe',
    file: 'broker/seat.ts',
    find: 'if (publish.transient === true) return answer;',
    replace: 'if (publish.transient === true || decided.entries.length === 0) return answer;',
  },
  {
    name: 'transaction confirmed before the sync',
    file: 'broker/transact.ts',
    find: '    await ledger.gate.passed(turn.tip);',
    replace: '    void turn.tip;',
  },
  {
    name: 'dead letters of a transaction follow its entry',
    file: 'broker/transact.ts',
    find: 'ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? [])]);',
    replace: 'ledger.record(decided.entries); house.host.clock.after(1, () => ledger.record(ends.flatMap((end) => end?.entries ?? [])));',
  },
  {
    name: 'half a transaction replayed',
    file: 'core/apply.ts',
    find: 'for (const inner of entry.entries) apply(state, inner, effects);',
    replace: 'for (const inner of entry.entries.slice(0, 1)) apply(state, inner, effects);',
  },
  {
    name: 'transaction written as separate entries',
    file: 'broker/ledger.ts',
    find: "this.#write(entries.length === 1 ? only : { kind: 'transaction', entries }, false);",
    replace: 'for (const entry of entries) this.#write(entry, false);',
  },
  {
    name: 'cursor moved is confirmed before it is safe',
    file: 'broker/gate.ts',
    find: 'return new Promise((resolve, reject) => this.hold(position, resolve, reject));',
    replace: 'return new Promise((resolve, reject) => this.hold(0, resolve, reject)); void position;',
  },
  {
    name: 'dedup window forgotten in a checkpoint',
    file: 'core/apply.ts',
    find: 'if (dedupId !== undefined) queue.remember(dedupId, number, nowMs);',
    replace: 'if (dedupId !== undefined && number % 2 === 0) queue.remember(dedupId, number, nowMs);',
  },
  {
    name: 'producer sequences forgotten at restart',
    file: 'core/restate.ts',
    find: 'if (producer.lines.size > 0) {',
    replace: 'if (producer.lines.size > 99) {',
  },
  {
    name: 'producer sequence not checked',
    file: 'core/publish.ts',
    find: 'if (known !== undefined) return known;',
    replace: "if (known !== undefined) return 'next';",
  },
  {
    name: 'logs not synced before the checkpoint',
    file: 'broker/upkeep.ts',
    find: 'await this.#ledger.checkpoint(() => this.#partitions.sync());',
    replace: 'await this.#ledger.checkpoint(async () => undefined);',
  },
  {
    name: 'segment recycled while messages live in it',
    file: 'broker/upkeep.ts',
    find: 'number < needed && state.segmentLive.count(number) === 0',
    replace: 'number < needed && state.segmentLive.count(number) <= 2',
  },
  {
    name: 'segment recycled before the settles are safe',
    file: 'journal/writer.ts',
    find: 'return this.#durable >= since && segmentOf(this.#durableCheckpoint) > segment;',
    replace: 'return this.#durable >= 0 * since && segment >= 0;',
  },
  {
    name: 'delivered before the message is safe',
    file: 'broker/queues.ts',
    find: '      safeAt,\n      () => taker.give(taking),',
    replace: '      0 * safeAt,\n      () => taker.give(taking),',
  },
  {
    name: 'lease not checked on ack',
    file: 'core/settle.ts',
    find: 'if (holder === 0 || (lease !== undefined && holder !== lease)) return false;',
    replace: 'if (holder === 0) return false;',
  },
  {
    name: 'lease ends a little early',
    file: 'core/dispatch.ts',
    find: 'untilMs: nowMs + taker.leaseMs',
    replace: 'untilMs: nowMs + taker.leaseMs * 0.6',
  },
  {
    name: 'a message whose lease ended is handed over',
    file: 'broker/consumers.ts',
    find: '      if (queue.leaseOf(first) !== lease) {',
    replace: '      if (queue.leaseOf(first) === 0) {',
  },
  {
    name: 'at most once delivered before it is settled',
    file: 'broker/takings.ts',
    find: "if (mine.count > 0) this.#ledger.record([{ kind: 'settled', queue: queue.id, as: 'acked', runs }]);",
    replace: "if (mine.count > 1) this.#ledger.record([{ kind: 'settled', queue: queue.id, as: 'acked', runs }]);",
  },
  {
    name: 'messages in flight stay so after a restart',
    file: 'core/apply.ts',
    find: 'else if (queue.inFlight > 0) {',
    replace: 'else if (queue.inFlight > 3) {',
  },
  {
    name: 'delayed message delivered early',
    file: 'core/queue/queue.ts',
    find: 'const dueAtMs = dueMs > 0 ? dueMs : nowMs + (this.#spec.delayMs ?? 0);',
    replace: 'const dueAtMs = dueMs > 0 ? dueMs - 40 : nowMs + (this.#spec.delayMs ?? 0);',
  },
  {
    name: 'dead letter settled in an entry of its own',
    file: 'broker/morgue.ts',
    find: '      this.#ledger.record(end.entries);\n',
    replace: '      for (const entry of end.entries.toReversed()) this.#ledger.record([entry]);\n',
  },
  {
    name: 'carried message keeps its old place',
    file: 'core/apply.ts',
    find: '(entry.recordsAt + from - start) as Position',
    replace: '(entry.recordsAt + from - start + (i === 1 ? 1 : 0)) as Position',
  },
  {
    name: 'checkpoint leaves out the retained values',
    file: 'core/restate.ts',
    find: "for (const [address, record] of tenant.retained) yield { kind: 'retained', tenant: name, address, record };",
    replace: '',
  },
  {
    name: 'checkpoint counts from another offset',
    file: 'core/restate.ts',
    find: "if (end > 0) yield { kind: 'partition', topic: topic.id, partition: p, start, end };",
    replace: "if (end > 1) yield { kind: 'partition', topic: topic.id, partition: p, start, end: end - 1 };",
  },
  {
    name: 'a record readable before it is safe',
    file: 'broker/partitions.ts',
    find: '      this.#ledger.journal.tip,\n      () => {\n        for (const [slot, end] of grown) {',
    replace: '      0,\n      () => {\n        for (const [slot, end] of grown) {',
  },
  {
    name: 'overflow lets too many stay',
    file: 'broker/queues.ts',
    find: 'while (queue.ready > 0 && (queue.ready > countMax || queue.sizeBytes > sizeBytesMax)) {',
    replace: 'while (queue.ready > 0 && (queue.ready > countMax + 9 || queue.sizeBytes > sizeBytesMax)) {',
  },
  {
    name: 'journal safe before the write has come back',
    file: 'journal/writer.ts',
    find: '        if (count === bytes.length) this.#wrote(block);',
    replace: '        if (count > 0) this.#wrote(block);',
  },
];
