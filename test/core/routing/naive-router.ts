/** Routing as its rules read, without a thought for speed: what the router is held against. */

import { bindingId } from '../../../src/core/routing/binding-id.ts';
import { Rendezvous } from '../../../src/core/routing/rendezvous.ts';
import type { Binding, ExchangeSpec } from '../../../src/model/declaration.ts';
import type { HeaderValue, Message } from '../../../src/model/message.ts';

export class NaiveRouter {
  exchanges: readonly ExchangeSpec[];
  bindings: readonly Binding[] = [];

  constructor(builtin: readonly ExchangeSpec[]) {
    this.exchanges = builtin;
  }

  has(name: string): boolean {
    return this.exchanges.some((exchange) => exchange.name === name);
  }

  bind(binding: Binding): void {
    if (!this.bindings.some((other) => sameBinding(other, binding))) this.bindings = [...this.bindings, binding];
  }

  /** Takes bindings away, and exchanges that go with their last one; answers how many bindings went. */
  unbind(goes: (binding: Binding) => boolean): number {
    const gone = this.bindings.filter(goes);
    this.bindings = this.bindings.filter((binding) => !goes(binding));
    let count = gone.length;
    for (const { exchange } of gone) {
      const spec = this.exchanges.find(({ name }) => name === exchange);
      if (spec?.autoDelete === true && !this.bindings.some((other) => other.exchange === exchange)) count += this.remove(exchange);
    }
    return count;
  }

  remove(name: string): number {
    this.exchanges = this.exchanges.filter((exchange) => exchange.name !== name);
    return this.unbind(({ exchange, to }) => exchange === name || (to.kind === 'exchange' && to.name === name));
  }

  /** Where a message published to an exchange ends: `kind name transform`, sorted. undefined: there is no such exchange. */
  route(exchange: string, message: Message): string[] | undefined {
    if (!this.has(exchange)) return undefined;
    const ends = new Set<string>();
    const reached = new Set([exchange]);
    for (const name of reached) {
      const spec = this.exchanges.find((one) => one.name === name);
      if (spec === undefined) continue;
      const took = this.#fitting(spec, message).filter(({ filter }) => filter === undefined || passes(filter, message));
      for (const { to, transform } of took) {
        if (to.kind === 'exchange') reached.add(to.name);
        else ends.add(`${to.kind} ${to.name} ${transform ?? ''}`);
      }
      if (took.length === 0 && spec.alternate !== undefined) reached.add(spec.alternate);
    }
    return [...ends].sort();
  }

  #fitting(spec: ExchangeSpec, message: Message): readonly Binding[] {
    const mine = this.bindings.filter((binding) => binding.exchange === spec.name);
    if (spec.type !== 'consistent-hash') return mine.filter((binding) => fits(spec, binding, message));
    const candidates = new Rendezvous<Binding>();
    for (const binding of mine) candidates.add(bindingId(binding), Number(binding.pattern || 1), binding);
    const header = spec.hashHeader === undefined ? undefined : message.headers.get(spec.hashHeader);
    const chosen = candidates.choose(spec.hashHeader === undefined ? message.address : header === undefined ? '' : `s${header}`);
    return chosen === undefined ? [] : [chosen];
  }
}

function fits(spec: ExchangeSpec, { pattern = '', headers }: Binding, message: Message): boolean {
  switch (spec.type) {
    case 'direct':
      return pattern === message.address;
    case 'topic':
      return wordsFit(words(pattern), words(message.address));
    case 'headers': {
      const holds = ([name, asked]: readonly [string, HeaderValue | undefined]): boolean =>
        asked === undefined ? message.headers.has(name) : message.headers.get(name) === asked;
      const values = [...(headers?.values ?? [])];
      return headers?.match === 'any' ? values.some(holds) : values.every(holds);
    }
    default:
      return true;
  }
}

/** The only filter the model knows: `headers.NAME == 'VALUE'`. */
function passes(filter: string, message: Message): boolean {
  const [, name = '', value] = /^headers\.(\w+) == '(\w+)'$/.exec(filter) ?? [];
  return message.headers.get(name) === value;
}

function words(text: string): string[] {
  return text === '' ? [] : text.split('.');
}

function wordsFit(pattern: readonly string[], address: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return address.length === 0;
  if (first === '#') return wordsFit(rest, address) || (address.length > 0 && wordsFit(pattern, address.slice(1)));
  return address.length > 0 && (first === '*' || first === address[0]) && wordsFit(rest, address.slice(1));
}

export function sameBinding(a: Binding, b: Binding): boolean {
  const values = (x: Binding): string => JSON.stringify([...(x.headers?.values ?? [])].sort());
  return (
    a.exchange === b.exchange &&
    a.to.kind === b.to.kind &&
    a.to.name === b.to.name &&
    (a.pattern ?? '') === (b.pattern ?? '') &&
    a.filter === b.filter &&
    a.transform === b.transform &&
    a.headers?.match === b.headers?.match &&
    values(a) === values(b)
  );
}
