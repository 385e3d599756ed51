/** One part of a stress run, in a process of its own. Prints its figures as JSON on its last line. */

import type { Order } from '../../../src/events/events.ts';
import { runDeaths } from './deaths.ts';
import { runEvents } from './events.ts';
import { runIdle, runIds } from './quiet.ts';
import { runSparse } from './sparse.ts';

const [name = '', count = '0', seed = '1', order = 'registration'] = process.argv.slice(2);
const amount = Number(count);

async function run(): Promise<object> {
  switch (name) {
    case 'events':
      return runEvents({ events: amount, adders: 2, workers: 3, order: order as Order, capacity: 4096 });
    case 'tight':
      return runEvents({ events: amount, adders: 2, workers: 3, order: order as Order, capacity: 2 });
    case 'sparse':
      return runSparse(amount, Number(seed));
    case 'ids':
      return runIds(amount);
    case 'idle':
      return runIdle(amount);
    case 'repeat':
    case 'report':
      return runDeaths({ deaths: amount, seed: Number(seed), afterDeath: name, order: order as Order });
    default:
      throw new Error(`There is no part "${name}".`);
  }
}

console.log(JSON.stringify(await run()));
process.exit(0);
