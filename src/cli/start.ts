/** `signalbox start`: opens the data directory and the doors, says where they are, and serves until it is told to stop. */

import { openBroker } from '../broker/broker.ts';
import type { Host } from '../host/host.ts';
import { nodeHost } from '../host/node-host.ts';
import type { Engine } from '../model/engine.ts';
import type { Language } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import type { Server } from '../model/server.ts';
import { Annexes } from '../servers/servers.ts';
import { type Command, command as define } from './command.ts';
import type { DoorOptions, OpenDoor } from './doors.ts';
import { EXIT, exitOfSignal, Failure, type Signal } from './exits.ts';
import { removeRunning, writeRunning } from './running.ts';
import { addressOf, screen } from './screen.ts';
import { type DoorSetting, SETTINGS, type Settings, settingsOf } from './settings.ts';
import type { Terminal } from './terminal.ts';

export const command: Command = define({
  name: 'start',
  about: 'Run a broker: open its data directory and its doors',
  more:
    'Serves until SIGINT (Ctrl-C) or SIGTERM, then lets what is under way finish and exits with 0; a second signal ends it at once. ' +
    'Killed in any other way it loses nothing that was confirmed. Options win over the environment, and that over the file. With --json ' +
    'it prints one line when it serves: {"ready":true,"pid":…,"data":"…","doors":{"http":PORT}}.',
  words: [],
  options: SETTINGS,
  examples: [
    { about: 'Data in ./data, every door on its default port', line: 'signalbox start' },
    { about: 'For a test: any free port, told as JSON', line: 'signalbox start --data /tmp/events --http 0 --json' },
  ],
  exits: ['forbidden', 'taken', 'damaged'],
  run: async ({ options, terminal }) => new Start(settingsOf(options), terminal).run(),
});

/** How long the doors may take to answer their clients after the disk has failed. */
const FAREWELL_MS = 500;

/** What a broker and its doors need of Node before they serve, some milliseconds that would else be spent after the disk has answered. */
const NEEDED = ['node:crypto', 'node:cluster', 'node:dns'] as const;

type End = { readonly signal: Signal } | { readonly failed: Error };

class Start {
  readonly #settings: Settings;
  readonly #terminal: Terminal;
  readonly #end = Promise.withResolvers<End>();
  readonly #servers: Server[] = [];

  constructor(settings: Settings, terminal: Terminal) {
    this.#settings = settings;
    this.#terminal = terminal;
  }

  async run(): Promise<number> {
    this.#hearSignals();
    const { data, host } = this.#settings;
    const machine = nodeHost({ level: this.#settings.logLevel });
    const languages = await Promise.all(
      this.#settings.doors.flatMap(({ door: { language } }) => (language === undefined ? [] : [language()])),
    );
    // Begun first: it waits for the disk, and meanwhile all else is made ready.
    const opening = this.#openBroker(machine, languages);
    const [engine, opens] = await Promise.all([opening, this.#loadDoors()]);
    const annexes = new Annexes();
    try {
      for (const [i, setting] of this.#settings.doors.entries()) {
        const open = opens[i];
        if (open !== undefined)
          this.#servers.push(await this.#openDoor(setting, (at) => open(engine, { machine, host, ...at, languages, annexes })));
      }
      writeRunning(data, host, this.#ports);
    } catch (error) {
      await this.#close(engine);
      throw error;
    }
    await this.#tell(engine);
    const end = await this.#end.promise;
    return 'failed' in end ? this.#fail(end.failed) : this.#drain(engine, end.signal);
  }

  /** The first asks for a drain, the second for an end. */
  #hearSignals(): void {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(exitOfSignal(signal));
        asked = true;
        this.#end.resolve({ signal });
      });
    }
  }

  /** One after the other, and between them what the disk has answered is heard: the broker asks it for one thing after the other too. */
  async #loadDoors(): Promise<readonly OpenDoor[]> {
    this.#terminal.open();
    const opens: OpenDoor[] = [];
    for (const { door } of this.#settings.doors) {
      await new Promise(setImmediate);
      opens.push(await door.load());
    }
    for (const name of NEEDED) {
      await new Promise(setImmediate);
      process.getBuiltinModule(name);
    }
    return opens;
  }

  async #openBroker(machine: Host, languages: readonly Language[]): Promise<Engine> {
    const { data, durability } = this.#settings;
    try {
      return await openBroker(machine, {
        directory: data,
        durability,
        languages,
        onFailure: (error) => this.#end.resolve({ failed: error }),
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof Refused || code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
      throw new Failure('failed', `The data directory ${data} cannot be used: ${(error as Error).message}. Give another with --data.`, {
        cause: error,
      });
    }
  }

  async #openDoor(
    { door, port, byDefault, secure }: DoorSetting,
    open: (at: Pick<DoorOptions, 'port' | 'secure'>) => Promise<Server>,
  ): Promise<Server> {
    const at = (plain: number | undefined) => ({ ...(plain !== undefined && { port: plain }), ...(secure && { secure }) });
    const taken = (error: unknown): unknown =>
      error instanceof Refused && error.code === 'exclusive' ? new Failure('taken', error.message, { cause: error }) : error;
    try {
      return await open(at(port));
    } catch (error) {
      if (!(byDefault && error instanceof Refused && error.code === 'exclusive')) throw taken(error);
      const server = await open(at(0)).catch((again: unknown) => {
        throw taken(again); // it is the other one that is taken, which somebody asked for
      });
      this.#terminal.warn(`Port ${port}, the default of the ${door.name} door, is taken; it listens on ${server.port} instead.`);
      return server;
    }
  }

  get #ports(): Readonly<Record<string, number>> {
    return Object.assign({}, ...this.#servers.map(({ name, port, ports }) => ports ?? { [name]: port }));
  }

  async #tell(engine: Engine): Promise<void> {
    const { data, durability, host, doors } = this.#settings;
    if (this.#terminal.json) {
      await this.#terminal.value({ ready: true, pid: process.pid, data, doors: this.#ports });
      return;
    }
    const ports = this.#ports;
    const addresses = doors.flatMap(({ door: { name, scheme, secure } }) =>
      [{ name, scheme }, ...(secure === undefined ? [] : [{ name: secure, scheme: secure }])].flatMap((one) => {
        const port = ports[one.name];
        return port === undefined ? [] : [{ name: one.name, address: addressOf(one.scheme, host, port) }];
      }),
    );
    await this.#terminal.print(screen({ data, durability, addresses, figures: engine.metrics() }, this.#terminal));
  }

  async #drain(engine: Engine, signal: Signal): Promise<number> {
    this.#terminal.note(signal === 'SIGINT' ? '\nStopping; once more to end at once.' : 'Stopping.');
    await this.#close(engine);
    this.#terminal.note('Stopped.');
    return EXIT.done;
  }

  /** Doors first: what they have taken is finished before the broker ends. The directory is let go of last: then it may be another's. */
  async #close(engine: Engine): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
    removeRunning(this.#settings.data);
    await engine.close();
  }

  /** Nothing can be confirmed any more, so nobody should wait here: not clients, and not whoever restarts it. */
  async #fail(error: Error): Promise<never> {
    this.#terminal.fail(
      'failed',
      `The broker has stopped because its disk failed: ${error.message}. All that was confirmed is there; start it again once the disk is well.`,
    );
    removeRunning(this.#settings.data);
    const patience = new Promise((resolve) => setTimeout(resolve, FAREWELL_MS));
    await Promise.race([patience, Promise.allSettled(this.#servers.map((server) => server.close()))]);
    process.exit(EXIT.failed);
  }
}
