/** Topic patterns with their values, found by address: whole patterns in a map, those with wildcards in a trie of words. */

import { isExact, wordsOf } from './pattern.ts';

interface Node<V> {
  /** Stands for `#`: stays with every further word. */
  readonly many: boolean;
  words: Map<string, Node<V>> | undefined;
  star: Node<V> | undefined;
  hash: Node<V> | undefined;
  values: Set<V> | undefined;
  /** The step of a search that was last here. */
  step: number;
}

export class TopicTrie<V> {
  readonly #exact = new Map<string, Set<V>>();
  readonly #root: Node<V> = nodeOf(false);
  #step = 0;
  #visited = 0;

  /** How many nodes all searches so far have touched: what a search costs, without a clock. */
  get visited(): number {
    return this.#visited;
  }

  add(pattern: string, value: V): void {
    if (isExact(pattern)) {
      const values = this.#exact.get(pattern);
      if (values === undefined) this.#exact.set(pattern, new Set([value]));
      else values.add(value);
      return;
    }
    let node = this.#root;
    for (const word of plain(pattern)) node = child(node, word) ?? grow(node, word);
    node.values ??= new Set();
    node.values.add(value);
  }

  delete(pattern: string, value: V): void {
    if (isExact(pattern)) {
      const values = this.#exact.get(pattern);
      values?.delete(value);
      if (values?.size === 0) this.#exact.delete(pattern);
      return;
    }
    const words = plain(pattern);
    const path: Node<V>[] = [this.#root];
    for (const word of words) {
      const next = child(path[path.length - 1] ?? this.#root, word);
      if (next === undefined) return;
      path.push(next);
    }
    const end = path[words.length];
    end?.values?.delete(value);
    if (end?.values?.size === 0) end.values = undefined;
    for (let i = words.length; i > 0 && isBare(path[i]); i--) cut(path[i - 1] ?? this.#root, words[i - 1] ?? '');
  }

  /** Adds to `into` the values of every pattern that takes `address`; a value added under two such patterns comes twice. */
  collect(address: string, into: V[]): void {
    const exact = this.#exact.get(address);
    if (exact !== undefined) for (const value of exact) into.push(value);
    let nodes: Node<V>[] = [];
    this.#step++;
    this.#enter(this.#root, nodes);
    for (const word of wordsOf(address)) {
      const next: Node<V>[] = [];
      this.#step++;
      for (const node of nodes) {
        if (node.many) this.#enter(node, next);
        this.#enter(node.words?.get(word), next);
        this.#enter(node.star, next);
      }
      nodes = next;
      if (nodes.length === 0) return;
    }
    for (const node of nodes) if (node.values !== undefined) for (const value of node.values) into.push(value);
  }

  /** Once per step, by however many ways: so no pattern, `#` a hundred times over, costs more than its nodes times the words. */
  #enter(node: Node<V> | undefined, into: Node<V>[]): void {
    if (node === undefined || node.step === this.#step) return;
    node.step = this.#step;
    this.#visited++;
    into.push(node);
    this.#enter(node.hash, into);
  }
}

/** The words of a pattern, with `#.#` as the one `#` it means: so a `#` never follows a `#`, and `#enter` goes at most two deep. */
function plain(pattern: string): string[] {
  return wordsOf(pattern).filter((word, i, all) => word !== '#' || all[i - 1] !== '#');
}

function nodeOf<V>(many: boolean): Node<V> {
  return { many, words: undefined, star: undefined, hash: undefined, values: undefined, step: 0 };
}

function child<V>(node: Node<V>, word: string): Node<V> | undefined {
  return word === '#' ? node.hash : word === '*' ? node.star : node.words?.get(word);
}

function grow<V>(node: Node<V>, word: string): Node<V> {
  const grown = nodeOf<V>(word === '#');
  if (word === '#') node.hash = grown;
  else if (word === '*') node.star = grown;
  else {
    node.words ??= new Map();
    node.words.set(word, grown);
  }
  return grown;
}

function cut<V>(node: Node<V>, word: string): void {
  if (word === '#') node.hash = undefined;
  else if (word === '*') node.star = undefined;
  else {
    node.words?.delete(word);
    if (node.words?.size === 0) node.words = undefined;
  }
}

function isBare<V>(node: Node<V> | undefined): boolean {
  return node !== undefined && node.values === undefined && node.words === undefined && node.star === undefined && node.hash === undefined;
}
