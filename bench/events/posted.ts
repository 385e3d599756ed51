/** A worker that events are posted to: the counterpart of the queue's workers. */

import { type MessagePort, workerData } from 'node:worker_threads';
import { CALLBACKS, DONE, EVENTS, OVER, ROUND } from './control.ts';
import { TYPE } from './shape.ts';

export interface PostedStart {
  /** Where events come from; for the one that posts: where they go to, in turn. */
  readonly ports: readonly MessagePort[];
  readonly posts: boolean;
  readonly control: Int32Array;
}

interface Posted {
  readonly id: number;
  readonly type: string;
  readonly data: { readonly user: number; readonly name: string; readonly ok: boolean };
}

/** Events on their way at one time, so that ports do not fill up without end. */
const UNDER_WAY = 16_384;
const TOLD = 64;

const { ports, posts, control } = workerData as PostedStart;
if (posts) await post();
else for (const port of ports) take(port);

function take(port: MessagePort): void {
  let users = 0;
  let taken = 0;
  port.on('message', (event: Posted | undefined) => {
    if (event === undefined) {
      Atomics.add(control, CALLBACKS, taken);
      Atomics.notify(control, CALLBACKS);
      taken = 0;
      return;
    }
    users += event.data.user;
    if (++taken < TOLD) return;
    Atomics.add(control, CALLBACKS, taken);
    taken = 0;
    if (users < 0) throw new Error('Nobody has a number below zero.');
  });
}

async function post(): Promise<void> {
  let posted = 0;
  for (let round = 1; ; round++) {
    Atomics.wait(control, ROUND, round - 1);
    if (Atomics.load(control, OVER) !== 0) break;
    const events = Atomics.load(control, EVENTS);
    for (let id = 0; id < events; id++) {
      const event: Posted = { id, type: TYPE, data: { user: 12345, name: 'alice', ok: true } };
      ports[id % ports.length]?.postMessage(event);
      if ((++posted & 1023) === 0) while (posted - Atomics.load(control, CALLBACKS) > UNDER_WAY) Atomics.wait(control, OVER, 0, 0.05);
    }
    for (const port of ports) port.postMessage(undefined);
    Atomics.add(control, DONE, 1);
    Atomics.notify(control, DONE);
  }
  for (const port of ports) port.close();
}
