/** Exchanges: listed, described, declared and removed. */

import type { ExchangeSpec } from '../../../../model/declaration.ts';
import { declareExchange, type ExchangeWish, findExchange, removeExchange } from '../../exchanges.ts';
import type { Site } from '../../link.ts';
import {
  ApiFault,
  type Ask,
  argumentsIn,
  CREATED,
  flagOf,
  type Given,
  type Handle,
  NO_CONTENT,
  notFound,
  refused,
  textOf,
} from '../ask.ts';
import { listed, shown } from '../listing.ts';
import { bindingJson, DEFAULT_EXCHANGE, exchangeJson, ownBinding } from '../shapes.ts';

/** How the exchange without a name is called in paths. */
const DEFAULT_NAME = 'amq.default';

/** Its name as the broker has it. */
export function exchangeNamed(name: string): string {
  return name === DEFAULT_NAME ? '' : name;
}

async function specsOf({ engine }: Site): Promise<ExchangeSpec[]> {
  const all = await engine.list('exchange');
  return [DEFAULT_EXCHANGE, ...all.flatMap(({ kind, ...one }) => (kind === 'exchange' && 'spec' in one ? [one.spec as ExchangeSpec] : []))];
}

export const listExchanges: Handle = async (ask) => {
  const rows = await Promise.all(
    (await ask.sites()).map(async (site) => (await specsOf(site)).map((spec) => exchangeJson(site.vhost, spec))),
  );
  return { value: listed(rows.flat(), ask.call.query) };
};

/** Throws `ApiFault` when there is none. */
async function knownExchange(ask: Ask): Promise<{ site: Site; spec: ExchangeSpec }> {
  const site = await ask.site();
  const name = exchangeNamed(ask.name('name'));
  const spec = name === '' ? DEFAULT_EXCHANGE : await findExchange(site, name);
  if (spec === undefined) throw notFound();
  return { site, spec };
}

export const describeExchange: Handle = async (ask) => {
  const { site, spec } = await knownExchange(ask);
  return { value: shown(exchangeJson(site.vhost, spec), ask.call.query) };
};

/** Reads an exchange's declaration. Throws `ApiFault`. */
export function exchangeWish(name: string, given: Given): ExchangeWish {
  return {
    name,
    type: textOf(given.type, 'direct'),
    durable: flagOf(given.durable ?? true),
    autoDelete: flagOf(given.auto_delete),
    internal: flagOf(given.internal),
    arguments: argumentsIn(given.arguments),
  };
}

export const putExchange: Handle = async (ask) => {
  const site = await ask.site(ask.name('vhost'), new ApiFault(404, 'not_found', 'vhost_not_found'));
  return (await declareExchange(site, exchangeWish(exchangeNamed(ask.name('name')), await ask.given()))) ? CREATED : NO_CONTENT;
};

export const removeOne: Handle = async (ask) => {
  const { site, spec } = await knownExchange(ask);
  if (spec.name === '' || spec.name.startsWith('amq.')) throw refused();
  await removeExchange(site, spec.name, ask.call.query.get('if-unused') === 'true');
  return NO_CONTENT;
};

/** `source`: those that lead from it; `destination`: those that lead to it. */
export const bindingsOfExchange: Handle = async (ask) => {
  const { site, spec } = await knownExchange(ask);
  const end = ask.name('end');
  if (end !== 'source' && end !== 'destination') throw notFound();
  const all = await site.engine.list('exchange');
  const bindings = all.flatMap((one) => (one.kind === 'exchange' ? one.bindings : []));
  const own =
    spec.name === '' && end === 'source'
      ? (await site.engine.list('queue')).flatMap((one) => (one.kind === 'queue' ? [ownBinding(one.spec.name)] : []))
      : [];
  const found = bindings.filter(({ exchange, to }) =>
    end === 'source' ? exchange === spec.name : to.kind === 'exchange' && to.name === spec.name,
  );
  return {
    value: listed(
      [...own, ...found].map((binding) => bindingJson(site.vhost, binding)),
      ask.call.query,
    ),
  };
};
