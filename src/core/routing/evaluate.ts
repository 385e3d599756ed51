/**
 * Turns a parsed JMESPath expression into functions that evaluate it.
 *
 * The library parses; evaluating is done here, because its interpreter sees inherited members (`constructor`) as fields of a message, takes
 * data for expressions (`{"expref": true}`), and lets a publisher or a binding hold the process for as long as they like.
 * Every loop pays for its rounds, every function for its data; what stands outside loops is bounded by the length of the expression.
 */

import type { compile } from '@jmespath-community/jmespath';
import { type Argument, FUNCTIONS, type JsonFunction } from './functions.ts';
import { ExpressionFault, equal, isArray, isFalsy, isObject, type Json, member, type Run, type Scope, sliced } from './json.ts';

/** A parsed expression. */
export type Ast = ReturnType<typeof compile>;
type Node<K extends Ast['type']> = Extract<Ast, { readonly type: K }>;

export type Evaluate = (value: Json, run: Run) => Json;

/** Parentheses, steps of a path, operands of a chain: so deep may an expression be. */
export const EXPRESSION_DEPTH_MAX = 400;

/** Why an expression cannot be evaluated by anyone, with the word that is at fault. */
export class CompileFault extends Error {
  /** Its first place in the expression is where the fault is. */
  readonly word: string | undefined;

  constructor(message: string, word?: string) {
    super(message);
    this.word = word;
  }
}

/** What is known while building: the variables in sight, the depth, and how many nodes there have been so far. */
interface Site {
  readonly variables: ReadonlySet<string>;
  readonly depth: number;
  readonly built: { nodes: number };
}

/** Throws `CompileFault`. */
export function build(ast: Ast): Evaluate {
  return expression(ast, { variables: new Set(), depth: 0, built: { nodes: 0 } });
}

function expression(node: Ast, at: Site): Evaluate {
  if (at.depth > EXPRESSION_DEPTH_MAX) throw new CompileFault(`it is nested deeper than ${EXPRESSION_DEPTH_MAX}`);
  at.built.nodes++;
  const site = { ...at, depth: at.depth + 1 };
  switch (node.type) {
    case 'Field':
      return (
        (name) => (value) =>
          member(value, name)
      )(node.name);
    case 'Literal':
      return (
        (literal: Json) => () =>
          literal
      )(node.value as Json);
    case 'Current':
    case 'Identity':
      return (value) => value;
    case 'Root':
      return (_value, run) => run.root;
    case 'Variable':
      return variable(node.name, site);
    case 'Index':
      return (
        (index) => (value: Json) =>
          isArray(value) ? (value.at(index) ?? null) : null
      )(node.value);
    case 'Slice':
      return slice(node);
    case 'Subexpression':
      return subexpression(expression(node.left, site), expression(node.right, site));
    case 'IndexExpression':
    case 'Pipe':
      return pipe(expression(node.left, site), expression(node.right, site));
    case 'Projection':
      return projection(node.left, node.right, site);
    case 'ValueProjection':
      return valueProjection(node.left, node.right, site);
    case 'FilterProjection':
      return filterProjection(node, site);
    case 'Flatten':
      return flatten(expression(node.child, site));
    case 'MultiSelectList':
      return list(node.children.map((child) => expression(child, site)));
    case 'MultiSelectHash':
      return hash(node.children.map((child) => [child.name, expression(child.value, site)]));
    case 'Function':
      return call(node, site);
    case 'LetExpression':
      return letIn(node, site);
    case 'Ternary':
      return ternary(expression(node.condition, site), expression(node.trueExpr, site), expression(node.falseExpr, site));
    case 'OrExpression':
      return either(expression(node.left, site), expression(node.right, site), true);
    case 'AndExpression':
      return either(expression(node.left, site), expression(node.right, site), false);
    case 'NotExpression':
      return not(expression(node.child, site));
    case 'Comparator':
      return comparison(node.name, expression(node.left, site), expression(node.right, site));
    case 'Arithmetic':
    case 'Unary':
      return arithmetic(node, site);
    case 'ExpressionReference':
      throw new CompileFault('& stands only before an argument of a function', '&');
    case 'Binding':
      throw new CompileFault('= stands only in let; to compare, write ==', '=');
  }
}

