/** A table of text: columns as wide as they need to be, numbers to the right. */

import type { Terminal } from './terminal.ts';

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Lines with the titles first, without a newline at the end. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], terminal: Pick<Terminal, 'style'>): string {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (columns[i]?.right === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [terminal.style('dim', lineOf(columns.map(({ title }) => title))), ...rows.map(lineOf)].join('\n');
}
