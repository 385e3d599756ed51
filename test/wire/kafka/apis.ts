/** All tables, and arbitrary messages of each. */

import fc from 'fast-check';
import type { Api, Fields } from '../../../src/wire/kafka/fields.ts';
import { planOf } from '../../../src/wire/kafka/fields.ts';
import * as tables from '../../../src/wire/kafka/tables/tables.ts';

export const APIS: readonly Api[] = Object.values(tables);

/** Every side of every API at every version. */
export function* sides(): Generator<{ name: string; fields: Fields; version: number; flexible: number | null }> {
  for (const { name, versions, flexible, request, response } of APIS) {
    for (let version = versions[0]; version <= versions[1]; version++) {
      yield { name: `${name} request ${version}`, fields: request, version, flexible };
      yield { name: `${name} response ${version}`, fields: response, version, flexible };
    }
  }
}

const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const bytes = fc.uint8Array({ maxLength: 12 });
const KINDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int8: int(8),
  int16: int(16),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: int(32),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }),
  string: fc.string({ maxLength: 8, unit: 'grapheme' }),
  uuid: fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 32, maxLength: 32 }).map((digits) => digits.join('')),
  bytes,
  records: bytes,
};

/** Fields that this version has; the others are left out, and read as their defaults. */
export function message(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const arbitraries: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (name === '$') continue;
    const plan = planOf(name, field, version);
    if (!plan.present) continue;
    const one = plan.kind === 'struct' ? message(plan.fields, version) : (KINDS[plan.kind] as fc.Arbitrary<unknown>);
    const all = plan.isList ? fc.array(one, { maxLength: 3 }) : one;
    arbitraries[name] = plan.nullable ? fc.option(all, { nil: null, freq: 4 }) : all;
  }
  return fc.record(arbitraries);
}
