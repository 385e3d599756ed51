/** What `start` is told: by flags, by the environment, by a file, and else by default, in this order. */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Durability } from '../broker/broker.ts';
import type { LogLevel } from '../host/text-logger.ts';
import type { Tls } from '../servers/servers.ts';
import { DOORS, type Door } from './doors.ts';
import { Failure } from './exits.ts';
import { choice, type Options, port, text } from './options.ts';

export const DATA_DEFAULT = './data';
export const HOST_DEFAULT = '127.0.0.1';

const DURABILITIES = ['fsync', 'os', 'memory'] as const satisfies readonly Durability[];
const LOG_LEVELS = ['info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[];

/** Everything but the doors. Each is also a member of the configuration file, by the same name. */
const GENERAL: Options = {
  data: text('DIR', `Where everything is kept; made if it is not there. Default ${DATA_DEFAULT}.`, {
    env: 'SIGNALBOX_DATA',
    of: 'directory',
  }),
  durability: choice(
    'LEVEL',
    'What a confirmation waits for: fsync (default) for the disk, os for the operating system, memory for nothing.',
    DURABILITIES,
    { env: 'SIGNALBOX_DURABILITY' },
  ),
  host: text('HOST', `The address to listen on. Default ${HOST_DEFAULT}; another one than loopback only once there are users.`, {
    env: 'SIGNALBOX_HOST',
  }),
  'log-level': choice('LEVEL', 'The least that is logged, to stderr. Default warn.', LOG_LEVELS, { env: 'SIGNALBOX_LOG_LEVEL' }),
};

/** For the listeners that speak TLS; each is also a member of the configuration file. */
const TLS: Options = {
  'tls-cert': text('FILE', 'The certificate of doors that speak TLS, in PEM, with those that lead to it.', {
    env: 'SIGNALBOX_TLS_CERT',
    of: 'file',
  }),
  'tls-key': text('FILE', 'Its private key, in PEM.', { env: 'SIGNALBOX_TLS_KEY', of: 'file' }),
  'tls-ca': text('FILE', 'Who signs certificates of clients, in PEM: with it a client may log in as the user its certificate names.', {
    env: 'SIGNALBOX_TLS_CA',
    of: 'file',
  }),
};

type DoorPort = number | 'off' | undefined;

const DOOR_OPTIONS: Options = Object.fromEntries(
  DOORS.flatMap(({ name, about, port: fallback, secure }) => [
    [
      name,
      port(`The port for ${about}. Default ${fallback}, or a free one where that is taken.`, { env: `SIGNALBOX_${name.toUpperCase()}` }),
    ] as const,
    ...(secure === undefined
      ? []
      : [
          [
            secure,
            port(`The port for the same over TLS. Default off; --tls-cert and --tls-key go with it.`, {
              env: `SIGNALBOX_${secure.toUpperCase()}`,
            }),
          ] as const,
        ]),
  ]),
);

const FILE: Options = {
  config: text('FILE', 'A JSON file with settings, named like these options. A relative "data" in it is relative to the file.', {
    env: 'SIGNALBOX_CONFIG',
    of: 'file',
  }),
};

/** The options of `start`. */
export const SETTINGS: Options = { ...GENERAL, ...DOOR_OPTIONS, ...TLS, ...FILE };

export interface DoorSetting {
  readonly door: Door;
  /** Undefined: off, and only its listener with TLS is open. */
  readonly port: number | undefined;
  /** Nobody asked for this port: another will do. */
  readonly byDefault: boolean;
  readonly secure: { readonly port: number; readonly tls: Tls } | undefined;
}

export interface Settings {
  /** An absolute path. */
  readonly data: string;
  readonly durability: Durability;
  readonly host: string;
  readonly logLevel: LogLevel;
  /** Those that are not off. */
  readonly doors: readonly DoorSetting[];
}

/** What was read of flags and environment. */
export type Given = Readonly<Record<string, unknown>>;

/** Throws `Failure('usage')` that names the file and what is wrong in it. */
export function settingsOf(given: Given): Settings {
  const file = given.config as string | undefined;
  const inFile = file === undefined ? {} : readFile(file);
  const settingOf = (name: string): unknown => given[name] ?? inFile[name];
  const data =
    (given.data as string | undefined) ?? (inFile.data === undefined ? DATA_DEFAULT : resolve(dirname(file ?? ''), String(inFile.data)));
  const pathOf = (name: string): string | undefined =>
    (given[name] as string | undefined) ?? (inFile[name] === undefined ? undefined : resolve(dirname(file ?? ''), String(inFile[name])));
  const tls = tlsOf(pathOf);
  const doors = DOORS.flatMap((door): DoorSetting[] => {
    const wanted = settingOf(door.name) as DoorPort;
    const secure = securePort(door, settingOf, tls);
    if (wanted === 'off' && secure === undefined) return [];
    return [{ door, port: wanted === 'off' ? undefined : (wanted ?? door.port), byDefault: wanted === undefined, secure }];
  });
  if (tls !== undefined && doors.every(({ secure }) => secure === undefined))
    throw new Failure('usage', `There is a certificate, and no door that speaks TLS. Open one: ${securePorts()}.`);
  if (doors.length === 0)
    throw new Failure(
      'usage',
      `Every door is off, so nobody could reach the broker. Leave one open: ${DOORS.map(({ name }) => `--${name}`).join(', ')}.`,
    );
  return {
    data: resolve(data),
    durability: (settingOf('durability') as Durability | undefined) ?? 'fsync',
    host: (settingOf('host') as string | undefined) ?? HOST_DEFAULT,
    logLevel: (settingOf('log-level') as LogLevel | undefined) ?? 'warn',
    doors,
  };
}

function securePorts(): string {
  return DOORS.flatMap(({ secure }) => (secure === undefined ? [] : [`--${secure} PORT`])).join(', ');
}

function securePort({ secure }: Door, settingOf: (name: string) => unknown, tls: Tls | undefined): DoorSetting['secure'] {
  const port = secure === undefined ? undefined : (settingOf(secure) as DoorPort);
  if (port === undefined || port === 'off') return undefined;
  if (tls === undefined)
    throw new Failure('usage', `--${secure} needs a certificate and its key: give --tls-cert FILE and --tls-key FILE.`);
  return { port, tls };
}

/** Reads certificate and key; undefined: neither is given. */
function tlsOf(pathOf: (name: string) => string | undefined): Tls | undefined {
  const read = (name: string): Buffer | undefined => {
    const path = pathOf(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      throw new Failure('usage', `The file of --${name}, ${path}, cannot be read: ${(error as Error).message}`, { cause: error });
    }
  };
  const [cert, key, ca] = [read('tls-cert'), read('tls-key'), read('tls-ca')];
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new Failure('usage', 'TLS needs both --tls-cert FILE and --tls-key FILE.');
  return { cert, key, ...(ca !== undefined && { ca }) };
}

/** Its members, read as the options of the same names are. */
function readFile(path: string): Given {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Failure('usage', `The configuration file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Failure('usage', `The configuration file ${path} holds no JSON object.`);
  }
  const known: Options = { ...GENERAL, ...DOOR_OPTIONS, ...TLS };
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const option = Object.hasOwn(known, name) ? known[name] : undefined;
      const shown = JSON.stringify(name);
      if (option === undefined) {
        throw new Failure('usage', `${path} has a member ${shown}, which means nothing here. There are ${Object.keys(known).join(', ')}.`);
      }
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new Failure('usage', `${shown} in ${path} is neither a text nor a number.`);
      return [name, option.read([String(value)], `${shown} in ${path}`)];
    }),
  );
}
