/** Virtual hosts, which are tenants: listed, made and removed with all they hold. */

import type { TenantSpec } from '../../../../model/declaration.ts';
import { Refused } from '../../../../model/refusal.ts';
import type { Door } from '../../door.ts';
import { type Ask, badRequest, CREATED, type Given, type Handle, NO_CONTENT, notFound, textOf } from '../ask.ts';
import { listed, shown } from '../listing.ts';
import { NODE } from '../shapes.ts';
import { ALL, permit } from './users.ts';

const ABOUT_LABEL = 'amqp.description';
const TAGS_LABEL = 'amqp.tags';

function vhostJson({ name, labels = {} }: TenantSpec): Readonly<Record<string, unknown>> {
  const description = labels[ABOUT_LABEL] ?? (name === '/' ? 'Default virtual host' : '');
  const tags = (labels[TAGS_LABEL] ?? '').split(',').filter((tag) => tag !== '');
  return {
    name,
    description,
    tags,
    metadata: { description, tags },
    default_queue_type: 'undefined',
    tracing: false,
    cluster_state: { [NODE]: 'running' },
  };
}

async function specOf(door: Door, name: string): Promise<TenantSpec | undefined> {
  const known = await door.engine.describe('tenant', name);
  return known?.kind === 'tenant' ? known.spec : undefined;
}

/** With how many messages its queues hold. */
async function counted({ engine }: Door, spec: TenantSpec): Promise<Readonly<Record<string, unknown>>> {
  let [ready, unacknowledged] = [0, 0];
  for (const one of await engine.as({ tenant: spec.name }).list('queue')) {
    if (one.kind !== 'queue') continue;
    ready += one.ready;
    unacknowledged += one.inFlight;
  }
  return { ...vhostJson(spec), messages: ready + unacknowledged, messages_ready: ready, messages_unacknowledged: unacknowledged };
}

export const listVhosts: Handle = async (ask) => {
  const specs = await Promise.all((await ask.vhosts()).map((name) => specOf(ask.door, name)));
  const rows = specs.flatMap((spec) => (spec === undefined ? [] : [counted(ask.door, spec)]));
  return { value: listed(await Promise.all(rows), ask.call.query) };
};

export const describeVhost: Handle = async (ask) => {
  const { vhost } = await ask.site();
  const spec = await specOf(ask.door, vhost);
  if (spec === undefined) throw notFound();
  return { value: shown(await counted(ask.door, spec), ask.call.query) };
};

/** Makes it, or gives it another description. Answers whether it is new. */
export async function declareVhost(ask: Ask, name: string, given: Given): Promise<boolean> {
  await ask.checkAdministrator();
  const known = await specOf(ask.door, name);
  const description = textOf(given.description);
  const tags = Array.isArray(given.tags) ? given.tags.map(String).join(',') : textOf(given.tags);
  const labels = { ...(description !== '' && { [ABOUT_LABEL]: description }), ...(tags !== '' && { [TAGS_LABEL]: tags }) };
  if (known !== undefined && Object.keys(labels).length === 0) return false;
  await ask.door.engine.declare({ kind: 'tenant', name, ...(Object.keys(labels).length > 0 && { labels }) });
  return known === undefined;
}

/** Who makes it may do everything in it. */
export const putVhost: Handle = async (ask) => {
  const name = ask.name('vhost');
  if (!(await declareVhost(ask, name, await ask.given()))) return NO_CONTENT;
  if (ask.login.principal !== undefined) await permit(ask, ask.user, name, ALL);
  return CREATED;
};

export const removeVhost: Handle = async (ask) => {
  await ask.checkAdministrator();
  const name = ask.name('vhost');
  try {
    await ask.door.engine.remove('tenant', name);
  } catch (error) {
    if (error instanceof Refused && error.code === 'unknown') throw notFound();
    if (error instanceof Refused) throw badRequest(error.message);
    throw error;
  }
  for (const visitor of [...ask.door.visitors]) if (visitor.vhost === name) visitor.dismiss(320, `vhost '${name}' is deleted`);
  return NO_CONTENT;
};
