/** Programs that are to end by themselves; which one is the argument. */

import { EventQueue } from '../../src/events/events.ts';
import { counters, handler } from './kit.ts';

const programs: Record<string, () => Promise<void>> = {
  async forgotten() {
    const queue = new EventQueue();
    queue.on('all', handler('countLater'));
    queue.on('all', () => {});
    queue.once({ id: 'never' }, () => {});
    await queue.start({ workers: 2 });
    for (let id = 0; id < 20; id++) queue.add({ id, type: 't' });
    process.once('exit', () => console.log(`ran ${counters[0]}`));
  },
  async closed() {
    const queue = new EventQueue();
    await queue.start({ workers: 2 });
    await queue.close();
    console.log('closed');
  },
  async idle() {
    const queue = new EventQueue();
    queue.on('all', handler('count'));
    await queue.start({ workers: 4 });
    queue.add({ id: 1, type: 't' });
    await queue.drain();
    // The least of some: what is left of the start takes time as well, and on a busy machine for longer.
    let leastMs = Number.POSITIVE_INFINITY;
    for (let look = 0; look < 20 && leastMs >= 15; look++) {
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { user, system } = process.cpuUsage(before);
      leastMs = Math.min(leastMs, (user + system) / 1000);
    }
    console.log(leastMs);
  },
};

await programs[process.argv[2] as string]?.();
