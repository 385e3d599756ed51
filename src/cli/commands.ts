/** All commands by name. Each is loaded when it is asked for, so that none waits for the others' modules. */

import type { Catalogue, Command } from './command.ts';

interface Loaded {
  readonly command: Command;
}

/** In the order of help. */
const COMMANDS: Readonly<Record<string, () => Promise<Loaded>>> = {
  start: () => import('./start.ts'),
  publish: () => import('./publish.ts'),
  subscribe: () => import('./subscribe.ts'),
  send: () => import('./send.ts'),
  receive: () => import('./receive.ts'),
  peek: () => import('./peek.ts'),
  ls: () => import('./ls.ts'),
  describe: () => import('./describe.ts'),
  declare: () => import('./declare.ts'),
  remove: () => import('./remove.ts'),
  purge: () => import('./purge.ts'),
  user: () => import('./user.ts'),
  doctor: () => import('./doctor.ts'),
  bench: () => import('./bench.ts'),
  completion: () => import('./completion.ts'),
  help: () => import('./help.ts'),
  version: () => import('./version.ts'),
};

export const CATALOGUE: Catalogue = {
  names: Object.keys(COMMANDS),
  load: async (name) => (Object.hasOwn(COMMANDS, name) ? (await COMMANDS[name]?.())?.command : undefined),
  loadAll: () => Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).command)),
};
