/** Reads a Protobuf schema, proto2 or proto3: what it declares, without what does not matter for data (options, services, comments). */

import type { ProtoEnum, ProtoField, ProtoFile, ProtoMessage } from './proto-types.ts';
import { SCALARS } from './proto-types.ts';
import { SchemaFault } from './schema.ts';

const DEPTH_MAX = 50;
const NUMBER_MAX = 2 ** 29 - 1;
const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_][\w.]*|\.[A-Za-z_][\w.]*|[-+]?(?:0[xX][\da-fA-F]+|\d[\w.+]*|\.\d\w*|inf|nan)|[{}[\]()<>=;,:/-])/y;

/** Throws `SchemaFault`. */
export function readProto(text: string): ProtoFile {
  return new ProtoReader(wordsOf(text)).file();
}

function wordsOf(text: string): string[] {
  const words: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      const line = text.slice(0, at).split('\n').length;
      throw new SchemaFault(`Syntax error in line ${line}: ${JSON.stringify(text.slice(at, at + 20))}.`);
    }
    if (match[1] !== undefined) words.push(match[1]);
  }
  return words;
}

class ProtoReader {
  readonly #words: readonly string[];
  #at = 0;
  #depth = 0;
  #syntax = 'proto2';
  #package = '';
  readonly #imports: string[] = [];
  readonly #messages: ProtoMessage[] = [];
  readonly #enums: ProtoEnum[] = [];

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  file(): ProtoFile {
    while (this.#at < this.#words.length) this.#top();
    return {
      syntax: this.#syntax,
      package: this.#package,
      imports: this.#imports,
      messages: this.#messages,
      enums: this.#enums,
      words: this.#words,
    };
  }

  #top(): void {
    const word = this.#next();
    if (word === 'syntax' || word === 'edition') {
      this.#take('=');
      this.#syntax = unquoted(this.#next());
      if (word === 'syntax' && this.#syntax !== 'proto2' && this.#syntax !== 'proto3')
        throw new SchemaFault(`There is no syntax "${this.#syntax}".`);
      this.#take(';');
    } else if (word === 'package') {
      this.#package = this.#next();
      this.#take(';');
    } else if (word === 'import') {
      if (this.#peek() === 'public' || this.#peek() === 'weak') this.#next();
      this.#imports.push(unquoted(this.#next()));
      this.#take(';');
    } else if (word === 'message') this.#message(this.#package === '' ? '' : `.${this.#package}`);
    else if (word === 'enum') this.#enum(this.#package === '' ? '' : `.${this.#package}`);
    else if (word === 'option') this.#skipStatement();
    else if (word === 'service' || word === 'extend') this.#skipBlock();
    else if (word !== ';') throw new SchemaFault(`Unexpected "${word}" outside of a message.`);
  }

  #message(space: string): void {
    if (++this.#depth > DEPTH_MAX) throw new SchemaFault(`Messages are nested deeper than ${DEPTH_MAX} levels.`);
    const name = `${space}.${this.#name()}`;
    const fields: ProtoField[] = [];
    // Its place comes before those of the messages within.
    this.#messages.push({ name, fields });
    this.#take('{');
    while (this.#peek() !== '}') this.#inMessage(name, fields);
    this.#take('}');
    this.#depth -= 1;
    for (const key of ['name', 'number'] as const) {
      const seen = new Set<string | number>();
      for (const field of fields) {
        if (seen.has(field[key])) throw new SchemaFault(`The message ${name.slice(1)} has two fields with the ${key} ${field[key]}.`);
        seen.add(field[key]);
      }
    }
  }

  #inMessage(message: string, fields: ProtoField[]): void {
    const word = this.#peek();
    const isField = this.#words[this.#at + 2] === '=';
    if (word === ';') this.#next();
    else if (word === 'message' && !isField) {
      this.#next();
      this.#message(message);
    } else if (word === 'enum' && !isField) {
      this.#next();
      this.#enum(message);
    } else if (word === 'oneof' && !isField) {
      this.#next();
      const oneof = this.#name();
      this.#take('{');
      while (this.#peek() !== '}') {
        if (this.#peek() === 'option') this.#skipStatement();
        else fields.push(this.#field(message, 'none', oneof));
      }
      this.#take('}');
    } else if ((word === 'reserved' || word === 'extensions' || word === 'option') && !isField) this.#skipStatement();
    else if (word === 'extend' && !isField) this.#skipBlock();
    else {
      const labelled = word === 'repeated' || word === 'optional' || word === 'required';
      if (labelled && !isField) this.#next();
      fields.push(this.#field(message, labelled && !isField ? (word as ProtoField['label']) : 'none', undefined));
    }
  }

  #field(message: string, label: ProtoField['label'], oneof: string | undefined): ProtoField {
    let type = this.#next();
    let keyType: string | undefined;
    if (type === 'map' && this.#peek() === '<') {
      this.#take('<');
      keyType = this.#next();
      if (!SCALARS.includes(keyType)) throw new SchemaFault(`A map cannot have keys of the type ${keyType}.`);
      this.#take(',');
      type = this.#next();
      this.#take('>');
    }
    if (!/^\.?[A-Za-z_][\w.]*$/.test(type)) throw new SchemaFault(`"${type}" is no type of a field in ${message.slice(1)}.`);
    const name = this.#name();
    this.#take('=');
    const number = Number(this.#next());
    if (!Number.isInteger(number) || number < 1 || number > NUMBER_MAX)
      throw new SchemaFault(`The field ${name} of ${message.slice(1)} has a number that is not allowed.`);
    if (this.#peek() === '[') this.#skipOptions();
    if (type === 'group') throw new SchemaFault(`The field ${name} of ${message.slice(1)} is a group, which is not understood here.`);
    this.#take(';');
    return { name, number, label, type, ...(keyType !== undefined && { keyType }), ...(oneof !== undefined && { oneof }) };
  }

  #enum(space: string): void {
    const name = `${space}.${this.#name()}`;
    const values: (readonly [string, number])[] = [];
    this.#take('{');
    while (this.#peek() !== '}') {
      const word = this.#peek();
      if (word === ';') this.#next();
      else if ((word === 'option' || word === 'reserved') && this.#words[this.#at + 1] !== '=') this.#skipStatement();
      else {
        const value = this.#name();
        this.#take('=');
        const sign = this.#peek() === '-' ? -1 : 1;
        if (sign < 0) this.#next();
        const number = sign * Number(this.#next());
        if (!Number.isInteger(number)) throw new SchemaFault(`The value ${value} of ${name.slice(1)} has no number.`);
        values.push([value, number]);
        if (this.#peek() === '[') this.#skipOptions();
        this.#take(';');
      }
    }
    this.#take('}');
    this.#enums.push({ name, values });
  }

  #name(): string {
    const word = this.#next();
    if (!/^[A-Za-z_]\w*$/.test(word)) throw new SchemaFault(`"${word}" is no name.`);
    return word;
  }

  #peek(): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw new SchemaFault('The schema breaks off.');
    return word;
  }

  #next(): string {
    const word = this.#peek();
    this.#at += 1;
    return word;
  }

  #take(expected: string): void {
    const word = this.#next();
    if (word !== expected) throw new SchemaFault(`"${expected}" is expected, not "${word}".`);
  }

  /** To the end of a statement, and what stands in braces within it. */
  #skipStatement(): void {
    for (let depth = 0; ; ) {
      const word = this.#next();
      if (word === '{') depth += 1;
      else if (word === '}') depth -= 1;
      else if (word === ';' && depth === 0) return;
    }
  }

  #skipBlock(): void {
    while (this.#next() !== '{');
    for (let depth = 1; depth > 0; ) {
      const word = this.#next();
      if (word === '{') depth += 1;
      else if (word === '}') depth -= 1;
    }
  }

  #skipOptions(): void {
    let depth = 0;
    do {
      const word = this.#next();
      if (word === '[') depth += 1;
      else if (word === ']') depth -= 1;
    } while (depth > 0);
  }
}

function unquoted(word: string): string {
  if (!/^["']/.test(word)) throw new SchemaFault(`A text in quotation marks is expected, not "${word}".`);
  return word.slice(1, -1);
}
