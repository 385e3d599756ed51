/** The users of a broker, wherever it is: over its HTTP door, or in a data directory that none has open. */

import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { UserSpec } from '../model/declaration.ts';
import { Client, type Connection, segment } from './client.ts';
import { type Described, listAll } from './listing.ts';
import { isStale, readRunning } from './running.ts';
import { DATA_DEFAULT } from './settings.ts';

export type Permissions = Pick<UserSpec, 'configure' | 'write' | 'read' | 'admin'>;

export interface Users {
  list(): Promise<Described[]>;
  /** Adds or replaces one. Resolves with a new token, once that is safe. */
  add(name: string, permissions: Permissions, password: string | undefined): Promise<string>;
  /** Throws a refusal `unknown` when there is none. */
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

const TOKEN_BYTES = 32;
const SALT_BYTES = 16;

export async function openUsers(connection: Connection): Promise<Users> {
  const data = resolve(connection.data ?? DATA_DEFAULT);
  const running = connection.url === undefined ? readRunning(data) : undefined;
  if (connection.url !== undefined || (running !== undefined && !isStale(running))) return usersOfDoor(Client.find(connection));
  return usersOfDirectory(data);
}

function usersOfDoor(client: Client): Users {
  return {
    list: () => listAll(client, 'user'),
    add: async (name, permissions, password) => {
      const secrets = await secretsOf(undefined, password);
      const { token } = await client.ask<{ token: string }>('PUT', `/v1/users/${segment(name)}`, {
        body: { ...permissions, secrets, token: true },
      });
      return token;
    },
    remove: (name) => client.ask('DELETE', `/v1/users/${segment(name)}`),
    close: async () => client.close(),
  };
}

/** Whoever may write to the directory may do everything there, so nobody is asked for a token. */
async function usersOfDirectory(directory: string): Promise<Users> {
  const [{ openBroker }, { nodeHost }, { silentLogger }] = await Promise.all([
    import('../broker/broker.ts'),
    import('../host/node-host.ts'),
    import('../host/text-logger.ts'),
  ]);
  const broker = await openBroker(nodeHost({ logger: silentLogger }), { directory });
  return {
    list: async () => {
      const descriptions = await broker.list('user');
      return descriptions.map(({ kind, ...rest }) => ({ ...('spec' in rest ? rest.spec : {}), kind, state: {} }) as Described);
    },
    add: async (name, permissions, password) => {
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      await broker.declare({ ...permissions, kind: 'user', name, secrets: await secretsOf(token, password) });
      return token;
    },
    remove: (name) => broker.remove('user', name),
    close: () => broker.close(),
  };
}

/** Verifiers by purpose, as the broker checks them; never the secrets themselves. */
async function secretsOf(token: string | undefined, password: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (token === undefined && password === undefined) return {};
  const { passwordVerifier, tokenVerifier } = await import('../broker/broker.ts');
  const secrets = token === undefined ? {} : { token: tokenVerifier(token) };
  if (password === undefined) return secrets;
  // Doors that never see the password itself keep something of their own to know it by.
  const { scramVerifiers } = await import('../servers/kafka/kafka.ts');
  const scram = await scramVerifiers(password, randomBytes(SALT_BYTES));
  return { ...secrets, password: await passwordVerifier(password, randomBytes(SALT_BYTES)), ...scram };
}
