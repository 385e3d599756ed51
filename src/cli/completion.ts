/** `signalbox completion`: scripts that let a shell complete commands, options and their values, written from the commands' tables. */

import { type Command, command as define, optionsOf } from './command.ts';
import { EXIT, Failure } from './exits.ts';
import type { Option } from './options.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const command: Command = define({
  name: 'completion',
  about: 'Write a script that completes commands and options in your shell',
  words: [{ name: 'SHELL', about: 'Which one.', choices: SHELLS }],
  options: {},
  examples: [
    { about: 'bash: add to ~/.bashrc', line: 'source <(signalbox completion bash)' },
    { about: 'zsh: add to ~/.zshrc, after compinit', line: 'source <(signalbox completion zsh)' },
    { about: 'fish', line: 'signalbox completion fish > ~/.config/fish/completions/signalbox.fish' },
  ],
  exits: [],
  run: async ({ words: [shell], terminal, commands }) => {
    const write = { bash, zsh, fish }[shell as (typeof SHELLS)[number]];
    if (write === undefined) throw new Failure('usage', `There is no completion for ${shell}.`);
    const script = write(await commands.loadAll());
    if (terminal.json) await terminal.value({ shell, script });
    else await terminal.print(script);
    return EXIT.done;
  },
});

/** What completes an option's value, or a command's first word. */
interface Completed {
  readonly choices?: readonly string[] | undefined;
  readonly of?: 'file' | 'directory' | undefined;
}

function firstWord({ words, name }: Command, all: readonly Command[]): Completed {
  if (name === 'help') return { choices: all.map((one) => one.name) };
  const files = words.some(({ of }) => of === 'file');
  return words[0]?.choices === undefined ? { of: files ? 'file' : undefined } : { choices: words[0].choices };
}

function bash(all: readonly Command[]): string {
  const byCommand = all.map((one) => {
    const options = optionsOf(one);
    const values = options.filter(([, { value }]) => value !== undefined);
    const cases = values.map(([name, option]) => `      --${name}) ${bashAnswer(option)}; return ;;`);
    const { choices, of } = firstWord(one, all);
    const word = choices !== undefined ? bashAnswer({ choices }) : bashAnswer({ of });
    const names = options.map(([name]) => `--${name}`).join(' ');
    return [
      `  ${one.name})`,
      ...(cases.length === 0 ? [] : ['    case "$before" in', ...cases, '    esac']),
      `    if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "${names}" -- "$word")); else ${word}; fi ;;`,
    ].join('\n');
  });
  return `# Completion of signalbox for bash: source <(signalbox completion bash)
_signalbox() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${all.map(({ name }) => name).join(' ')}" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${byCommand.join('\n')}
  esac
}
complete -F _signalbox signalbox
`;
}

function bashAnswer({ choices, of }: Completed): string {
  if (choices !== undefined) return `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word"))`;
  if (of === undefined) return ':';
  return `compopt -o filenames; COMPREPLY=($(compgen -${of === 'file' ? 'f' : 'd'} -- "$word"))`;
}

function zsh(all: readonly Command[]): string {
  const list = all.map(({ name, about }) => `    ${zshQuoted(`${name}:${about}`)}`).join('\n');
  const byCommand = all.map((one) => {
    const specs = optionsOf(one).map(([name, option]) => `      ${zshQuoted(zshOption(name, option))}`);
    const words = one.words.map((word, i) => {
      const completed = i === 0 ? firstWord(one, all) : { choices: word.choices, of: word.of };
      return `      ${zshQuoted(`${word.many === true ? '*' : `${i + 1}`}:${word.name}:${zshAnswer(completed)}`)}`;
    });
    return `    ${one.name}) _arguments \\\n${[...specs, ...words].join(' \\\n')} ;;`;
  });
  return `#compdef signalbox
# Completion of signalbox for zsh: source <(signalbox completion zsh)
_signalbox() {
  local -a commands=(
${list}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${byCommand.join('\n')}
  esac
}
compdef _signalbox signalbox
`;
}

function zshOption(name: string, { about, value, many, choices, of }: Option<unknown>): string {
  const repeated = many === true ? '*' : '';
  const text = about.replaceAll('\\', '\\\\').replaceAll(/[[\]:]/g, '\\$&');
  return value === undefined
    ? `${repeated}--${name}[${text}]`
    : `${repeated}--${name}=[${text}]:${value.replaceAll(':', '\\:')}:${zshAnswer({ choices, of })}`;
}

function zshAnswer({ choices, of }: Completed): string {
  if (choices !== undefined) return `(${choices.join(' ')})`;
  return of === undefined ? ' ' : of === 'file' ? '_files' : '_files -/';
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fish(all: readonly Command[]): string {
  const lines = [
    '# Completion of signalbox for fish: signalbox completion fish > ~/.config/fish/completions/signalbox.fish',
    'complete -c signalbox -f',
  ];
  for (const one of all) {
    lines.push(`complete -c signalbox -n __fish_use_subcommand -a ${one.name} -d ${fishQuoted(one.about)}`);
    const here = `complete -c signalbox -n '__fish_seen_subcommand_from ${one.name}'`;
    for (const [name, { about, value, short, choices, of }] of optionsOf(one)) {
      const letter = short === undefined ? '' : ` -s ${short}`;
      lines.push(`${here} -l ${name}${letter}${value === undefined ? '' : ` -x${fishAnswer({ choices, of })}`} -d ${fishQuoted(about)}`);
    }
    const { choices, of } = firstWord(one, all);
    if (choices !== undefined || of !== undefined) lines.push(`${here}${fishAnswer({ choices, of })}`);
  }
  return `${lines.join('\n')}\n`;
}

function fishAnswer({ choices, of }: Completed): string {
  if (choices !== undefined) return ` -a ${fishQuoted(choices.join(' '))}`;
  return of === undefined ? '' : of === 'file' ? ` -a '(__fish_complete_path)'` : ` -a '(__fish_complete_directories)'`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
