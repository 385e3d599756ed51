/** What a Protobuf schema declares, as it is compared. */

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  readonly label: 'required' | 'optional' | 'repeated' | 'none';
  /** A scalar's name, or that of a message or enum with its package, beginning with a dot; of a map, of its values. */
  readonly type: string;
  /** Of a map. */
  readonly keyType?: string;
  readonly oneof?: string;
}

export interface ProtoMessage {
  /** With package and enclosing messages. */
  readonly name: string;
  readonly fields: readonly ProtoField[];
}

export interface ProtoEnum {
  readonly name: string;
  readonly values: readonly (readonly [string, number])[];
}

export interface ProtoFile {
  readonly syntax: string;
  readonly package: string;
  readonly imports: readonly string[];
  readonly messages: readonly ProtoMessage[];
  readonly enums: readonly ProtoEnum[];
  /** All of it but comments and blanks: two that say the same have the same. */
  readonly words: readonly string[];
}

export const SCALARS: readonly string[] = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
];
