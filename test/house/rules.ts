/** The house rules, all of them, over any list of files: the real tree, or a made-up one that breaks a rule on purpose. */

import { absenceRules } from './absences.ts';
import { projectOf, type Rule, type Violation } from './project.ts';
import { roomRules } from './rooms.ts';
import type { SourceFile } from './scan.ts';
import { shapeRules } from './shape.ts';

export const RULES: readonly Rule[] = [...roomRules, ...absenceRules, ...shapeRules];

/** What is wrong, by file and line. */
export function check(files: readonly SourceFile[]): Violation[] {
  const project = projectOf(files);
  return RULES.flatMap((rule) => rule.check(project)).sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}
