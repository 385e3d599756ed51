/** The embedded broker in memory only: publish to subscribe in one process, 100 B and 1 KiB. */

import { open } from '../src/signalbox.ts';
import { load } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';

export async function memory({ seconds }: BenchOptions): Promise<Figures> {
  const figures: Record<string, number> = {};
  for (const sizeBytes of [100, 1024]) {
    const box = await open();
    await box.declareQueue('q');
    const result = await load(box.engine, { queue: 'q', sizeBytes, inFlight: 1000, batch: 50, seconds });
    await box.close();
    figures[`${sizeBytes} B: messages/s`] = result.messagesPerSecond;
    figures[`${sizeBytes} B: main CPU us/message`] = result.mainMicros;
    figures[`${sizeBytes} B: total CPU us/message`] = result.totalMicros;
  }
  return figures;
}
