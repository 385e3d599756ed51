/** Avro types as they are compared. */

export const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type Primitive = (typeof PRIMITIVES)[number];

export interface Named {
  /** With its namespace. */
  readonly name: string;
  readonly aliases: readonly string[];
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  readonly hasDefault: boolean;
}

export interface AvroRecord extends Named {
  readonly kind: 'record';
  /** Filled once its name is known: a record may hold itself. */
  readonly fields: AvroField[];
}

export type AvroType =
  | { readonly kind: Primitive }
  | { readonly kind: 'array' | 'map'; readonly of: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | (Named & { readonly kind: 'fixed'; readonly size: number })
  | (Named & { readonly kind: 'enum'; readonly symbols: readonly string[]; readonly fallback: string | undefined })
  | AvroRecord;
