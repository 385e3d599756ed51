/** Compatibility levels: which earlier versions a new schema is compared with, and in which direction. */

import type { Obstacle, Schema } from './schema.ts';
import type { Level } from './state.ts';

/** What stands in the way, as the original says it: of the newest version that does not agree. `earlier`: oldest first. */
export function incompatibilities(
  level: Level,
  schema: Schema,
  earlier: readonly { readonly version: number; readonly text: string; parse(): Schema }[],
): string[] {
  if (level === 'NONE') return [];
  const compared = level.endsWith('_TRANSITIVE') ? [...earlier].reverse() : earlier.slice(-1);
  for (const { version, text, parse } of compared) {
    const other = parse();
    const obstacles = other.type === schema.type ? between(level, schema, other) : [changedType(schema, other)];
    if (obstacles.length === 0) continue;
    return [
      ...obstacles.map(
        ({ errorType, description, additionalInfo }) =>
          `{errorType:'${errorType}', description:'${description}', additionalInfo:'${additionalInfo}'}`,
      ),
      `{oldSchemaVersion: ${version}}`,
      `{oldSchema: '${text}'}`,
      `{compatibility: '${level}'}`,
    ];
  }
  return [];
}

function between(level: Level, schema: Schema, other: Schema): readonly Obstacle[] {
  const backward = level.startsWith('FORWARD') ? [] : schema.obstacles(other);
  const forward = level.startsWith('BACKWARD') ? [] : other.obstacles(schema);
  return [...backward, ...forward];
}

function changedType(schema: Schema, other: Schema): Obstacle {
  return {
    errorType: 'SCHEMA_TYPE_CHANGED',
    description: `The type of the schema was ${other.type} and is ${schema.type}`,
    additionalInfo: '',
  };
}
