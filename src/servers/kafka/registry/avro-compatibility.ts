/** Whether what was written with one Avro schema can be read with another [Avro 1.11, "Schema Resolution"]. */

import type { AvroField, AvroRecord, AvroType } from './avro-types.ts';
import type { Obstacle } from './schema.ts';

/** Which written types are promoted to a read one. */
const PROMOTED: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  bytes: ['string'],
  string: ['bytes'],
};

/** None: it can. */
export function avroObstacles(reader: AvroType, writer: AvroType): readonly Obstacle[] {
  return new Comparison().compare(reader, writer, '');
}

class Comparison {
  /** Records that are being compared, or were: one that holds itself is compared once. */
  #seen = new Map<AvroType, Set<AvroType>>();

  compare(reader: AvroType, writer: AvroType, path: string): Obstacle[] {
    if (writer.kind === 'union') {
      if (reader.kind !== 'union') return writer.branches.flatMap((branch) => this.compare(reader, branch, path));
      return writer.branches.flatMap((branch, i) => this.#branch(reader, branch, `${path}/${i}`));
    }
    if (reader.kind === 'union') return this.#branch(reader, writer, path);
    if (reader.kind !== writer.kind)
      return PROMOTED[reader.kind]?.includes(writer.kind) === true ? [] : [typeMismatch(reader, writer, path)];
    return this.#alike(reader, writer, path);
  }

  #alike(reader: AvroType, writer: AvroType, path: string): Obstacle[] {
    if ((reader.kind === 'array' && writer.kind === 'array') || (reader.kind === 'map' && writer.kind === 'map'))
      return this.compare(reader.of, writer.of, `${path}/${reader.kind === 'array' ? 'items' : 'values'}`);
    if (!('name' in reader) || !('name' in writer)) return [];
    if (shortName(reader.name) !== shortName(writer.name) && !reader.aliases.includes(writer.name))
      return [obstacle('NAME_MISMATCH', `The name of the schema has changed (path '${path}/name')`, `expected: ${writer.name}`)];
    if (reader.kind === 'fixed' && writer.kind === 'fixed') {
      if (reader.size === writer.size) return [];
      return [
        obstacle(
          'FIXED_SIZE_MISMATCH',
          `The size of FIXED type field at path '${path}/size' in the new schema does not match with the old schema`,
          `expected: ${writer.size}, found: ${reader.size}`,
        ),
      ];
    }
    if (reader.kind === 'enum' && writer.kind === 'enum') {
      const missing = reader.fallback === undefined ? writer.symbols.filter((symbol) => !reader.symbols.includes(symbol)) : [];
      if (missing.length === 0) return [];
      const what = `The new schema is missing enum symbols '[${missing.join(', ')}]' at path '${path}/symbols' in the old schema`;
      return [obstacle('MISSING_ENUM_SYMBOLS', what, `[${missing.join(', ')}]`)];
    }
    return reader.kind === 'record' && writer.kind === 'record' ? this.#record(reader, writer, path) : [];
  }

  #record(reader: AvroRecord, writer: AvroRecord, path: string): Obstacle[] {
    const seen = this.#seen.get(reader) ?? new Set<AvroType>();
    if (seen.has(writer)) return [];
    this.#seen.set(reader, seen.add(writer));
    return reader.fields.flatMap((field, i) => {
      const written = writerField(field, writer);
      if (written !== undefined) return this.compare(field.type, written.type, `${path}/fields/${i}/type`);
      if (field.hasDefault || (field.type.kind === 'enum' && field.type.fallback !== undefined)) return [];
      const what = `The field '${field.name}' at path '${path}/fields/${i}' in the new schema has no default value and is missing in the old schema`;
      return [obstacle('READER_FIELD_MISSING_DEFAULT_VALUE', what, field.name)];
    });
  }

  /** The reader must have a branch that takes what was written. */
  #branch(reader: Extract<AvroType, { kind: 'union' }>, writer: AvroType, path: string): Obstacle[] {
    for (const branch of reader.branches) {
      // What an attempt that fails has seen must not pass for settled in the next.
      const attempt = new Comparison();
      attempt.#seen = new Map([...this.#seen].map(([record, others]) => [record, new Set(others)]));
      if (attempt.compare(branch, writer, path).length > 0) continue;
      this.#seen = attempt.#seen;
      return [];
    }
    const what = `The new schema is missing a type inside a union field at path '${path}' in the old schema`;
    return [obstacle('MISSING_UNION_BRANCH', what, `reader union lacking writer type: ${kindOf(writer)}`)];
  }
}

function writerField({ name, aliases }: AvroField, { fields }: AvroRecord): AvroField | undefined {
  return fields.find((field) => field.name === name) ?? fields.find((field) => aliases.includes(field.name));
}

function typeMismatch(reader: AvroType, writer: AvroType, path: string): Obstacle {
  const what = `The type (path '${path === '' ? '/' : path}') of a field in the new schema does not match with the old schema`;
  return obstacle('TYPE_MISMATCH', what, `reader type: ${kindOf(reader)} not compatible with writer type: ${kindOf(writer)}`);
}

function kindOf({ kind }: AvroType): string {
  return kind.toUpperCase();
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function obstacle(errorType: string, description: string, additionalInfo: string): Obstacle {
  return { errorType, description, additionalInfo };
}
