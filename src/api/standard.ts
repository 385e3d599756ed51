/** Any Standard Schema (zod, valibot, arktype …) as a check on values before they are sent. */

import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Refused } from '../model/refusal.ts';

export type { StandardSchemaV1 };

/** The value as the schema gives it back. Rejects with `Refused('schema')` and the JSON pointer of the first fault. */
export async function checked(schema: StandardSchemaV1 | undefined, value: unknown): Promise<unknown> {
  if (schema === undefined) return value;
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const first = result.issues[0];
  const path = (first?.path ?? []).map((part) => `/${String(typeof part === 'object' ? part.key : part)}`).join('');
  throw new Refused(
    'schema',
    `The value does not fit its schema at ${path || 'its root'}: ${first?.message ?? 'no reason was given'}. Nothing was sent; correct it.`,
    {
      path,
    },
  );
}
