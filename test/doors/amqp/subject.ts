/** What the client tests speak to: our door in front of a broker in memory, or the server that AMQP_URL names. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ChannelModel, connect } from 'amqplib';
import { type Broker, openBroker } from '../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { type AmqpOptions, startAmqp } from '../../../src/servers/amqp/amqp.ts';
import { Annexes } from '../../../src/servers/annexes.ts';
import { startHttp } from '../../../src/servers/http/http.ts';
import { AMQP_LANGUAGE } from '../../../src/wire/amqp/amqp.ts';

/** Set: the tests run against that server, and those of ours alone are left out. */
export const REFERENCE: string | undefined = process.env.AMQP_URL;

export interface Subject {
  readonly url: string;
  /** Its management interface; ours with `managed` only. */
  readonly api: string;
  /** Ours only. */
  readonly broker: Broker | undefined;
  readonly port: number;
  /** Closes the door; ours only. */
  readonly close: (() => Promise<void>) | undefined;
}

/** Clients of a test: they leave before its server goes, whose goodbye their own could cross. */
const clients = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

async function leave(t: TestContext): Promise<void> {
  for (const close of clients.get(t) ?? []) await close();
}

let named = 0;

/** A name that no other test has, here or in a former run. */
export function unique(what: string): string {
  return `${what}-${process.pid}-${++named}`;
}

/** `managed`: with an HTTP door beside it. `onDisk`: durable in earnest, in a directory that goes with the test. */
export async function subject(
  t: TestContext,
  options: Partial<AmqpOptions> & { readonly onDisk?: boolean; readonly managed?: boolean } = {},
): Promise<Subject> {
  clients.set(t, clients.get(t) ?? []);
  if (REFERENCE !== undefined) {
    t.after(() => leave(t));
    return {
      url: REFERENCE,
      api: process.env.MANAGEMENT_URL ?? '',
      broker: undefined,
      port: Number(new URL(REFERENCE).port || 5672),
      close: undefined,
    };
  }
  const { onDisk = false, managed = false, ...door } = options;
  const machine = nodeHost({ level: 'warn' });
  const host = onDisk ? machine : { ...machine, disk: new MemoryDisk() };
  const directory = onDisk ? mkdtempSync(join(tmpdir(), 'signalbox-amqp-')) : '/memory';
  const broker = await openBroker(host, { directory, durability: onDisk ? 'fsync' : 'memory', languages: [AMQP_LANGUAGE] });
  const annexes = new Annexes();
  const http = managed ? await startHttp(broker, { machine: host, port: 0, annexes, limits: { closeMs: 100 } }) : undefined;
  const server = await startAmqp(broker, { machine: host, port: 0, annexes, ...door, limits: { closeMs: 100, ...door.limits } });
  t.after(async () => {
    await leave(t);
    await server.close();
    await http?.close();
    await broker.close();
    if (onDisk) rmSync(directory, { recursive: true });
  });
  return {
    url: `amqp://guest:guest@127.0.0.1:${server.port}`,
    api: `http://127.0.0.1:${http?.port ?? 0}`,
    broker,
    port: server.port,
    close: () => server.close(),
  };
}

/** A connection of amqplib, closed when the test ends. */
export async function connected(t: TestContext, url: string): Promise<ChannelModel> {
  const connection = await connect(url);
  connection.on('error', () => undefined); // what a test provokes it looks at itself
  const close = () => connection.close().catch(() => undefined); // it may be closed already: that was the test
  const leaving = clients.get(t);
  if (leaving === undefined) t.after(close);
  else leaving.push(close);
  return connection;
}

const IN_VAIN_MS = 5000;

/** Resolves when `true` is answered; rejects when that does not come about. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const since = performance.now();
  while (!(await what())) {
    if (performance.now() - since > IN_VAIN_MS) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
