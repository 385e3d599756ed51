/** Filters and transforms: JMESPath over a message, compiled once, evaluated within bounds. */

import { createRequire } from 'node:module';
import type { Message } from '../../model/message.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import { type Ast, build, CompileFault, type Evaluate } from './evaluate.ts';
import { ExpressionFault, isFalsy, Run, write } from './json.ts';
import { viewOf } from './message-view.ts';

type Library = typeof import('@jmespath-community/jmespath');

/** Longest expression, in UTF-16 units. */
export const EXPRESSION_LENGTH_MAX = 4096;

const encoder = new TextEncoder();

/** A compiled expression. Two of the same text mean the same. */
export class Expression {
  readonly text: string;
  readonly #evaluate: Evaluate;

  constructor(text: string, evaluate: Evaluate) {
    this.text = text;
    this.#evaluate = evaluate;
  }

  /** As a filter: whether the result is truthy (not null, false or empty). What cannot be evaluated for this message is not. */
  test(message: Message): boolean {
    const result = this.#run(message, (view, run) => !isFalsy(this.#evaluate(view, run)));
    return result === true;
  }

  /** As a transform: the result, as JSON. Refused as `invalid` when it cannot be evaluated for this message. */
  apply(message: Message): Uint8Array | Refusal {
    const json = this.#run(message, (view, run) => write(this.#evaluate(view, run), run));
    return typeof json === 'string' ? encoder.encode(json) : json;
  }

  #run<R>(message: Message, evaluate: (view: Run['root'], run: Run) => R): R | Refusal {
    try {
      const view = viewOf(message);
      return evaluate(view, new Run(view));
    } catch (fault) {
      if (!(fault instanceof ExpressionFault)) throw fault;
      return refuse('invalid', `The expression ${quote(this.text)} cannot be evaluated for this message: ${fault.message}.`);
    }
  }
}

/** Compiles, or refuses as `invalid`: the sentence says where the fault is, in UTF-16 units from 0. */
export function compileExpression(text: string): Expression | Refusal {
  if (text.length > EXPRESSION_LENGTH_MAX) {
    return refuse('invalid', `An expression of ${text.length} characters is too long; at most ${EXPRESSION_LENGTH_MAX} are possible.`);
  }
  const ast = parse(text);
  if ('refused' in ast) return ast;
  try {
    return new Expression(text, build(ast));
  } catch (fault) {
    if (!(fault instanceof CompileFault)) throw fault;
    return faulty(text, placeOf(fault.word, text), fault.message);
  }
}

/** The body a target gets by its transform. */
export function applyTransform(transform: Expression, message: Message): Uint8Array | Refusal {
  return transform.apply(message);
}

let loaded: Library | undefined;

/** Loaded when the first expression comes: 3 to 4 ms that most processes never spend. */
function library(): Library {
  loaded ??= createRequire(import.meta.url)('@jmespath-community/jmespath') as Library;
  return loaded;
}

function parse(text: string): Ast | Refusal {
  const broken = lexicalFault(text);
  if (broken !== undefined) return faulty(text, broken.at, broken.why);
  const fault = attempt(() => library().compile(text));
  if (typeof fault !== 'string') return fault;
  if (fault.includes('call stack')) return faulty(text, 0, 'it is nested too deep');
  const at = grammaticalFault(text, fault);
  return faulty(
    text,
    at,
    at >= text.length ? 'it ends too early' : `this cannot stand here (${fault.replace(/^syntax error[:,]? /i, '')})`,
  );
}

/** What `work` answers, or the sentence it fails with. The library knows no other way to say no, and no type for it. */
function attempt<R>(work: () => R): R | string {
  try {
    return work();
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

/** Quoted pieces as the lexer cuts them, each with the quote that closes it, and single characters. */
const PIECES = /"(?:\\["\\]|[^"])*("?)|'(?:\\['\\]|[^'])*('?)|`(?:\\[`\\]|[^`])*(`?)|./gsu;

/** The first piece that is no word, sign, text or JSON; undefined: there is none. */
function lexicalFault(text: string): { at: number; why: string } | undefined {
  for (const { 0: piece, 1: double, 2: single, 3: back, index } of text.matchAll(PIECES)) {
    const closed = double ?? single ?? back;
    // The library takes the end of the expression for the single quote that is missing.
    if (closed === '') return { at: index, why: `this ${piece[0]} is never closed` };
    if (typeof attempt(() => library().tokenize(piece)) !== 'string') continue;
    return {
      at: index,
      why: closed !== undefined ? `between ${piece[0]} and ${piece[0]} stands no valid JSON` : 'this character means nothing',
    };
  }
  return undefined;
}

/**
 * The parser does not say where it stopped. It reads from left to right: cut off before the fault, the expression fails for another
 * reason or not at all; cut off behind it, for the same. So the fault is found by halving.
 */
function grammaticalFault(text: string, fault: string): number {
  const starts = library()
    .tokenize(text)
    .map(({ start }) => start);
  let least = 0;
  let most = starts.length;
  while (least < most) {
    const middle = (least + most) >>> 1;
    if (attempt(() => library().compile(text.slice(0, starts[middle + 1] ?? text.length))) === fault) most = middle;
    else least = middle + 1;
  }
  return fault.includes('EOF') ? text.length : (starts[least] ?? text.length);
}

/** Where `word` first stands outside quotes; the beginning when there is none. */
function placeOf(word: string | undefined, text: string): number {
  if (word === undefined) return 0;
  const token = library()
    .tokenize(text)
    .find(({ start }) => text.startsWith(word, start) && !/^[\w$]/.test(text.slice(start + word.length)));
  return token?.start ?? 0;
}

function faulty(text: string, at: number, why: string): Refusal {
  return refuse('invalid', `The expression ${quote(text)} has a fault at character ${at}: ${why}.`);
}

/** Short, and harmless in a log. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
