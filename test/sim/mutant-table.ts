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
    find: '      if (publish.transient === true) return answer;',
    replace: '      if (publish.transient === true || decided.entries.length === 0) return answer;',
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
    find: 'ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? []), ...last]);',
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
    file: 'core/queue/restate.ts',
    find: 'of dedup.entries())',
    replace: 'of [...dedup.entries()].slice(0, 0))',
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
    find: '      this.#ledger.journal.tip,\n      () => {\n        for (const { slot, end, stable } of grown) {',
    replace: '      0,\n      () => {\n        for (const { slot, end, stable } of grown) {',
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
  {
    name: 'binding filter forgotten in a checkpoint',
    file: 'core/restate.ts',
    find: "yield { kind: 'bound', tenant: name, binding };",
    replace: "const { filter: _filter, ...rest } = binding; yield { kind: 'bound', tenant: name, binding: rest };",
  },
  {
    name: 'alternate exchange forgotten at restart',
    file: 'core/restate.ts',
    find: "yield { kind: 'declared', id: 0, tenant: name, spec, nowMs: state.nowMs };\n    for (const topic",
    replace:
      "{ const { alternate: _alternate, ...rest } = spec; yield { kind: 'declared', id: 0, tenant: name, spec: rest, nowMs: state.nowMs }; }\n    for (const topic",
  },
  {
    name: 'alternate takes what a filter let through as well',
    file: 'core/routing/resolve.ts',
    find: '      took = true;\n      take(bound);',
    replace: '      take(bound);',
  },
  {
    name: 'hash depends on the order of binding',
    file: 'core/routing/rendezvous.ts',
    find: 'this.#candidates.set(id, { id, hash: hashText(id, 0x9747b28c), weight, value });',
    replace: 'this.#candidates.set(id, { id, hash: hashText(`${this.#candidates.size}`, 0x9747b28c), weight, value });',
  },
  {
    name: 'all headers asked for, any is enough',
    file: 'core/routing/headers-match.ts',
    find: 'return entry.any ? entry.conditions.some(holds) : entry.conditions.every(holds);',
    replace: 'return entry.conditions.some(holds);',
  },
  {
    name: 'what several addresses reach is stored twice',
    file: 'core/route.ts',
    find: 'return !known.has(transform) && known.add(transform);',
    replace: 'known.add(transform); return true;',
  },
  {
    name: 'transformed copies follow in entries of their own',
    file: 'broker/seat.ts',
    find: '      ledger.record(decided.entries);\n      queues.announce',
    replace:
      '      ledger.record(decided.entries.slice(0, 1));\n      this.#house.host.clock.after(1, () => ledger.record(decided.entries.slice(1)));\n      queues.announce',
  },
  {
    name: 'what does not fit its schema is left out in silence',
    file: 'core/faults.ts',
    find: "if ('refused' in fault) return fault;",
    replace: "if ('refused' in fault) continue;",
  },
  {
    name: 'what does not fit is dead-lettered and stored as well',
    file: 'core/publish.ts',
    find: 'const faulty = faults.length === 0 ? NONE_WITHOUT : new Set(faults.map((f) => f.index));',
    replace: 'const faulty = faults.length === 0 ? NONE_WITHOUT : new Set(faults.slice(1).map((f) => f.index));',
  },
  {
    name: 'a partition given to two members',
    file: 'broker/groups.ts',
    find: 'const fresh = [...keys].filter((key) => !group.members.some((m) => m.owned.has(key)));',
    replace: 'const fresh = [...keys].filter((key) => !member.owned.has(key));',
  },
  {
    name: 'a revoked partition handed over before its member has finished',
    file: 'broker/groups.ts',
    find: '    for (const key of keys) member.leaving.add(key);\n',
    replace: '    for (const key of keys) member.owned.delete(key);\n',
  },
  {
    name: 'a member may move the cursors of others',
    file: 'broker/groups.ts',
    find: "if (typeof member === 'object' && !member.owned.has(cursorKey(topic.id, move.partition))) {",
    replace: 'if (topic === undefined) {',
  },
  {
    name: 'cursors moved by hand under the members',
    file: 'broker/groups.ts',
    find: 'if (group !== undefined && group.members.length > 0)\n        throw',
    replace: 'if (group !== undefined && group.members.length > 99)\n        throw',
  },
  {
    name: 'cursor moved by a member is confirmed before it is safe',
    file: 'broker/seat.ts',
    find: 'move: (moves) => this.#move(tenant, join.group, moves, member),',
    replace: 'move: async (moves) => void this.#move(tenant, join.group, moves, member).catch(() => undefined),',
  },
  {
    name: 'cursor moved in a transaction follows its entry',
    file: 'broker/transact.ts',
    find: "      entries.push({ kind: 'moved', tenant: tenant.name, group: operation.group, moves });",
    replace: "      host.clock.after(1, () => ledger.record([{ kind: 'moved', tenant: tenant.name, group: operation.group, moves }]));",
  },
  {
    name: 'a member begins behind where its partition begins',
    file: 'broker/groups.ts',
    find: 'offset: offset(cursors?.get(key)?.offset ?? 0) })));',
    replace: 'offset: offset((cursors?.get(key)?.offset ?? 0) + (cursors?.get(key)?.offset ? 1 : 0)) })));',
  },
  {
    name: 'compaction drops the last record of a key',
    file: 'log/compact.ts',
    find: 'if ((this.#offsets.get(text(key)) ?? offset) > offset) return undefined;',
    replace: 'if ((this.#offsets.get(text(key)) ?? offset + 1) >= offset) return undefined;',
  },
  {
    name: 'compaction counts offsets anew',
    file: 'log/compact.ts',
    find: '      this.#offsets[count++] = offset;',
    replace: '      this.#offsets[count] = this.#covered + count++;',
  },
  {
    name: 'retention by age takes what is young',
    file: 'log/retention.ts',
    find: 'const tooOld = retentionMs !== undefined && nowMs - segment.lastMs > retentionMs;',
    replace: 'const tooOld = retentionMs !== undefined && nowMs - segment.lastMs > retentionMs / 100;',
  },
  {
    name: 'retention by size takes too much',
    file: 'log/retention.ts',
    find: 'segment !== active && leftBytes >= retentionBytes;',
    replace: 'segment !== active && leftBytes + segment.sizeBytes >= retentionBytes;',
  },
  {
    name: 'a log trimmed before that is safe',
    file: 'broker/partitions.ts',
    find: '      this.#ledger.journal.tip,\n      () => {\n        slot.trimming--;',
    replace: '      0,\n      () => {\n        slot.trimming--;',
  },
  {
    name: 'a partition begins where it did before it was trimmed',
    file: 'core/restate.ts',
    find: "if (end > 0) yield { kind: 'partition', topic: topic.id, partition: p, start, end };",
    replace: "if (end > 0) yield { kind: 'partition', topic: topic.id, partition: p, start: 0, end };",
  },
  {
    name: 'what a full disk did not let go stays for ever',
    file: 'log/erase.ts',
    find: 'leaving.push(...segments);',
    replace: 'leaving.splice(0, leaving.length, ...segments);',
  },
  {
    name: 'labels of an altered topic forgotten in a checkpoint',
    file: 'core/restate.ts',
    find: "yield { kind: 'declared', id: topic.id, tenant: name, spec: topic.spec, nowMs: state.nowMs };",
    replace:
      "const { labels: _labels, ...plain } = topic.spec; yield { kind: 'declared', id: topic.id, tenant: name, spec: plain, nowMs: state.nowMs };",
  },
  {
    name: 'a cursor removed comes back',
    file: 'core/apply.ts',
    find: 'if (offset < 0) cursors.delete(cursorKey(topic, partition));',
    replace: 'if (offset < 0) cursors.get(cursorKey(topic, partition));',
  },
  {
    name: 'a queue removed leaves its messages to the next of its name',
    file: 'core/apply.ts',
    find: 'if (queue !== undefined) removeQueue(state, queue, effects);',
    replace: 'if (queue !== undefined) effects.touched(queue);',
  },
  {
    name: 'a topic removed leaves its offsets to the next of its name',
    file: 'core/apply.ts',
    find: '  tenant.topics.delete(name);\n  state.topics.delete(topic.id);\n',
    replace: '',
  },
  {
    name: 'mandatory forgotten',
    file: 'core/publish.ts',
    find: 'if (publish.mandatory === true && decided.routed === 0) {',
    replace: 'if (publish.mandatory === true && decided.routed < 0) {',
  },
  {
    name: 'a former producer is not fenced',
    file: 'core/transaction.ts',
    find: 'if (producer.epoch === epoch) return producer;',
    replace: 'if (producer.epoch >= epoch) return producer;',
  },
  {
    name: 'stable one too far',
    file: 'core/uncommitted.ts',
    find: 'stable = Math.min(stable, runs[0] ?? end);',
    replace: 'stable = Math.min(stable, (runs[0] ?? end) + 1);',
  },
  {
    name: 'stable before the end is safe',
    file: 'broker/reading.ts',
    find: "const limit = () => (uncommitted === 'open' ? slot.safe : slot.stable);",
    replace:
      "const limit = () => (uncommitted === 'open' ? slot.safe : Math.min(slot.safe, Math.max(endsOf(slot).start, endsOf(slot).uncommitted?.stable(endsOf(slot).end) ?? slot.safe)));",
  },
  {
    name: 'the end of an open transaction follows its marks',
    file: 'broker/transact.ts',
    find: 'ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? []), ...last]);',
    replace:
      'ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? []), ...last.slice(0, -1)]); if (last.length > 0) house.host.clock.after(1, () => ledger.record(last.slice(-1)));',
  },
  {
    name: 'cursors follow the end of their transaction',
    file: 'broker/transact.ts',
    find: 'ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? []), ...last]);',
    replace:
      "const moved = (entry: Entry) => entry.kind === 'moved'; ledger.record([...decided.entries, ...ends.flatMap((end) => end?.entries ?? []), ...last.filter((entry) => !moved(entry))]); if (last.some(moved)) house.host.clock.after(10, () => ledger.record(last.filter(moved)));",
  },
  {
    name: 'half an end replayed: the state forgets what was aborted',
    file: 'core/uncommitted.ts',
    find: '    this.#mergeRuns(runs);\n  }',
    replace: '    if (runs.length < 4) this.#mergeRuns(runs);\n  }',
  },
  {
    name: 'open transactions forgotten by the checkpoint',
    file: 'core/restate.ts',
    find: '    yield* restateOpen(producer);\n',
    replace: '',
  },
  {
    name: 'open records forgotten by the checkpoint',
    file: 'core/restate.ts',
    find: 'for (const [producer, runs] of open)',
    replace: 'for (const [producer, runs] of [...open].slice(1))',
  },
  {
    name: 'list of the aborted forgotten by the checkpoint',
    file: 'core/restate.ts',
    find: 'for (let at = 0; at < aborted.length; at += PIECE)',
    replace: 'for (let at = PIECE; at < aborted.length; at += PIECE)',
  },
  {
    name: 'what was aborted is read',
    file: 'broker/committed.ts',
    find: 'uncommitted.isAborted(offsets[i] ?? 0)',
    replace: 'uncommitted.isAborted((offsets[i] ?? 0) + 1)',
  },
  {
    name: 'list of the aborted ends too early',
    file: 'core/uncommitted.ts',
    find: 'if (part.stable >= before) break;',
    replace: 'if (part.mark >= before) break;',
  },
  {
    name: 'a transaction never takes too long',
    file: 'broker/overdue.ts',
    find: 'producer.open.beganMs + producer.openMs <= nowMs',
    replace: 'producer.open.beganMs + producer.openMs < 0',
  },
  {
    name: 'time is not counted after a restart',
    file: 'broker/overdue.ts',
    find: '    this.look();\n  }\n\n  stop',
    replace: '  }\n\n  stop',
  },
  {
    name: 'cursors of an aborted transaction move',
    file: 'core/transaction.ts',
    find: "outcome === 'commit' ? (producer.open?.groups.values() ?? []) : []",
    replace: 'producer.open?.groups.values() ?? []',
  },
  {
    name: 'who takes a name over leaves open what was',
    file: 'core/transaction.ts',
    find: "known.open === undefined ? [] : endEntries(state, known, 'abort', known.epoch + 1, undefined, nowMs)",
    replace: "known.open === undefined ? [] : endEntries(state, known, 'commit', known.epoch + 1, undefined, nowMs)",
  },
  {
    name: 'an end asked for again is another',
    file: 'core/transaction.ts',
    find: 'ended?.epoch === claim.epoch && ended.outcome === outcome)',
    replace: 'ended?.epoch === claim.epoch)',
  },
  {
    name: 'how a transaction ended forgotten by the checkpoint',
    file: 'core/restate.ts',
    find: '...(ended && { ended }) };',
    replace: '};',
  },
];
