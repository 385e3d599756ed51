/** `signalbox doctor`: says what a data directory holds and what in it is damaged, and saves what can be read. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Host } from '../host/host.ts';
import { type Command, command as define } from './command.ts';
import type { Examination } from './examination.ts';
import { EXIT, Failure } from './exits.ts';
import { type Options, text } from './options.ts';
import type { Saved } from './salvaging.ts';
import { DATA_DEFAULT } from './settings.ts';
import { counted, grouped, sized, type Terminal } from './terminal.ts';

const OPTIONS = {
  data: text('DIR', `The data directory. Default ${DATA_DEFAULT}.`, { env: 'SIGNALBOX_DATA', of: 'directory' }),
  salvage: text('NEWDIR', 'Copy all that can be read into this directory, which must be empty or new. What is damaged stays as it is.', {
    of: 'directory',
  }),
} satisfies Options;

export const command: Command = define({
  name: 'doctor',
  about: 'Look for damage in a data directory, and save what can be read',
  more:
    'Reads every byte of the journal and of all topics, and changes nothing. No broker may have the directory open. A copy made with --salvage ' +
    'holds all that is whole, under its old offsets; what is lost is told.',
  words: [],
  options: OPTIONS,
  examples: [
    { about: 'What is wrong with ./data, if anything', line: 'signalbox doctor' },
    {
      about: 'Save what can be read, and go on with that',
      line: 'signalbox doctor --data broken --salvage saved && signalbox start --data saved',
    },
  ],
  exits: ['taken', 'damaged'],
  run: async ({ options, terminal }) => {
    const data = resolve(options.data ?? DATA_DEFAULT);
    if (!existsSync(data)) throw new Failure('usage', `There is no directory ${data}; say which one with --data.`);
    const { nodeHost } = await import('../host/node-host.ts');
    const { silentLogger } = await import('../host/text-logger.ts');
    const host = nodeHost({ logger: silentLogger });
    const lock = await lockIfPossible(host, data);
    try {
      if (options.salvage === undefined) return await look(host, data, terminal);
      return await save(host, data, resolve(options.salvage), terminal);
    } finally {
      await lock?.release();
    }
  },
});

/** A directory that cannot be written to, such as a backup mounted read-only, is nobody's to open. */
async function lockIfPossible(host: Host, data: string): Promise<{ release(): Promise<void> } | undefined> {
  try {
    return await host.disk.lock(data);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EROFS') return undefined;
    throw error;
  }
}

async function look(host: Host, data: string, terminal: Terminal): Promise<number> {
  const { examineDirectory } = await import('./examination.ts');
  const found = await examineDirectory(host, data);
  const isDamaged = damaged(found);
  if (terminal.json) await terminal.value({ data, damaged: isDamaged, ...found });
  else await terminal.print(told(data, found, terminal));
  return isDamaged ? EXIT.damaged : EXIT.done;
}

function damaged({ journal, unreplayable, partitions }: Examination): boolean {
  return (
    ['damaged', 'format'].includes(journal.state) || unreplayable !== undefined || partitions.some(({ findings }) => findings.length > 0)
  );
}

function told(data: string, { journal, unreplayable, partitions }: Examination, terminal: Terminal): string {
  const mark = (isBad: boolean): string => (isBad ? terminal.style('red', 'damaged') : terminal.style('green', 'sound'));
  const lines = [terminal.style('bold', data), ''];
  const isBad = ['damaged', 'format'].includes(journal.state) || unreplayable !== undefined;
  const sizeBytes = journal.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  lines.push(
    `journal: ${mark(isBad)}. ${counted(journal.segments.length, 'file')}, ${sized(sizeBytes)}, ${grouped(journal.entries)} entries.`,
  );
  lines.push(`  ${journal.says}`);
  for (const { says } of journal.findings) lines.push(`  - ${says}`);
  if (journal.findingsMore > 0) lines.push(`  - and ${grouped(journal.findingsMore)} more places.`);
  if (unreplayable !== undefined) lines.push(`  - It cannot be replayed: ${unreplayable}`);
  for (const { topic, partition, inJournal, log, findings } of partitions) {
    const name = topic === undefined ? `a topic nobody knows (${log.directory})` : `topic ${topic}`;
    const more = inJournal === 0 ? '' : `, and ${grouped(inJournal)} that only the journal has so far`;
    lines.push('', `${name}, partition ${partition}: ${mark(findings.length > 0)}. ${counted(log.records, 'record')}${more}.`);
    if (log.cut !== undefined)
      lines.push(`  What was being written at byte ${log.cut.byte} of ${log.cut.path} was never safe in it, and is left away.`);
    for (const { says } of findings) lines.push(`  - ${says}`);
  }
  lines.push('', isBad || partitions.some(({ findings }) => findings.length > 0) ? ADVICE : 'Nothing is damaged.');
  return `${lines.join('\n')}\n`;
}

const ADVICE = 'Put back a backup of the damaged files, or save what can be read: signalbox doctor --salvage NEWDIR.';

async function save(host: Host, data: string, target: string, terminal: Terminal): Promise<number> {
  const { salvageDirectory } = await import('./salvaging.ts');
  const saved = await salvageDirectory(host, data, target);
  if (terminal.json) await terminal.value({ data, target, ...saved });
  else await terminal.print(toldSaved(saved, target));
  return EXIT.done;
}

function toldSaved({ journal, lost, unknown }: Saved, target: string): string {
  const lines = [
    `Saved in ${target}: ${counted(journal.blocks, 'block')} of the journal with ${grouped(journal.entries)} entries, and the logs of all topics.`,
  ];
  for (const { from, to, blocks } of journal.skipped) {
    lines.push(`  - lost: the journal from position ${from} to ${to}${blocks === undefined ? '' : ` (${counted(blocks, 'block')})`}.`);
  }
  if (journal.lostAtEnd > 0) lines.push(`  - lost: ${counted(journal.lostAtEnd, 'block')} at the end of the journal.`);
  if (journal.checkpointLost)
    lines.push('  - lost: the last checkpoint. What had been declared before what is left of the journal is gone.');
  for (const says of lost) lines.push(`  - ${says}`);
  for (const path of unknown) lines.push(`  - ${path} holds records of a topic that the journal no longer knows.`);
  lines.push(`It opens: signalbox start --data ${target}`);
  return `${lines.join('\n')}\n`;
}
