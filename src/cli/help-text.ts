/** Help, written from the commands' tables. */

import { type Command, optionsOf, type Word } from './command.ts';
import { EXIT, EXIT_ABOUT, type ExitName } from './exits.ts';
import type { Option } from './options.ts';
import type { Terminal } from './terminal.ts';

type Styling = Pick<Terminal, 'style'>;

const WIDTH = 100;

/** The list of all commands. */
export function overview(commands: readonly Command[], styling: Styling): string {
  const rows = commands.map(({ name, about }): [string, string] => [name, `${about}.`]);
  return [
    `${styling.style('bold', 'signalbox')}: publish, keep and deliver events, from one small process.\n`,
    `${styling.style('bold', 'Usage:')} signalbox COMMAND [WORDS] [OPTIONS]\n`,
    styling.style('bold', 'Commands:'),
    `${columns(rows)}\n`,
    '"signalbox help COMMAND" tells more about one. A first try: "signalbox start" here, "signalbox subscribe greetings" in a',
    'second terminal, and in a third: echo hello | signalbox publish greetings',
    '',
  ].join('\n');
}

/** All about one command. */
export function commandHelp(command: Command, styling: Styling): string {
  const { name, about, more, words, examples } = command;
  const title = (text: string): string => styling.style('bold', text);
  const parts = [`${title(`signalbox ${name}`)}: ${lower(about)}.`];
  if (more !== undefined) parts.push(wrapped(more, WIDTH, ''));
  parts.push(`${title('Usage:')} signalbox ${[name, ...words.map(usageOf), '[OPTIONS]'].join(' ')}`);
  if (words.length > 0) parts.push(`${title('Words:')}\n${columns(words.map((word) => [word.name, aboutWord(word)]))}`);
  parts.push(`${title('Options:')}\n${columns(optionsOf(command).map(([option, of]) => [spelled(option, of), aboutOption(of)]))}`);
  parts.push(
    `${title(examples.length === 1 ? 'Example:' : 'Examples:')}\n${examples.map(({ about: what, line }) => `  # ${what}\n  ${line}`).join('\n\n')}`,
  );
  parts.push(`${title('Exit codes:')}\n${columns(exitsOf(command).map((exit) => [String(EXIT[exit]), EXIT_ABOUT[exit]]))}`);
  return `${parts.join('\n\n')}\n`;
}

/** In the order of their numbers. */
export function exitsOf({ exits }: Command): ExitName[] {
  const all: ExitName[] = ['done', 'failed', 'usage', ...exits];
  return all.sort((a, b) => EXIT[a] - EXIT[b]);
}

function usageOf({ name, optional, many }: Word): string {
  const shown = many === true ? `${name}…` : name;
  return optional === true ? `[${shown}]` : shown;
}

function aboutWord({ about, choices }: Word): string {
  return choices === undefined ? about : `${about} One of ${choices.join(', ')}.`;
}

function spelled(name: string, { value, short }: Option<unknown>): string {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

function aboutOption({ about, many, choices, env, value }: Option<unknown>): string {
  const parts = [about];
  if (choices !== undefined && value !== choices.join('|')) parts.push(`One of ${choices.join(', ')}.`);
  if (many === true) parts.push('May be repeated.');
  if (env !== undefined) parts.push(`[${env}]`);
  return parts.join(' ');
}

const LEFT_MAX = 26;

/** Two columns, the second wrapped. What is too wide for the first has a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(LEFT_MAX, Math.max(...rows.map(([first]) => first.length)));
  const indent = ' '.repeat(left + 4);
  return rows
    .map(([first, second]) => {
      const text = wrapped(second, WIDTH - left - 4, indent);
      return first.length > left ? `  ${first}\n${indent}${text}` : `  ${first.padEnd(left)}  ${text}`;
    })
    .join('\n');
}

function wrapped(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${indent}`);
}

function lower(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
