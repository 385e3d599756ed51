/** Whether messages fit their declared JSON Schema. The validator is loaded when the first schema is met. */

import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv';
import type { SchemaSpec } from '../model/declaration.ts';
import type { Message } from '../model/message.ts';
import { Refused } from '../model/refusal.ts';

interface Compiler {
  compile(schema: object): ValidateFunction;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Compiled schemas kept; one thrown out is compiled again when it is needed. */
const COMPILED_MAX = 1000;

export class Schemas {
  readonly #compiled = new Map<string, ValidateFunction>();

  /** Throws `Refused('invalid')` when the schema itself is no schema. */
  check(schema: SchemaSpec): void {
    this.#validator(schema);
  }

  /** The first fault of the message's body, with its JSON pointer; undefined when it fits. */
  fault(schema: SchemaSpec, message: Message): { message: string; path: string } | undefined {
    let body: unknown;
    try {
      body = JSON.parse(decoder.decode(message.body));
    } catch {
      return { message: 'the body is not JSON', path: '' };
    }
    const validate = this.#validator(schema);
    if (validate(body)) return undefined;
    const first: ErrorObject | undefined = validate.errors?.[0];
    return { message: first?.message ?? 'it does not fit', path: first?.instancePath ?? '' };
  }

  #validator(schema: SchemaSpec): ValidateFunction {
    const key = JSON.stringify(schema.jsonSchema);
    let validate = this.#compiled.get(key);
    if (validate === undefined) {
      if (typeof schema.jsonSchema !== 'object' || schema.jsonSchema === null)
        throw new Refused('invalid', 'A JSON Schema must be an object.');
      try {
        // A compiler of its own: schemas of others may bear the same ids, and are not this one's to refer to.
        validate = newCompiler().compile(schema.jsonSchema);
      } catch (cause) {
        throw new Refused('invalid', `The JSON Schema does not compile: ${(cause as Error).message}.`, { cause });
      }
      for (const oldest of this.#compiled.keys()) {
        if (this.#compiled.size < COMPILED_MAX) break;
        this.#compiled.delete(oldest);
      }
      this.#compiled.set(key, validate);
    }
    return validate;
  }
}

const load = createRequire(import.meta.url);

/** Loaded only now: a broker without schemas starts without the validator. */
function newCompiler(): Compiler {
  const { Ajv2020 } = load('ajv/dist/2020.js') as { Ajv2020: new (options: object) => Compiler };
  return new Ajv2020({ strict: false, allErrors: false, validateFormats: false, code: { regExp } });
}

/**
 * Patterns are whoever declared the schema's, and the texts whoever publishes': JavaScript's own engine could be held up for ever by the
 * two together. This one takes time that grows with the text alone, and refuses what cannot be had so (look-around, back references).
 * `code` is what the compiler would write into a file; it never does here.
 */
const regExp: { (pattern: string): Matcher; readonly code: string } = Object.assign(linear, { code: 'linear' });

interface Matcher {
  test(text: string): boolean;
  /** The compiler tells patterns apart by their text. */
  toString(): string;
}

function linear(pattern: string): Matcher {
  const { RE2JS } = load('re2js') as typeof import('re2js');
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return { test: (text) => compiled.test(text), toString: () => pattern };
}
