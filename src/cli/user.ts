/** `signalbox user`: who may use the broker. Works on a running broker, and on a data directory that none has open. */

import { CONNECTION, type Connection } from './client.ts';
import { type Command, command as define } from './command.ts';
import { EXIT, Failure } from './exits.ts';
import { shown } from './ls.ts';
import { flag, type Options, texts, type Values } from './options.ts';
import type { Terminal } from './terminal.ts';
import { openUsers, type Permissions, type Users } from './users.ts';

const OPTIONS = {
  configure: texts('PATTERN', 'What the user may declare and remove; * stands for any run of characters.'),
  write: texts('PATTERN', 'What the user may publish to.'),
  read: texts('PATTERN', 'What the user may consume.'),
  admin: flag('The user may manage users. The first user may anyway, unless its use is narrowed.'),
  'no-admin': flag('Only said for the first user: from now on nobody may manage users over a door.'),
  password: flag('Also set a password, read from stdin, for doors whose clients log in with a name and a password.'),
  replace: flag('Replace the user if there is one: permissions and secrets; the old token is no good any more.'),
  ...CONNECTION,
} satisfies Options;

export const command: Command = define({
  name: 'user',
  about: 'Add, list and remove users',
  more:
    'While there are none, everybody on this machine may do everything, and no door opens to the network. With the first one, every door asks ' +
    'who comes. "add" draws a token and prints it this one time; clients send it as Authorization: Bearer TOKEN, and this command takes it ' +
    'from SIGNALBOX_TOKEN. Without --configure, --write and --read a user may use everything. The first user also manages users: with it the ' +
    'doors are shut to all others, so one that may not is refused unless --no-admin says that it is meant. ' +
    'To watch addresses, a user with narrower permissions needs sub.* in all three. On a broker that runs, only an administrator may do ' +
    'this; on a data directory that no broker has open, whoever may write there.',
  words: [
    { name: 'ACTION', about: 'What to do.', choices: ['add', 'ls', 'rm'] },
    { name: 'NAME', about: 'The user, for add and rm.', optional: true },
  ],
  options: OPTIONS,
  examples: [
    {
      about: 'The first user, before the broker is opened to the network',
      line: 'signalbox user add ada && signalbox start --host 0.0.0.0',
    },
    { about: 'One that may only publish orders', line: "signalbox user add shop --write 'orders.*'" },
  ],
  exits: ['unreachable', 'refused', 'forbidden', 'taken', 'damaged'],
  run: async ({ words: [action, name], options, terminal }) => {
    if (action === 'ls' && name !== undefined) throw new Failure('usage', `"signalbox user ls" has no use for ${JSON.stringify(name)}.`);
    if (action !== 'ls' && name === undefined) throw new Failure('usage', `"signalbox user ${action}" needs the NAME of the user.`);
    const password = options.password && action === 'add' ? await readPassword() : undefined;
    const users = await openUsers(options satisfies Connection);
    try {
      if (action === 'add') await add(users, name ?? '', options, password, terminal);
      else if (action === 'rm') await remove(users, name ?? '', terminal);
      else await list(users, terminal);
      return EXIT.done;
    } finally {
      await users.close();
    }
  },
});

async function add(
  users: Users,
  name: string,
  options: Values<typeof OPTIONS>,
  password: string | undefined,
  terminal: Terminal,
): Promise<void> {
  const { configure, write, read, admin, replace } = options;
  const present = await users.list();
  if (!replace && present.some((user) => user.name === name)) {
    throw new Failure('refused', `There is a user ${JSON.stringify(name)} already. --replace makes it anew, with a new token.`, {
      code: 'conflict',
    });
  }
  const isFirst = present.length === 0;
  const isOpen = configure.length + write.length + read.length === 0;
  checkAdmin(name, options, isFirst, isOpen);
  const all = ['*'];
  const permissions: Permissions = isOpen
    ? { configure: all, write: all, read: all, admin: admin || (isFirst && !options['no-admin']) }
    : { configure, write, read, admin };
  const token = await users.add(name, permissions, password);
  if (terminal.json) {
    await terminal.value({ user: name, ...permissions, token });
    return;
  }
  const may = isOpen ? 'may use everything' : `may configure ${listed(configure)}, write ${listed(write)}, read ${listed(read)}`;
  terminal.note(`User ${name} ${may}${permissions.admin === true ? ', and manage users' : ''}. The token, told this one time:`);
  await terminal.line(token);
  if (isFirst) {
    terminal.note('From now on every door asks for a token; this command takes it from SIGNALBOX_TOKEN.');
    if (permissions.admin !== true) terminal.warn('Nobody may manage users over a door. With the broker stopped, this command still can.');
  }
}

/** A first user who does not manage users shuts everybody out, administration included: only on purpose. */
function checkAdmin(name: string, options: Values<typeof OPTIONS>, isFirst: boolean, isOpen: boolean): void {
  const { admin, 'no-admin': none } = options;
  if (admin && none) throw new Failure('usage', 'A user is either given --admin or --no-admin.');
  if (!isFirst || isOpen || admin || none) return;
  throw new Failure(
    'refused',
    `${JSON.stringify(name)} would be the first user: every door would ask for a token from now on, and nobody could manage users by it. ` +
      'Add whoever is to manage them first, with "signalbox user add NAME"; or let this one, with --admin; or nobody, with --no-admin.',
    { code: 'conflict' },
  );
}

function listed(patterns: readonly string[]): string {
  return patterns.length === 0 ? 'nothing' : patterns.join(' ');
}

async function remove(users: Users, name: string, terminal: Terminal): Promise<void> {
  await users.remove(name);
  if (terminal.json) await terminal.value({ removed: { kind: 'user', name } });
  else await terminal.line(`Removed user ${name}.`);
}

async function list(users: Users, terminal: Terminal): Promise<void> {
  const all = await users.list();
  if (terminal.json) for (const user of all) await terminal.value(user);
  else if (all.length > 0) await terminal.line(shown('user', all, terminal));
  else terminal.note('There are no users: everybody on this machine may do everything.');
}

/** The first line of stdin. A terminal does not show it. */
async function readPassword(): Promise<string> {
  const { createInterface } = await import('node:readline');
  const isTyped = process.stdin.isTTY === true;
  // Without an output the line is edited unseen, from this moment on.
  const lines = createInterface({ input: process.stdin, terminal: isTyped });
  if (isTyped) process.stderr.write('Password: ');
  const line = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  if (isTyped) process.stderr.write('\n');
  if (line === '') throw new Failure('usage', 'No password came; give one as the first line of stdin.');
  return line;
}
