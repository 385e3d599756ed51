/** `signalbox version`: which one this is. */

import { readFileSync } from 'node:fs';
import { type Command, command as define } from './command.ts';
import { EXIT } from './exits.ts';

export const command: Command = define({
  name: 'version',
  about: 'Tell the version',
  words: [],
  options: {},
  examples: [{ about: 'As data, with the Node it runs on', line: 'signalbox version --json' }],
  exits: [],
  run: async ({ terminal }) => {
    const version = packageVersion();
    if (terminal.json) await terminal.value({ version, node: process.versions.node });
    else await terminal.line(version);
    return EXIT.done;
  },
});

export function packageVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
