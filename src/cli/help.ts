/** `signalbox help`: what there is, and all about one command. */

import { nearest } from './arguments.ts';
import { type Command, command as define, optionsOf } from './command.ts';
import { EXIT, EXIT_ABOUT, Failure } from './exits.ts';
import { commandHelp, exitsOf, overview } from './help-text.ts';

export const command: Command = define({
  name: 'help',
  about: 'Tell what there is, or all about one command',
  words: [{ name: 'COMMAND', about: 'The command to tell about.', optional: true }],
  options: {},
  examples: [
    { about: 'All about publishing', line: 'signalbox help publish' },
    { about: 'All commands and their options as data', line: 'signalbox help --json' },
  ],
  exits: [],
  run: async ({ words: [name], terminal, commands }) => {
    if (name === undefined) {
      const all = await commands.loadAll();
      if (terminal.json) for (const one of all) await terminal.value(asData(one));
      else await terminal.print(overview(all, terminal));
      return EXIT.done;
    }
    const found = await commands.load(name);
    if (found === undefined) {
      const near = nearest(name, commands.names);
      throw new Failure(
        'usage',
        `There is no command ${JSON.stringify(name)}. ${near === undefined ? `There are ${commands.names.join(', ')}.` : `Did you mean ${near}?`}`,
      );
    }
    if (terminal.json) await terminal.value(asData(found));
    else await terminal.print(commandHelp(found, terminal));
    return EXIT.done;
  },
});

function asData(of: Command): object {
  const { name, about, more, words, examples } = of;
  const options = optionsOf(of).map(([option, { about: what, value, short, many, env, choices }]) => ({
    name: option,
    about: what,
    value,
    short,
    many,
    env,
    choices,
  }));
  const exits = exitsOf(of).map((exit) => ({ code: EXIT[exit], about: EXIT_ABOUT[exit] }));
  return { name, about, more, words, options, examples, exits };
}
