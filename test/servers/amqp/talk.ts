/** A session with its broker in memory, and this program as its client; no sockets, and nothing waits but for what it needs. */

import type { TestContext } from 'node:test';
import { type Broker, openBroker } from '../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { Door } from '../../../src/servers/amqp/door.ts';
import { AMQP_LIMITS, type AmqpLimits } from '../../../src/servers/amqp/limits.ts';
import { Session, type Wire } from '../../../src/servers/amqp/session.ts';
import { Attempts } from '../../../src/servers/attempts.ts';
import { AMQP_LANGUAGE, type Args, decodeMethod, FRAME, FrameReader, type Method, type MethodName } from '../../../src/wire/amqp/amqp.ts';
import { GREETING, method } from '../../doors/amqp/raw.ts';

const TURNS_MAX = 20_000;

interface TestWire extends Wire {
  full: boolean;
  held: boolean;
}

export interface Talk {
  readonly broker: Broker;
  readonly session: Session;
  readonly wire: TestWire;
  /** Bodies that came, by the method before them. */
  readonly bodies: Readonly<Record<string, readonly string[]>>;
  /** How often the engine was asked to publish. */
  readonly publishes: number;
  say(...frames: readonly Buffer[]): void;
  /** The next method of this name. */
  hears<M extends MethodName>(name: M): Promise<Args<M> | undefined>;
  /** How many methods of this name were heard and not asked for. */
  count(name: MethodName): number;
  ready(queue: string): Promise<number>;
  /** Too much is on its way to the disk, from now until the answer is called. */
  press(): () => void;
  /** The disk is nearly full, from now until the answer is called. */
  fill(): () => void;
  /** The client has read what waited. */
  room(): void;
  turn(): Promise<void>;
  until(what: () => boolean | Promise<boolean>): Promise<void>;
}

/** With its channel 1 open. `former`: on the same broker. */
export async function talking(t: TestContext, former?: Talk, limits: Partial<AmqpLimits> = {}): Promise<Talk> {
  const host = { ...nodeHost({ level: 'warn' }), disk: new MemoryDisk() };
  const broker = former?.broker ?? (await openBroker(host, { directory: '/memory', durability: 'memory', languages: [AMQP_LANGUAGE] }));
  const counting = counted(broker);
  const languages = new Map([[AMQP_LANGUAGE.number, AMQP_LANGUAGE]]);
  const door = new Door(counting.engine, host, { ...AMQP_LIMITS, ...limits }, languages, new Attempts(host.clock, 20, 60_000));
  const heard: Method[] = [];
  const bodies: Record<string, string[]> = {};
  let last = '';
  const reader = new FrameReader(
    {
      deaf: false,
      greeting: () => undefined,
      frame: (type, _channel, bytes, _view, start, end) => {
        if (type === FRAME.method) {
          const method = decodeMethod(bytes.subarray(start, end));
          heard.push(method);
          last = method.name;
        } else if (type === FRAME.body) {
          bodies[last] ??= [];
          bodies[last]?.push(bytes.toString('utf8', start, end));
        }
      },
    },
    1 << 20,
  );
  reader.push(GREETING);
  let waiting: (() => void)[] = [];
  const wire: TestWire = {
    full: false,
    held: false,
    hold: () => {
      wire.held = true;
    },
    release: () => {
      wire.held = false;
    },
    whenRoom: (fn) => void waiting.push(fn),
    end: () => undefined,
    send: (chunks) => {
      for (const { chunk, length } of chunks) {
        reader.push(Buffer.from(chunk.subarray(0, length)));
        // It is written again at once, as it might be.
        chunk.fill(0);
        door.chunks.give(chunk);
      }
    },
  };
  const session = new Session(door, wire, { address: '127.0.0.1', isLoopback: true, certificateName: undefined });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const until: Talk['until'] = async (what) => {
    for (let turns = 0; !(await what()); turns++) {
      if (turns > TURNS_MAX) throw new Error(`Waited in vain for: ${what}`);
      await turn();
    }
  };
  const talk: Talk = {
    broker,
    session,
    wire,
    bodies,
    get publishes() {
      return counting.publishes;
    },
    say: (...frames) => session.receive(Buffer.concat(frames)),
    hears: async (name) => {
      await until(() => heard.some((one) => one.name === name));
      return heard.splice(
        heard.findIndex((one) => one.name === name),
        1,
      )[0]?.args as never;
    },
    count: (name) => heard.filter((one) => one.name === name).length,
    ready: async (queue) => {
      const described = await broker.describe('queue', queue);
      return described?.kind === 'queue' ? described.ready : 0;
    },
    press: () => counting.press(),
    fill: () => counting.fill(),
    room: () => {
      wire.full = false;
      const all = waiting;
      waiting = [];
      for (const fn of all) fn();
    },
    turn,
    until,
  };
  t.after(async () => {
    await session.closed();
    if (former === undefined) await broker.close();
  });
  talk.say(
    GREETING,
    method(0, 'connection.start-ok', {
      clientProperties: new Map([['capabilities', new Map([['connection.blocked', true]])]]),
      mechanism: 'PLAIN',
      response: Buffer.from('\0guest\0guest'),
      locale: 'en_US',
    }),
  );
  await talk.hears('connection.tune');
  talk.say(
    method(0, 'connection.tune-ok', { channelMax: 0, frameMax: 0, heartbeat: 0 }),
    method(0, 'connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
    method(1, 'channel.open', { reserved1: '' }),
  );
  await talk.hears('channel.open-ok');
  return talk;
}

interface Counted {
  readonly engine: Engine;
  readonly publishes: number;
  press(): () => void;
  fill(): () => void;
}

/** The same engine, which counts, and can be made to say that its disk is slow. */
function counted(broker: Broker): Counted {
  let publishes = 0;
  let pressed: PromiseWithResolvers<void> | undefined;
  let full = false;
  const watch = (engine: Engine): Engine =>
    new Proxy(engine, {
      get: (target, name) => {
        if (name === 'as') return (principal: Parameters<Engine['as']>[0]) => watch(target.as(principal));
        if (name === 'pressed') return pressed !== undefined;
        if (name === 'relief') return () => pressed?.promise ?? Promise.resolve();
        if (name === 'metrics') return () => new Map([...target.metrics(), ...(full ? ([['disk_full', 1]] as const) : [])]);
        if (name === 'publish') publishes++;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return {
    engine: watch(broker),
    get publishes() {
      return publishes;
    },
    fill: () => {
      full = true;
      return () => {
        full = false;
      };
    },
    press: () => {
      const now = Promise.withResolvers<void>();
      pressed = now;
      return () => {
        pressed = undefined;
        now.resolve();
      };
    },
  };
}
