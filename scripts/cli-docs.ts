/** Writes what `signalbox help` says, and the table of exit codes, into docs/cli.md; the rest of that page is written by hand. */

import { readFileSync, writeFileSync } from 'node:fs';
import { CATALOGUE } from '../src/cli/commands.ts';
import { EXIT, EXIT_ABOUT, type ExitName } from '../src/cli/exits.ts';
import { commandHelp } from '../src/cli/help-text.ts';

const path = new URL('../docs/cli.md', import.meta.url);
const plain = { style: (_style: string, text: string): string => text };

const exits = (Object.keys(EXIT) as ExitName[]).map((name) => `| ${EXIT[name]} | ${EXIT_ABOUT[name]} |`);
const commands = (await CATALOGUE.loadAll()).map((command) => `### ${command.name}\n\n\`\`\`\n${commandHelp(command, plain)}\`\`\`\n`);

const page = readFileSync(path, 'utf8')
  .replace(/^(\| 0 \|.*\n)(\| \d \|.*\n)*/m, () => `${exits.join('\n')}\n`)
  .replace(/^### [\s\S]*$/m, () => commands.join('\n'));
writeFileSync(path, page);
