/** `signalbox version`: which one this is. */

import { type Command, command as define } from './command.ts';
import { EXIT } from './exits.ts';
import { packageVersion } from './package-version.ts';

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
