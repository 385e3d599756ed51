/** A door on a free port in front of a real broker in memory, closed when the test ends. */

import type { TestContext } from 'node:test';
import { type Broker, openBroker } from '../../../src/broker/broker.ts';
import type { HandClock } from '../../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import type { Server } from '../../../src/model/server.ts';
import { type HttpOptions, startHttp } from '../../../src/servers/http/http.ts';

export interface Opened {
  readonly broker: Broker;
  readonly server: Server;
  readonly base: string;
  /** A request; the answer with its body parsed when it is JSON. */
  ask(method: string, path: string, options?: Ask): Promise<Told>;
}

export interface Ask {
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked into by assertions
  readonly json: any;
}

/** `clock`: the broker's, where its time is to be turned by hand; the door keeps the machine's, since sockets do. */
export async function opened(t: TestContext, options: Partial<HttpOptions> = {}, clock?: HandClock): Promise<Opened> {
  const host = { ...nodeHost({ logger: silentLogger }), disk: new MemoryDisk() };
  const broker = await openBroker(clock === undefined ? host : { ...host, clock }, { directory: '/memory', durability: 'memory' });
  const server = await startHttp(broker, { machine: host, port: 0, ...options, limits: { closeMs: 1000, ...options.limits } });
  const base = `http://127.0.0.1:${server.port}`;
  t.after(async () => {
    await server.close();
    await broker.close();
  });
  return { broker, server, base, ask: (method, path, how) => ask(`${base}${path}`, method, how) };
}

/** Turns the broker's clock, and lets all that comes due meanwhile happen. */
export function turn(clock: HandClock, { broker }: Opened, ms: number): Promise<void> {
  return clock.advance(ms, async () => {
    for (let still = 0; still < 3; still = broker.idle ? still + 1 : 0) await new Promise((resolve) => setImmediate(resolve));
  });
}

export async function ask(url: string, method: string, { json, body, headers, signal }: Ask = {}): Promise<Told> {
  const sent = json === undefined ? body : JSON.stringify(json);
  const reply = await fetch(url, {
    method,
    headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(sent === undefined ? {} : { body: sent, duplex: 'half' }),
    ...(signal === undefined ? {} : { signal }),
  } as RequestInit);
  const text = await reply.text();
  const isJson = reply.headers.get('content-type')?.includes('json') === true;
  return { status: reply.status, headers: reply.headers, text, json: isJson && text !== '' ? JSON.parse(text) : undefined };
}

const IN_VAIN_MS = 10_000;

/** Resolves when `true` is answered; rejects when that does not come about. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const since = performance.now();
  while (!(await what())) {
    if (performance.now() - since > IN_VAIN_MS) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
