/**
 * A real Apache Kafka beside ours: one node (KRaft), its jars fetched by Maven as this machine's settings say, with the settings of its own
 * `server.properties` and start script where they matter.
 */

import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, type Served, started } from './servers.ts';

export const KAFKA_VERSION = '4.1.0';
const FETCH_MS = 300_000;

/** What is set besides the usual. */
export interface KafkaSettings {
  readonly properties?: Readonly<Record<string, string | number>>;
}

/** Why there can be none here, in a sentence; undefined: there can. */
export function kafkaMissing(): string | undefined {
  for (const command of ['java', 'mvn'])
    if (spawnSync(command, ['-version'], { stdio: 'ignore' }).error !== undefined)
      return `Apache Kafka cannot be started here: there is no command "${command}" (Java 17 or later and Maven are needed).`;
  return undefined;
}

/** Where its jars are, fetched once for this machine. Rejects with a sentence when Maven does not find them. */
export async function kafkaJars(): Promise<string> {
  const home = join(tmpdir(), `signalbox-apache-kafka-${KAFKA_VERSION}`);
  if (existsSync(home) && readdirSync(home).length > 0) return home;
  const making = `${home}-${process.pid}`;
  mkdirSync(making, { recursive: true });
  const dependency = `<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>`;
  const project = '<modelVersion>4.0.0</modelVersion><groupId>signalbox</groupId><artifactId>jars</artifactId><version>1</version>';
  writeFileSync(
    join(making, 'pom.xml'),
    `<project>${project}<dependencies><dependency>${dependency}</dependency></dependencies></project>`,
  );
  try {
    const args = ['-q', '-B', '-f', join(making, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${join(making, 'jars')}`];
    await promisify(execFile)('mvn', args, { timeout: FETCH_MS });
    renameSync(join(making, 'jars'), home);
    return home;
  } catch (error) {
    if (existsSync(home)) return home;
    throw new Error(`Maven did not find the jars of Apache Kafka ${KAFKA_VERSION}: ${String(error).slice(0, 300)}`);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Serves at `port` when it resolves; its data is below `directory`. `readyMs` does not hold the formatting of its directory. */
export async function apacheKafka(directory: string, { properties = {} }: KafkaSettings = {}): Promise<Served> {
  const jars = await kafkaJars();
  const [port, controller] = [await freePort(), await freePort()];
  const home = join(directory, `kafka-${port}`);
  mkdirSync(home, { recursive: true });
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(home, 'logs'),
    'num.network.threads': 3,
    'num.io.threads': 8,
    'socket.send.buffer.bytes': 102400,
    'socket.receive.buffer.bytes': 102400,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    ...properties,
  };
  const file = join(home, 'server.properties');
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  writeFileSync(file, lines.join('\n'));
  const path = ['-cp', join(jars, '*')];
  const format = [...path, 'kafka.tools.StorageTool', 'format', '-t', 'c2lnbmFsYm94LWJlbmNoMQ', '-c', file];
  await promisify(execFile)('java', format, { env: { ...process.env, JAVA_TOOL_OPTIONS: '' } });
  const heap = ['-Xms1G', '-Xmx1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35'];
  const more = ['-XX:+ExplicitGCInvokesConcurrent', '-XX:MaxInlineLevel=15', '-Djava.awt.headless=true'];
  const child = spawn('java', [...heap, ...more, ...path, 'kafka.Kafka', file], { stdio: 'ignore' });
  return started(child, port, answersKafka);
}

/** Asks which versions it speaks: a port that takes connections may not be served yet. */
export function answersKafka(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
    // ApiVersions 0, correlation 1, no client id.
    socket.write(Buffer.from('0000000a0012000000000001ffff', 'hex'));
  });
}
