/** Errors of the registry as its clients know them: an HTTP status, a number of its own, and a sentence. */

export class RestFault extends Error {
  override readonly name: string = 'RestFault';
  readonly code: number;

  /** The status is the first three digits of the code. */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return this.code < 1000 ? this.code : Math.floor(this.code / 100);
  }
}

export const subjectNotFound = (subject: string): RestFault => new RestFault(40401, `Subject '${subject}' not found.`);
export const versionNotFound = (version: number): RestFault => new RestFault(40402, `Version ${version} not found.`);
export const idNotFound = (id: number): RestFault => new RestFault(40403, `Schema ${id} not found`);
export const schemaNotFound = (): RestFault => new RestFault(40403, 'Schema not found');
export const subjectSoftDeleted = (subject: string): RestFault =>
  new RestFault(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`);
export const subjectNotSoftDeleted = (subject: string): RestFault =>
  new RestFault(40405, `Subject '${subject}' was not deleted first before being permanently deleted`);
export const versionSoftDeleted = (subject: string, version: number): RestFault =>
  new RestFault(40406, `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`);
export const versionNotSoftDeleted = (subject: string, version: number): RestFault =>
  new RestFault(40407, `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`);
export const noSubjectLevel = (subject: string): RestFault =>
  new RestFault(40408, `Subject '${subject}' does not have subject-level compatibility configured`);
export const noSubjectMode = (subject: string): RestFault =>
  new RestFault(40409, `Subject '${subject}' does not have subject-level mode configured`);
export const invalidSchema = (why: string): RestFault => new RestFault(42201, why);
export const invalidVersion = (version: string): RestFault =>
  new RestFault(
    42202,
    `The specified version '${version.slice(0, 100)}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
  );
export const invalidLevel = (): RestFault =>
  new RestFault(
    42203,
    'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
  );
export const invalidMode = (): RestFault => new RestFault(42204, 'Invalid mode. Valid values are READWRITE, READONLY, and IMPORT');
export const notPermitted = (why: string): RestFault => new RestFault(42205, why);
export const referenceExists = (subject: string, version: number): RestFault =>
  new RestFault(42206, `One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=${subject},version=${version}}.`);
