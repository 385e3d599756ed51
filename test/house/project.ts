/** What a house rule is given and what it answers. */

import { type Scanned, type SourceFile, scan } from './scan.ts';

export interface Project {
  /** The files under `src/`. */
  readonly source: readonly Scanned[];
}

export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly says: string;
}

export interface Rule {
  readonly name: string;
  /** The rule in one sentence. */
  readonly says: string;
  check(project: Project): readonly Violation[];
}

/** Reads files into a project; only those under `src/` count. They may be real ones or made up. */
export function projectOf(files: readonly SourceFile[]): Project {
  return { source: files.filter((file) => file.path.startsWith('src/') && file.path.endsWith('.ts')).map(scan) };
}

export function violation(rule: string, file: SourceFile, line: number, says: string): Violation {
  return { rule, path: file.path, line, says };
}
