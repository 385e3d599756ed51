/** The command `signalbox`: finds the command that is meant, reads its arguments, runs it, and says how it ended. */

import { nearest, readArguments, wantsJson } from './arguments.ts';
import { CATALOGUE } from './commands.ts';
import { EXIT, Failure, failureOf } from './exits.ts';
import { Terminal } from './terminal.ts';

/** Flags that people try before they know the commands. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
  ['-v', 'version'],
]);

/** Runs the command line without its first two words. Resolves with the exit code; docs/cli.md has the table. */
export async function main(argv: readonly string[]): Promise<number> {
  const terminal = new Terminal(wantsJson(argv));
  try {
    return await run(argv, terminal);
  } catch (error) {
    const failure = failureOf(error);
    terminal.fail(failure.code, failure.message);
    // What nobody foresaw is told with its place in the code: someone will want to mend it.
    if (failure !== error && failure.exit === 'failed' && error instanceof Error && !terminal.json) terminal.note(error.stack ?? '');
    return EXIT[failure.exit];
  }
}

async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [first = 'help', ...rest] = argv;
  const name = SPELLINGS.get(first) ?? first;
  const command = await CATALOGUE.load(name);
  if (command === undefined) throw unknownCommand(name);
  const { words, options } = readArguments(command, rest, process.env);
  if (options.help !== true) return command.run({ commands: CATALOGUE, words, options, terminal });
  const { commandHelp } = await import('./help-text.ts');
  await terminal.print(commandHelp(command, terminal));
  return EXIT.done;
}

function unknownCommand(name: string): Failure {
  const near = nearest(name, CATALOGUE.names);
  const instead = near === undefined ? '"signalbox help" lists all there are.' : `Did you mean "signalbox ${near}"?`;
  return new Failure('usage', `There is no command ${JSON.stringify(name)}. ${instead}`);
}
