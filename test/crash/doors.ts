/** Lives of a broker with a load at one of its doors: started, killed while it works, started again, compared. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AmqpLoad } from './amqp-load.ts';
import { KafkaLoad } from './kafka-load.ts';
import { type Load, pause, type Verdict, within } from './load.ts';

const brokerScript = fileURLToPath(new URL('./broker.ts', import.meta.url));
const CONFIRMED_MIN = 500;
const WORK_MS_MAX = 60_000;
const VERIFY_MS_MAX = 150_000;

export type DoorName = 'amqp' | 'kafka';

export interface DoorCycle {
  readonly durability: string;
  /** Ends the broker while it is working. */
  readonly end: (pid: number) => void | Promise<void>;
  /** Between the end and the next start. */
  readonly after?: () => void;
  /** What was not answered is sent again, and the next life goes on with the same clients. */
  readonly resumes: boolean;
}

/** One directory, one load, as many lives as there are cycles; always on the same port, so that clients find it again. */
export class DoorLives {
  readonly #name: DoorName;
  readonly #directory: string;
  readonly #load: AmqpLoad | KafkaLoad;
  #port = 0;
  #broker: ChildProcess | undefined;

  constructor(name: DoorName, directory: string) {
    this.#name = name;
    this.#directory = directory;
    this.#load = name === 'amqp' ? new AmqpLoad() : new KafkaLoad();
  }

  async cycle({ durability, end, after, resumes }: DoorCycle): Promise<Verdict> {
    if (this.#port === 0) this.#port = await freePort();
    this.#broker ??= await this.#start(durability);
    const load: Load = this.#load;
    const { pid = 0 } = this.#broker;
    const gone = once(this.#broker, 'exit');
    await load.start(this.#port);
    for (let waitedMs = 0; load.confirmed < CONFIRMED_MIN && waitedMs < WORK_MS_MAX; waitedMs += 10) await pause(10);
    await pause(Math.random() * 250);
    // Only what was told before the end began counts.
    load.freeze();
    await end(pid);
    await gone;
    this.#broker = undefined;
    await load.stop();
    after?.();
    this.#broker = await this.#start('fsync');
    return within(VERIFY_MS_MAX, load.verify(this.#port, resumes), NEVER);
  }

  async #start(durability: string): Promise<ChildProcess> {
    const ports = this.#name === 'amqp' ? [String(this.#port), '0'] : ['0', String(this.#port)];
    const broker = spawn(process.execPath, [brokerScript, this.#directory, durability, ...ports], { stdio: ['ignore', 'pipe', 'pipe'] });
    let faults = '';
    broker.stderr.on('data', (chunk: Buffer) => {
      faults += chunk.toString();
    });
    const failed = once(broker, 'exit').then(() => {
      throw new Error(`the broker did not come up: ${faults.slice(0, 500)}`);
    });
    const ready = once(createInterface(broker.stdout), 'line');
    await Promise.race([ready, failed]);
    failed.catch(() => undefined); // it is ended later on, on purpose
    return broker;
  }

  /** Ends what is still there. */
  async close(): Promise<void> {
    if (this.#load instanceof KafkaLoad) await this.#load.end();
    const broker = this.#broker;
    if (broker === undefined) return;
    const gone = once(broker, 'exit');
    broker.kill('SIGKILL');
    await gone;
  }
}

const NEVER: Verdict = { confirmed: 0, lost: 0, wrong: [`looking at what is left took more than ${VERIFY_MS_MAX / 1000} s`] };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
