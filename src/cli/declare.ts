/** `signalbox declare`: makes a topic, a queue or an exchange. */

import { Client, CONNECTION, segment } from './client.ts';
import { type Command, command as define } from './command.ts';
import { EXIT, Failure } from './exits.ts';
import { KINDS } from './listing.ts';

const DECLARABLE = ['topic', 'queue', 'exchange'] as const;

export const command: Command = define({
  name: 'declare',
  about: 'Declare a topic, a queue or an exchange',
  more:
    'Properties are as in docs/http.md, each as name=value; a name with dots goes inside: retry.attempts=5. Values are JSON, or text where ' +
    'that is no JSON. Declaring the same again changes nothing; with other properties it is refused.',
  words: [
    { name: 'KIND', about: 'What to declare.', choices: DECLARABLE },
    { name: 'NAME', about: 'Its name.' },
    { name: 'PROPERTY=VALUE', about: 'How it is to be.', optional: true, many: true },
  ],
  options: CONNECTION,
  examples: [
    { about: 'A topic of four partitions, kept for a week', line: 'signalbox declare topic orders partitions=4 retentionMs=604800000' },
    {
      about: 'A queue that tries five times, then dead-letters',
      line: `signalbox declare queue jobs retry.attempts=5 'deadLetter={"exchange":"","address":"failed"}'`,
    },
  ],
  exits: ['unreachable', 'refused', 'forbidden'],
  run: async ({ words: [kind = '', name = '', ...properties], options, terminal }) => {
    const client = Client.find(options);
    try {
      const of = DECLARABLE.find((one) => one === kind) ?? 'topic';
      const declared = await client.ask<object>('PUT', `/v1/${KINDS[of]}/${segment(name)}`, { body: specOf(properties) });
      if (terminal.json) await terminal.value(declared);
      else await terminal.line(`There is a ${kind} ${name}.`);
      return EXIT.done;
    } finally {
      client.close();
    }
  },
});

type Spec = { [name: string]: unknown };

function specOf(properties: readonly string[]): Spec {
  const spec: Spec = Object.create(null) as Spec;
  for (const property of properties) {
    const equals = property.indexOf('=');
    if (equals < 1) throw new Failure('usage', `${JSON.stringify(property)} is no property; give name=value, such as partitions=4.`);
    const way = property.slice(0, equals).split('.');
    const last = way.pop() ?? '';
    let inner = spec;
    for (const name of way) {
      const next = inner[name] ?? (Object.create(null) as Spec);
      if (typeof next !== 'object')
        throw new Failure('usage', `${JSON.stringify(property)} goes inside of ${name}, which has a value already.`);
      inner[name] = next;
      inner = next as Spec;
    }
    inner[last] = readValue(property.slice(equals + 1));
  }
  return spec;
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // a word without quotes is what people write
  }
}
