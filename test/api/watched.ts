/** An engine that is looked at, and slowed, on its way. */

import type { Engine } from '../../src/model/engine.ts';

type Instead = { readonly [K in keyof Engine]?: unknown };

/** The same engine with some methods replaced. */
export function watched(engine: Engine, instead: Instead): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (name in instead) return instead[name as keyof Engine];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
