/** What rules of access may say. Answers the first fault, or undefined. */

import { ACCESS_TARGETS, ACCESS_VERBS, EVERYBODY } from '../model/access.ts';
import type { UserSpec } from '../model/declaration.ts';

const RULES_MAX = 1000;
const TEXT_MAX = 255;
const ALLOWED: Readonly<Record<string, readonly unknown[]>> = {
  effect: ['allow', 'deny'],
  verb: [...ACCESS_VERBS, 'all'],
  on: [...ACCESS_TARGETS, 'all'],
  match: ['name', 'prefix'],
};

export function checkRules({ name, rules, secrets }: UserSpec): string | undefined {
  if (name === EVERYBODY && Object.keys(secrets ?? {}).length > 0)
    return `nobody can log in as "${EVERYBODY}", which stands for everybody: it has no secrets`;
  if (rules === undefined) return undefined;
  if (!Array.isArray(rules) || rules.length > RULES_MAX) return `its rules must be a list of at most ${RULES_MAX}`;
  for (const rule of rules as readonly unknown[]) {
    const fault = typeof rule === 'object' && rule !== null ? checkRule(rule as Record<string, unknown>) : 'one is no object';
    if (fault !== undefined) return `its rules are not right: ${fault}`;
  }
  return undefined;
}

function checkRule(rule: Record<string, unknown>): string | undefined {
  for (const [property, values] of Object.entries(ALLOWED))
    if (!values.includes(rule[property])) return `${property} must be one of ${values.join(', ')}`;
  if (typeof rule.name !== 'string' || rule.name.length > TEXT_MAX) return `name must be text of at most ${TEXT_MAX} characters`;
  for (const property of ['tenant', 'note'])
    if (rule[property] !== undefined && (typeof rule[property] !== 'string' || rule[property].length > TEXT_MAX))
      return `${property} must be text of at most ${TEXT_MAX} characters`;
  return undefined;
}
