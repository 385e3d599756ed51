/** What an engine says it cannot do, it refuses: one attempt for each capability. */

import { MAIN_LINE } from '../../model/message.ts';
import { RecordWriter } from '../../model/record.ts';
import { bundle } from './bundles.ts';
import { type Check, type Feature, refused, type Trial } from './trial.ts';

function refuses(feature: Feature, says: string, attempt: (trial: Trial) => unknown): Check & { readonly feature: Feature } {
  return {
    feature,
    says: `refuses ${says} as unsupported`,
    run: async (trial) => void (await refused('unsupported', '', () => attempt(trial))),
  };
}

export const refusals: readonly (Check & { readonly feature: Feature })[] = [
  refuses('topics', 'topics', ({ box }) => box.declareTopic('t')),
  refuses('queues', 'queues', ({ box }) => box.declareQueue('q')),
  refuses('exchanges', 'exchanges', ({ box }) => box.declareExchange('x', { type: 'fanout' })),
  refuses('exchanges', 'filters on bindings', ({ box }) =>
    box.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: '#', filter: 'body.big' }),
  ),
  refuses('transactions', 'transactions', async ({ box, engine }) => {
    if (engine.capabilities.queues) await box.declareQueue('q');
    else await box.declareTopic('q');
    await box.transaction((transaction) => transaction.publish('q', 1));
  }),
  refuses('priorities', 'priorities', ({ box }) => box.declareQueue('q', { priorityMax: 9 })),
  refuses('delays', 'delays of queues', ({ box }) => box.declareQueue('q', { delayMs: 1000 })),
  refuses('delays', 'delays of messages', async ({ box }) => {
    const queue = await box.declareQueue('q');
    await queue.send(1, { delay: '1s' });
  }),
  refuses('deduplication', 'deduplication', ({ box }) => box.declareQueue('q', { dedupWindowMs: 1000 })),
  refuses('retained', 'retained values', ({ box }) => box.publish('a', 1, { retain: true })),
  refuses('retained', 'asking for retained values', ({ box }) => box.retained('#')),
  refuses('packs', 'packs of messages', async ({ box, engine }) => {
    await box.declareTopic('t');
    const writer = new RecordWriter();
    const packs = Uint32Array.of(bundle(writer, [{ value: 'a' }, { value: 'b' }]));
    await engine.publish({ address: 't', toTopic: true, records: writer.take(), packs, columns: { partition: Int32Array.of(0) } });
  }),
  refuses('seekByTime', 'seeking by time', async ({ box, engine }) => {
    await box.declareTopic('t');
    await engine.offsetAt('t', 0, 0);
  }),
];
