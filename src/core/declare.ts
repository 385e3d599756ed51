/** Deciding declarations, removals and bindings: what is valid, what is there already, what stands against it. */

import type { Binding, Declaration, Kind, TopicSpec } from '../model/declaration.ts';
import { DEFAULT_TENANT, MAIN_LINE } from '../model/message.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import { checkLabels, checkName, checkSpec } from './check-spec.ts';
import type { Entry } from './entry.ts';
import type { State, Tenant, Topic } from './state.ts';

/** Nothing to do is an empty list: it is there already, just so. */
export function decideDeclare(state: State, tenant: Tenant, spec: Declaration, nowMs: number): readonly Entry[] | Refusal {
  const fault = checkName(spec.name) ?? checkSpec(spec);
  if (fault !== undefined) return refuse('invalid', `The ${spec.kind} "${printable(spec.name)}" cannot be declared: ${fault}.`);
  const declared: Entry = { kind: 'declared', id: state.nextId, tenant: tenant.name, spec, nowMs };
  switch (spec.kind) {
    case 'queue': {
      const known = tenant.queues.get(spec.name);
      if (known === undefined) return [declared];
      return alike(known.spec, spec) ? [] : conflict(known.spec, spec);
    }
    case 'topic': {
      const known = tenant.topics.get(spec.name);
      if (known === undefined) return [declared];
      if (alike(known.spec, spec)) return [];
      if ((spec.partitions ?? 1) < known.partitions.length) return lowered(known, spec);
      const { partitions: _, ...before } = known.spec;
      const { partitions, ...after } = spec;
      // Raised as it stands: labels are changed by `alter` alone.
      return alike(before, after)
        ? [{ ...declared, spec: { ...known.spec, ...(partitions && { partitions }) } }]
        : conflict(known.spec, spec);
    }
    case 'exchange': {
      const known = tenant.router.exchange(spec.name);
      if (known === undefined) return [declared];
      return alike(known, spec) ? [] : conflict(known, spec);
    }
    case 'user': {
      const rules = spec.rules ?? state.users.get(spec.name)?.rules;
      return [rules === undefined ? declared : { ...declared, spec: { ...spec, rules } }];
    }
    case 'tenant': {
      const known = state.tenantSpecs.get(spec.name);
      return known !== undefined && same(known, spec) ? [] : [{ ...declared, tenant: spec.name }];
    }
  }
}

/** A topic with other properties than it has. What it holds stays; its partitions may be raised. */
export function decideAlter(state: State, tenant: Tenant, spec: TopicSpec, nowMs: number): readonly Entry[] | Refusal {
  const fault = checkName(spec.name) ?? checkSpec(spec);
  if (fault !== undefined) return refuse('invalid', `The topic "${printable(spec.name)}" cannot be altered: ${fault}.`);
  const known = tenant.topics.get(spec.name);
  if (known === undefined) return refuse('unknown', `There is no topic "${spec.name}" to alter. Declare it first.`);
  if ((spec.partitions ?? 1) < known.partitions.length) return lowered(known, spec);
  return [{ kind: 'declared', id: state.nextId, tenant: tenant.name, spec, nowMs }];
}

function lowered(known: Topic, { name, partitions = 1 }: TopicSpec): Refusal {
  return refuse('conflict', `Topic "${name}" has ${known.partitions.length} partitions; they can be raised, not lowered to ${partitions}.`);
}

export function decideRemove(
  state: State,
  tenant: Tenant,
  what: Kind,
  name: string,
  options: { ifUnused?: boolean; ifEmpty?: boolean } | undefined,
  inUse: boolean,
): readonly Entry[] | Refusal {
  const missing = refuse('unknown', `There is no ${what} "${printable(name)}" to remove.`);
  const removed: readonly Entry[] = [{ kind: 'removed', tenant: what === 'tenant' ? name : tenant.name, what, name }];
  if (what === 'queue') {
    const queue = tenant.queues.get(name);
    if (queue === undefined) return missing;
    if (options?.ifEmpty === true && queue.ready + queue.delayed + queue.inFlight > 0) {
      return refuse('conflict', `Queue "${name}" still holds messages. Consume or purge them, or remove it without ifEmpty.`);
    }
    if (options?.ifUnused === true && inUse)
      return refuse('conflict', `Queue "${name}" still has consumers. Cancel them, or remove it without ifUnused.`);
    return removed;
  }
  if (what === 'topic') {
    if (!tenant.topics.has(name)) return missing;
    return options?.ifUnused === true && inUse
      ? refuse('conflict', `Topic "${name}" is still read by groups. Let them leave first.`)
      : removed;
  }
  if (what === 'exchange') {
    if (tenant.router.exchange(name) === undefined) return missing;
    const fault = tenant.router.checkRemove(name, options);
    return fault ?? removed;
  }
  if (what === 'group') {
    if (!tenant.groups.has(name)) return missing;
    return inUse ? refuse('conflict', `Group "${name}" still has members. Let them leave first.`) : removed;
  }
  if (what === 'tenant') return decideRemoveTenant(state, name) ?? (state.tenantNames().has(name) ? removed : missing);
  return state.users.has(name) ? removed : missing;
}

function decideRemoveTenant(state: State, name: string): Refusal | undefined {
  if (name === DEFAULT_TENANT) return refuse('forbidden', `Tenant "${name}" is always there and cannot be removed.`);
  for (const user of state.users.values())
    if (user.tenant === name) return refuse('conflict', `Tenant "${name}" is that of user "${user.name}". Remove the user first.`);
  return undefined;
}

export function decideBind(tenant: Tenant, binding: Binding): readonly Entry[] | Refusal {
  const wrong = checkLabels(binding.labels);
  if (wrong !== undefined) return refuse('invalid', `A binding of exchange "${printable(binding.exchange)}" cannot be made: ${wrong}.`);
  const fault = tenant.router.check(binding);
  if (fault !== undefined) return fault;
  return tenant.router.has(binding) ? [] : [{ kind: 'bound', tenant: tenant.name, binding }];
}

export function decideUnbind(tenant: Tenant, binding: Binding): readonly Entry[] | Refusal {
  const { exchange, to, pattern, labels } = binding;
  if (exchange === MAIN_LINE && to.kind === 'topic' && pattern === to.name && labels === undefined) {
    return refuse('invalid', `Topic "${to.name}" always takes what is published to its own name. Remove the topic instead.`);
  }
  if (tenant.router.exchange(exchange) === undefined) return refuse('unknown', `There is no exchange "${exchange}".`);
  return [{ kind: 'unbound', tenant: tenant.name, binding }];
}

function conflict(known: object, asked: object): Refusal {
  const differing: string[] = [];
  const a = known as Record<string, unknown>;
  const b = asked as Record<string, unknown>;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (key !== 'labels' && !same(a[key], b[key]))
      differing.push(`${key} is ${JSON.stringify(a[key]) ?? 'not set'}, asked for ${JSON.stringify(b[key]) ?? 'not set'}`);
  }
  return refuse(
    'conflict',
    `${String(a.kind)} "${String(a.name)}" exists with other properties: ${differing.join('; ')}. Declare it as it is, or remove it first.`,
  );
}

/** Says the same, whatever the labels. */
function alike(a: object, b: object): boolean {
  return same({ ...a, labels: undefined }, { ...b, labels: undefined });
}

/** Equal as JSON, whatever the order of properties. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([x], [y]) => (x < y ? -1 : 1)))
      : v,
  );
}

function printable(name: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return String(name).replaceAll(/[\u0000-\u001f\u007f]/g, '?');
}
