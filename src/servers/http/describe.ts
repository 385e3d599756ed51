/** Descriptions as JSON: what is a map becomes an object, and secrets stay out. */

import type { Binding } from '../../model/declaration.ts';
import type { Description } from '../../model/engine.ts';

export function descriptionJson(description: Description): object {
  switch (description.kind) {
    case 'topic': {
      const { spec, partitions, sizeBytes } = description;
      return { ...spec, state: { partitions, sizeBytes } };
    }
    case 'queue': {
      const { spec, ready, delayed, inFlight, consumers, sizeBytes, totals } = description;
      return { ...spec, state: { ready, delayed, inFlight, consumers, sizeBytes, totals } };
    }
    case 'exchange':
      return { ...description.spec, state: { bindings: description.bindings.map(bindingJson) } };
    case 'group': {
      const { kind, name, members, cursors } = description;
      return { kind, name, state: { members, cursors } };
    }
    case 'user': {
      const { secrets: _hidden, ...shown } = description.spec;
      return { ...shown, state: {} };
    }
    case 'tenant':
      return { ...description.spec, state: {} };
  }
}

export function bindingJson(binding: Binding): object {
  const { headers, ...rest } = binding;
  if (headers === undefined) return rest;
  const values = Object.fromEntries([...headers.values].map(([name, value]) => [name, value ?? null]));
  return { ...rest, headers: { match: headers.match, values } };
}

export function nameOf(description: Description): string {
  return description.kind === 'group' ? description.name : description.spec.name;
}
