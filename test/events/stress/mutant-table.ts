/**
 * Bugs planted into the event queue, each with the part of a stress run that must catch it; what shows in rare orders only is planted
 * before the explorers instead. The place must be there exactly once.
 */

export interface Mutant {
  readonly name: string;
  /** Under `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Of `test:stress`. */
  readonly by: readonly string[];
}

const EVENTS = ['--events', '150000', '--ids', '0', '--idle', '0', '--deaths', '0'];
const IDS = ['--events', '0', '--ids', '300000', '--idle', '0', '--deaths', '0'];
const IDLE = ['--events', '0', '--ids', '0', '--idle', '1', '--deaths', '0'];
const DEATHS = ['--events', '0', '--ids', '0', '--idle', '0', '--deaths', '60'];

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a wake-up without a notify',
    file: 'events/park.ts',
    find: '        Atomics.notify(words, this.#signal, taken);\n',
    replace: '',
    by: EVENTS,
  },
  {
    name: 'who adds one event wakes nobody',
    file: 'events/adding.ts',
    find: '      thread.work.wakeOne();\n',
    replace: '',
    by: EVENTS,
  },
  {
    name: 'a thread falls asleep without a last look',
    file: 'events/serving.ts',
    find: 'if (!this.#isIdle() || isOver(true)) return;',
    replace: 'if (isOver(true)) return;',
    by: EVENTS,
  },
  {
    name: 'who takes many from the line tells nobody of the room',
    file: 'events/claiming.ts',
    find: '    if (count > 0 && room.hasSleepers()) room.wake(count);\n',
    replace: '',
    by: EVENTS,
  },
  {
    name: 'an event is claimed without comparing',
    file: 'events/claiming.ts',
    find: 'const seen = Atomics.compareExchange(words, at, word, this.#run | restOf(word));',
    replace: 'Atomics.store(words, at, this.#run | restOf(word)); const seen = word;',
    by: EVENTS,
  },
  {
    name: 'an event does not go on for a callback that came late',
    file: 'events/registering.ts',
    find: 'if (!this.#settler.beginAgain(record, word)) continue;',
    replace: '',
    by: EVENTS,
  },
  {
    name: 'the progress of a pass is not written down',
    file: 'events/pass.ts',
    find: '      words[at + DONE_LOW] = standing.orderLow;\n',
    replace: '',
    by: DEATHS,
  },
  {
    name: 'a callback run in parallel is claimed without comparing',
    file: 'events/together.ts',
    find: 'if (Atomics.compareExchange(words, at + NODE_STATE, part.stamp, this.#claimed) === part.stamp) {',
    replace: 'Atomics.store(words, at + NODE_STATE, this.#claimed); {',
    by: EVENTS,
  },
  {
    name: 'who is asked to take part does not look whether it is still shared',
    file: 'events/pass.ts',
    find: 'if (kindOf(word) !== RUNNING || ownerOf(word) !== this.#thread.me) return',
    replace: 'if (kindOf(word) === 12) return',
    by: EVENTS,
  },
  {
    name: 'an event that a dead thread ran is not sent again',
    file: 'events/recovery.ts',
    find: '  if (taken) resumed.push(record);\n',
    replace: '',
    by: DEATHS,
  },
  {
    name: 'what a dead thread owned is not looked for',
    file: 'events/recovery.ts',
    find: 'const swept = sweep(member, dead);',
    replace: 'const swept = { resumed: 0, inFlight: 0 };',
    by: DEATHS,
  },
  {
    name: 'hints that a dead thread had taken are not sent again',
    file: 'events/recovery.ts',
    find: '  for (const record of unbegun(words, block)) if (kindOf(words[thread.at(record) + LIFE] as number) === PENDING) resumed.push(record);\n',
    replace: '',
    by: DEATHS,
  },
  {
    name: 'records in the hands of a dead thread are not taken over',
    file: 'events/recovery.ts',
    find: '  thread.records.reclaim(block + CACHES, dead);\n',
    replace: '',
    by: DEATHS,
  },
  {
    name: 'pages in the hands of a dead thread are not taken over',
    file: 'events/recovery.ts',
    find: '  thread.pages.reclaim(block + CACHES + 2 * CACHE_WORDS, dead);\n',
    replace: '',
    by: DEATHS,
  },
  {
    name: 'a callback whose thread died is repeated though it is to be reported',
    file: 'events/settings.ts',
    find: "=== 'repeat' ? DEATHS_MAX : 1",
    replace: "=== 'repeat' ? DEATHS_MAX : 2",
    by: DEATHS,
  },
  {
    name: 'a dead thread is not recovered',
    file: 'events/crew.ts',
    find: 'if (!hand.left) this.#recover(hand, exitCode);',
    replace: '',
    by: DEATHS,
  },
  {
    name: 'finished events are never given up',
    file: 'events/settle.ts',
    find: '    this.evict();\n',
    replace: '',
    by: IDS,
  },
  {
    name: 'callbacks of an event do not go back to the stock',
    file: 'events/settle.ts',
    find: '    for (const node of buried) nodes.give(node);\n',
    replace: '',
    by: IDS,
  },
  {
    name: 'pages of an event do not go back to the stock',
    file: 'events/settle.ts',
    find: '    if (words[at + PAGES] !== 0) payloads.release(at + PAGES, me);\n',
    replace: '',
    by: IDS,
  },
  {
    name: 'a thread with nothing to do looks and looks',
    file: 'events/serving.ts',
    find: 'if (!thread.work.sleep(key, this.#options.sleepMs) && !this.#isIdle()) thread.count(LATE_WAKES, 1);',
    replace: 'void key;',
    by: IDLE,
  },
];
