/** Messages and the schemas they have to fit: a fault is refused to the publisher with its place, or the message goes where the schema says. */

import type { SchemaSpec } from '../model/declaration.ts';
import type { Message } from '../model/message.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Batch } from './batch.ts';
import type { Fault } from './dead-letter.ts';
import { alsoTo, type Route } from './routing/routing.ts';
import type { Destination } from './state.ts';

/**
 * The exchange's schema, for every message, and those of the targets, for what each of them takes as it came. What a transform makes is
 * checked when it is made. Undefined: there is no schema on the way.
 */
export function checkSchemas(batch: Batch, exchange: string, route: Route<Destination>): readonly Fault[] | Refusal | undefined {
  const always = schemasOn(batch.tenant.router.exchange(exchange)?.schema, route);
  const sometimes = route.conditional.some(({ target }) => target.transform === undefined && schemaOf(target.to) !== undefined);
  if (always === undefined && !sometimes) return undefined;
  const faults: Fault[] = [];
  for (let i = 0; i < batch.records.count; i++) {
    const message = batch.message(i);
    const fault = firstFault(batch, always ?? NONE, message, i) ?? (sometimes ? conditionalFault(batch, route, message, i) : undefined);
    if (fault === undefined) continue;
    if ('refused' in fault) return fault;
    faults.push(fault);
  }
  return faults;
}

/** Undefined: it fits. */
export function checkSchema(batch: Batch, schema: SchemaSpec, message: Message, index: number): Fault | Refusal | undefined {
  const fault = batch.rules.fault(schema, message);
  if (fault === undefined) return undefined;
  if (schema.onFault !== undefined && schema.onFault !== 'refuse') return { index, to: schema.onFault, message: fault.message };
  return refuse(
    'schema',
    `Message ${index} of this batch does not fit the schema at ${fault.path || 'its root'}: ${fault.message}. Nothing of the batch was taken; correct it.`,
    fault.path,
  );
}

export function schemaOf(to: Destination): SchemaSpec | undefined {
  return to.kind === 'queue' ? to.queue.spec.schema : to.topic.spec.schema;
}

const NONE: ReadonlySet<SchemaSpec> = new Set();

function schemasOn(own: SchemaSpec | undefined, route: Route<Destination>): ReadonlySet<SchemaSpec> | undefined {
  let schemas: Set<SchemaSpec> | undefined;
  const note = (schema: SchemaSpec | undefined) => {
    if (schema !== undefined) schemas = (schemas ?? new Set()).add(schema);
  };
  note(own);
  for (const { to, transform } of route.targets) if (transform === undefined) note(schemaOf(to));
  return schemas;
}

function firstFault(batch: Batch, schemas: Iterable<SchemaSpec>, message: Message, index: number): Fault | Refusal | undefined {
  for (const schema of schemas) {
    const fault = checkSchema(batch, schema, message, index);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function conditionalFault(batch: Batch, route: Route<Destination>, message: Message, index: number): Fault | Refusal | undefined {
  const schemas = new Set<SchemaSpec>();
  for (const { to, transform } of alsoTo(route, message)) {
    const schema = transform === undefined ? schemaOf(to) : undefined;
    if (schema !== undefined) schemas.add(schema);
  }
  return firstFault(batch, schemas, message, index);
}