function subexpression(left: Evaluate, right: Evaluate): Evaluate {
  return (value, run) => {
    const found = left(value, run);
    return found === null ? null : right(found, run);
  };
}

function pipe(left: Evaluate, right: Evaluate): Evaluate {
  return (value, run) => right(left(value, run), run);
}

/** The body of a loop, and what one round of it costs: the nodes it is made of. */
function priced(node: Ast, site: Site): { body: Evaluate; price: number } {
  const before = site.built.nodes;
  const body = expression(node, site);
  return { body, price: site.built.nodes - before };
}

function each(items: readonly Json[], body: Evaluate, run: Run, price: number): Json[] {
  const made: Json[] = [];
  for (const item of items) {
    run.spend(price);
    const result = body(item, run);
    if (result !== null) made.push(result);
  }
  return made;
}

function projection(left: Ast, right: Ast, site: Site): Evaluate {
  const source = expression(left, site);
  const { body, price } = priced(right, site);
  // A slice of a string is parsed as a projection, but is one value.
  const mayBeText = left.type === 'IndexExpression' && left.right.type === 'Slice';
  return (value, run) => {
    const base = source(value, run);
    if (mayBeText && typeof base === 'string') return body(base, run);
    return isArray(base) ? each(base, body, run, price) : null;
  };
}

function valueProjection(left: Ast, right: Ast, site: Site): Evaluate {
  const source = expression(left, site);
  const { body, price } = priced(right, site);
  return (value, run) => {
    const base = source(value, run);
    return isObject(base) ? each(Object.values(base), body, run, price) : null;
  };
}

function filterProjection({ left, right, condition }: Node<'FilterProjection'>, site: Site): Evaluate {
  const source = expression(left, site);
  const test = priced(condition, site);
  const { body, price } = priced(right, site);
  const kept: Evaluate = (item, run) => (isFalsy(test.body(item, run)) ? null : body(item, run));
  return (value, run) => {
    const base = source(value, run);
    return isArray(base) ? each(base, kept, run, price + test.price) : null;
  };
}

function flatten(child: Evaluate): Evaluate {
  return (value, run) => {
    const base = child(value, run);
    if (!isArray(base)) return null;
    let size = base.length;
    for (const item of base) if (item !== null && isArray(item)) size += item.length;
    run.spend(size);
    return base.flat() as Json[];
  };
}

function slice({ start, stop, step }: Node<'Slice'>): Evaluate {
  const by = step ?? 1;
  if (by === 0) throw new CompileFault('the step of a slice cannot be 0');
  return (value, run) => {
    if (typeof value === 'string') {
      run.spend(value.length);
      return sliced([...value], start, stop, by).join('');
    }
    if (value === null || !isArray(value)) return null;
    run.spend(value.length);
    return sliced(value, start, stop, by);
  };
}

function list(children: readonly Evaluate[]): Evaluate {
  return (value, run) => children.map((child) => child(value, run));
}

function hash(children: readonly (readonly [string, Evaluate])[]): Evaluate {
  return (value, run) => {
    const made = Object.create(null) as Record<string, Json>;
    for (const [name, child] of children) made[name] = child(value, run);
    return made;
  };
}

function call(node: Node<'Function'>, site: Site): Evaluate {
  const fn: JsonFunction | undefined = FUNCTIONS.get(node.name);
  if (fn === undefined) throw new CompileFault(`there is no function ${node.name}()`, node.name);
  const given = node.children.length;
  if (given < fn.least || given > fn.most) {
    const takes = fn.least === fn.most ? `${fn.least}` : fn.most === Infinity ? `at least ${fn.least}` : `${fn.least} to ${fn.most}`;
    throw new CompileFault(`${node.name}() takes ${takes} ${takes === '1' ? 'argument' : 'arguments'} and gets ${given}`, node.name);
  }
  const args = node.children.map((child) => argument(child, site));
  return (value, run) => {
    run.spend(1);
    return fn.call(
      args.map((arg) => arg(value, run)),
      run,
    );
  };
}

