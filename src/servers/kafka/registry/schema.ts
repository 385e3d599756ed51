/** A schema, of whichever type: what is kept of it, when two are the same, and what data it can read. */

export const SCHEMA_TYPES = ['AVRO', 'JSON', 'PROTOBUF'] as const;
export type SchemaType = (typeof SCHEMA_TYPES)[number];

/** Another schema that this one names. */
export interface Reference {
  /** By which this schema calls it: a type's name, an import, a `$ref`. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** Something that stands in the way of compatibility. */
export interface Obstacle {
  readonly errorType: string;
  readonly description: string;
  readonly additionalInfo: string;
}

export interface Schema {
  readonly type: SchemaType;
  /** What is kept and told. */
  readonly text: string;
  /** Two that say the same in the same order have the same. */
  readonly canonical: string;
  /** Two that say the same have the same. */
  readonly normal: string;
  /** Why data written with `writer`, of the same type, could not be read with this one. None: it can. */
  obstacles(writer: Schema): readonly Obstacle[];
}

/** The texts of the schemas that one refers to, theirs included, those that are needed first before those that need them. */
export type Referred = readonly { readonly name: string; readonly text: string }[];

/** What does not parse. The sentence is for whoever wrote the schema. */
export class SchemaFault extends Error {
  override readonly name: string = 'SchemaFault';
}
