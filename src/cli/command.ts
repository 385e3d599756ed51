/** What a command is: words and options as data, from which its parsing, its help and its completion are made; and what it does. */

import type { ExitName } from './exits.ts';
import { flag, type Option, type Options, type Values } from './options.ts';
import type { Terminal } from './terminal.ts';

/** A word of the command line that is no option. */
export interface Word {
  /** As help shows it: `ADDRESS`. */
  readonly name: string;
  readonly about: string;
  readonly optional?: boolean;
  /** Takes all that follow. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  readonly of?: 'file';
}

export interface Example {
  readonly about: string;
  readonly line: string;
}

/** All commands there are: handed to those that speak of the others. */
export interface Catalogue {
  readonly names: readonly string[];
  load(name: string): Promise<Command | undefined>;
  loadAll(): Promise<Command[]>;
}

export interface Call<O extends Options> {
  readonly commands: Catalogue;
  readonly words: readonly string[];
  readonly options: Values<O>;
  readonly terminal: Terminal;
}

interface Definition<O extends Options> {
  readonly name: string;
  /** One sentence without its full stop, for the list of commands. */
  readonly about: string;
  /** Further sentences, for its own help. */
  readonly more?: string;
  readonly words: readonly Word[];
  readonly options: O;
  readonly examples: readonly [Example, ...Example[]];
  /** The exits it may have beside `done`, `failed` and `usage`. */
  readonly exits: readonly ExitName[];
  /** Resolves with the exit code. */
  readonly run: (call: Call<O>) => Promise<number>;
}

/** A command, whatever its options. */
export interface Command extends Omit<Definition<Options>, 'run'> {
  readonly run: (call: Call<Options>) => Promise<number>;
}

/** Every command has these. */
export const GENERAL: { readonly json: Option<boolean>; readonly help: Option<boolean> } = {
  json: flag('Print results as JSON, one value to a line, for programs.'),
  help: flag('Show this help.', { short: 'h' }),
};

export function command<O extends Options>(definition: Definition<O>): Command {
  const { run } = definition;
  // The options are read by the very table that types them, so the values have the types that `run` was written for.
  return { ...definition, run: (call) => run(call as Call<O>) };
}

/** Its own options and those that all have, in the order of help. */
export function optionsOf(of: Command): [string, Option<unknown>][] {
  return Object.entries({ ...of.options, ...GENERAL });
}
