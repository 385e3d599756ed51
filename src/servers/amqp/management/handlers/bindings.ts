/** Bindings: listed, made and undone. */

import type { Binding } from '../../../../model/declaration.ts';
import { bindingOf } from '../../binding.ts';
import { noExchange, noQueue } from '../../faults.ts';
import type { Site } from '../../link.ts';
import { bindingRefused, findQueue } from '../../queues.ts';
import { type Ask, argumentsIn, type Given, type Handle, NO_CONTENT, notFound, textOf } from '../ask.ts';
import { listed } from '../listing.ts';
import { bindingJson, ownBinding, propertiesKeyOf } from '../shapes.ts';
import { exchangeNamed } from './exchanges.ts';

/** All of a virtual host, those to queues by their names first. */
export async function bindingsIn({ engine }: Site): Promise<Binding[]> {
  const [queues, topics, exchanges] = await Promise.all([
    engine.list('queue'),
    engine.list('topic', { brief: true }),
    engine.list('exchange'),
  ]);
  const own = [...queues, ...topics].flatMap((one) => ('spec' in one ? [ownBinding(one.spec.name)] : []));
  return [...own, ...exchanges.flatMap((one) => (one.kind === 'exchange' ? one.bindings : []))];
}

export const listBindings: Handle = async (ask) => {
  const sites = await ask.sites();
  const rows = await Promise.all(sites.map(async (site) => (await bindingsIn(site)).map((binding) => bindingJson(site.vhost, binding))));
  return { value: listed(rows.flat(), ask.call.query) };
};

interface Pair {
  readonly site: Site;
  readonly source: string;
  readonly to: Binding['to'];
}

/** The two ends in the path; `to` as the broker knows it. */
async function pairIn(ask: Ask): Promise<Pair> {
  const site = await ask.site();
  const name = ask.name('destination');
  if (ask.name('kind') === 'e')
    return { site, source: exchangeNamed(ask.name('source')), to: { kind: 'exchange', name: exchangeNamed(name) } };
  if (ask.name('kind') !== 'q') throw notFound();
  const known = await findQueue(site, name);
  return {
    site,
    source: exchangeNamed(ask.name('source')),
    to: { kind: known !== undefined && known.spec === undefined ? 'topic' : 'queue', name },
  };
}

async function between({ site, source, to }: Pair): Promise<Binding[]> {
  const all = await bindingsIn(site);
  return all.filter(
    (one) => one.exchange === source && one.to.name === to.name && (one.to.kind === 'exchange') === (to.kind === 'exchange'),
  );
}

export const listBetween: Handle = async (ask) => {
  const pair = await pairIn(ask);
  return {
    value: listed(
      (await between(pair)).map((binding) => bindingJson(pair.site.vhost, binding)),
      ask.call.query,
    ),
  };
};

/** The one that the path names by its properties key, as it is or decoded once more. */
async function named(ask: Ask): Promise<Pair & { readonly binding: Binding }> {
  const pair = await pairIn(ask);
  const key = ask.name('key');
  const binding = (await between(pair)).find((one) => [propertiesKeyOf(one), decodeURIComponent(propertiesKeyOf(one))].includes(key));
  if (binding === undefined) throw notFound();
  return { ...pair, binding };
}

export const describeBinding: Handle = async (ask) => {
  const { site, binding } = await named(ask);
  return { value: bindingJson(site.vhost, binding) };
};

export const postBinding: Handle = async (ask) => {
  const pair = await pairIn(ask);
  const binding = await bind(pair, await ask.given());
  return { status: 201, headers: { location: [pair.to.name, propertiesKeyOf(binding)].map(encodeURIComponent).join('/') } };
};

/** Makes it. Throws `AmqpFault`. */
export async function bind({ site, source, to }: Pair, given: Given): Promise<Binding> {
  const { house, engine, vhost } = site;
  if ((await house.describe('exchange', source)) === undefined) throw noExchange(source, vhost);
  const there = to.kind === 'exchange' ? await house.describe('exchange', to.name) : await findQueue(site, to.name);
  if (there === undefined) throw to.kind === 'exchange' ? noExchange(to.name, vhost) : noQueue(to.name, vhost);
  const binding = await bindingOf(house, source, to, textOf(given.routing_key), argumentsIn(given.arguments));
  await engine.bind(binding).catch(async (error: unknown) => {
    throw await bindingRefused(site, error, source, to);
  });
  return binding;
}

export const removeBinding: Handle = async (ask) => {
  const { site, binding, source, to } = await named(ask);
  await site.engine.unbind(binding).catch(async (error: unknown) => {
    throw await bindingRefused(site, error, source, to);
  });
  return NO_CONTENT;
};