function argument(node: Ast, site: Site): (value: Json, run: Run) => Argument {
  if (node.type !== 'ExpressionReference') return expression(node, site);
  const { body, price } = priced(node.child, site);
  return (_value, run) => (value) => {
    run.spend(price);
    return body(value, run);
  };
}

function variable(name: string, site: Site): Evaluate {
  if (!site.variables.has(name)) throw new CompileFault(`there is no variable $${name} here`, `$${name}`);
  return (_value, run) => {
    let scope: Scope | undefined = run.scope;
    while (scope !== undefined && scope.name !== name) scope = scope.outer;
    return scope?.value ?? null;
  };
}

function letIn(node: Node<'LetExpression'>, site: Site): Evaluate {
  const bound = node.bindings.map((binding) => {
    if (binding.type !== 'Binding' || typeof binding.variable !== 'string') throw new CompileFault('let needs $name = expression', 'let');
    return [binding.variable, expression(binding.reference, site)] as const;
  });
  const body = expression(node.expression, { ...site, variables: new Set([...site.variables, ...bound.map(([name]) => name)]) });
  return (value, run) => {
    const outer = run.scope;
    let scope = outer;
    for (const [name, reference] of bound) scope = { name, value: reference(value, run), outer: scope };
    run.scope = scope;
    const result = body(value, run);
    run.scope = outer;
    return result;
  };
}

function not(child: Evaluate): Evaluate {
  return (value, run) => isFalsy(child(value, run));
}

function ternary(condition: Evaluate, yes: Evaluate, no: Evaluate): Evaluate {
  return (value, run) => (isFalsy(condition(value, run)) ? no(value, run) : yes(value, run));
}

/** `||` goes on to the right when the left is falsy, `&&` when it is not. */
function either(left: Evaluate, right: Evaluate, whenFalsy: boolean): Evaluate {
  return (value, run) => {
    const result = left(value, run);
    return isFalsy(result) === whenFalsy ? right(value, run) : result;
  };
}

function comparison(name: Node<'Comparator'>['name'], left: Evaluate, right: Evaluate): Evaluate {
  if (name === 'EQ') return (value, run) => equal(left(value, run), right(value, run), run);
  if (name === 'NE') return (value, run) => !equal(left(value, run), right(value, run), run);
  return (value, run) => {
    const a = left(value, run);
    const b = right(value, run);
    // Only numbers have an order; anything else is neither more nor less.
    if (typeof a !== 'number' || typeof b !== 'number') return null;
    return name === 'GT' ? a > b : name === 'GTE' ? a >= b : name === 'LT' ? a < b : a <= b;
  };
}

function arithmetic(node: Node<'Arithmetic' | 'Unary'>, site: Site): Evaluate {
  const operation = OPERATIONS.get(node.operator);
  if (operation === undefined) throw new CompileFault(`there is no operator ${node.operator}`);
  const left: Evaluate = node.type === 'Unary' ? () => 0 : expression(node.left, site);
  const right = expression(node.type === 'Unary' ? node.operand : node.right, site);
  return (value, run) => {
    const a = left(value, run);
    const b = right(value, run);
    if (typeof a !== 'number' || typeof b !== 'number') throw new ExpressionFault('it calculates with something that is no number');
    const result = operation(a, b);
    if (!Number.isFinite(result)) throw new ExpressionFault('it divides by zero or leaves the range of numbers');
    return result;
  };
}

const OPERATIONS: ReadonlyMap<string, (a: number, b: number) => number> = new Map([
  ['Plus', (a, b) => a + b],
  ['Minus', (a, b) => a - b],
  ['Multiply', (a, b) => a * b],
  ['Star', (a, b) => a * b],
  ['Divide', (a, b) => a / b],
  ['Modulo', (a, b) => a % b],
  ['Div', (a, b) => Math.floor(a / b)],
]);
