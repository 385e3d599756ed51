/** `signalbox describe`: all about one declared thing. */

import { Client, CONNECTION, Refusal, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { EXIT, Failure } from './exits.ts';
import { type Described, KINDS, type Kind } from './listing.ts';
import type { Terminal } from './terminal.ts';

const NAMES = Object.keys(KINDS) as Kind[];

export const command: Command = define({
  name: 'describe',
  about: 'Tell all about one topic, queue, exchange, group or user',
  words: [
    { name: 'KIND', about: 'What it is; may be left out, then whatever bears the name is told about.', optional: true },
    { name: 'NAME', about: 'Its name.', optional: true },
  ],
  options: CONNECTION,
  examples: [
    { about: 'Whatever is called orders', line: 'signalbox describe orders' },
    { about: 'How far a group has come', line: 'signalbox describe group billing' },
  ],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words, options, terminal }) => {
    const { kinds, name } = wanted(words);
    const client = Client.find(options);
    try {
      const answers = await Promise.all(kinds.map((kind) => find(client, kind, name)));
      const found = answers.filter((one): one is Described => one !== undefined && !('message' in one));
      const [refusal] = answers.filter((one): one is Refusal => one instanceof Refusal);
      if (found.length === 0) throw refusal ?? new Failure('refused', `Nothing is called ${JSON.stringify(name)}.`, { code: 'unknown' });
      for (const [i, one] of found.entries()) {
        if (terminal.json) await terminal.value(one);
        else await terminal.print(`${i === 0 ? '' : '\n'}${told(one, terminal)}`);
      }
      return EXIT.done;
    } finally {
      client.close();
    }
  },
});

function wanted([first, second]: readonly string[]): { kinds: readonly Kind[]; name: string } {
  if (first === undefined) throw new Failure('usage', 'Say what to tell about. Try "signalbox help describe".');
  if (second === undefined) return { kinds: NAMES.filter((kind) => kind !== 'user'), name: first };
  const kind = NAMES.find((one) => one === first || KINDS[one] === first);
  if (kind === undefined) throw new Failure('usage', `KIND is ${JSON.stringify(first)}; give one of ${NAMES.join(', ')}.`);
  return { kinds: [kind], name: second };
}

/** Undefined when there is none; a refusal when it may not be seen. */
async function find(client: Client, kind: Kind, name: string): Promise<Described | Refusal | undefined> {
  try {
    return await client.ask<Described>('GET', `/v1/${KINDS[kind]}/${segment(name)}`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.code === 'unknown' ? undefined : error;
  }
}

/** Its properties, then how it is doing; what is a list of things has a line for each. */
function told({ kind, name, state, ...properties }: Described, terminal: Terminal): string {
  const lines = [`${kind} ${terminal.style('bold', name)}`];
  const rows = Object.entries({ ...properties, ...state }).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...rows.map(([property]) => property.length));
  for (const [property, value] of rows) {
    const label = `  ${terminal.style('dim', property.padEnd(width))}  `;
    if (Array.isArray(value) && value.every((item) => typeof item === 'object')) {
      lines.push(value.length === 0 ? `${label}none` : label.trimEnd());
      for (const item of value) lines.push(`    ${flat(item)}`);
    } else lines.push(`${label}${typeof value === 'object' ? flat(value) : String(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `partition 0, start 0, end 12` */
function flat(value: object | null): string {
  if (value === null || Array.isArray(value)) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, inner]) => `${name} ${typeof inner === 'object' ? JSON.stringify(inner) : inner}`)
    .join(', ');
}
