/** The doors that `start` opens: one row for each. A new door is a new row, and has its option, its setting and its line on the screen. */

import type { Host } from '../host/host.ts';
import type { Engine } from '../model/engine.ts';
import type { Language } from '../model/record.ts';
import type { Server } from '../model/server.ts';
import type { Annexes, Tls } from '../servers/servers.ts';

export interface DoorOptions {
  readonly machine: Pick<Host, 'clock' | 'random' | 'logger'>;
  readonly host: string;
  /** 0: any free one; undefined: only `secure`. */
  readonly port?: number;
  /** Where it listens for TLS. */
  readonly secure?: { readonly port: number; readonly tls: Tls };
  /** Of all doors that are to be opened. */
  readonly languages: readonly Language[];
  /** What doors furnish for the HTTP door; one for all of them. */
  readonly annexes: Annexes;
}

export interface Door {
  /** Its option and its setting: `http` is `--http PORT`. */
  readonly name: string;
  /** For whom it is, in a few words. */
  readonly about: string;
  readonly port: number;
  /** How an address of it begins. */
  readonly scheme: string;
  /** The option, the setting and the scheme of its listener with TLS: `amqps` is `--amqps PORT`. */
  readonly secure?: string;
  /** What its messages are written in, when that is not the neutral language. The broker and all doors are told. */
  readonly language?: () => Promise<Language>;
  /** Loads its code: of a door that is off nothing is loaded, and of the others while the broker is still being opened. */
  readonly load: () => Promise<OpenDoor>;
}

/** Rejects with `Refused`: `exclusive` when the port is taken, `forbidden` when it may not be opened there. */
export type OpenDoor = (engine: Engine, options: DoorOptions) => Promise<Server>;

export const DOORS: readonly Door[] = [
  {
    name: 'http',
    about: 'HTTP, server-sent events and WebSocket',
    port: 7465,
    scheme: 'http',
    load: async () => {
      const { startHttp } = await import('../servers/http/http.ts');
      // Else it would be loaded after the disk has answered.
      process.getBuiltinModule('node:http');
      return (engine, { port = 0, ...options }) => startHttp(engine, { ...options, port });
    },
  },
  {
    name: 'amqp',
    about: 'AMQP 0-9-1, as programs for RabbitMQ speak it',
    port: 5672,
    scheme: 'amqp',
    secure: 'amqps',
    language: async () => (await import('../wire/amqp/amqp.ts')).AMQP_LANGUAGE,
    load: async () => (await import('../servers/amqp/amqp.ts')).startAmqp,
  },
  {
    name: 'kafka',
    about: "Kafka's protocol",
    port: 9092,
    scheme: 'kafka',
    secure: 'kafkas',
    language: async () => (await import('../wire/kafka/kafka.ts')).KAFKA,
    load: async () => (await import('../servers/kafka/kafka.ts')).startKafka,
  },
];
