/** Lists of declared things, as the HTTP door gives them: page by page, in order of name. */

import type { Client } from './client.ts';

/** What can be listed, by the word for many of them. */
export const KINDS = { topic: 'topics', queue: 'queues', exchange: 'exchanges', group: 'groups', user: 'users' } as const;

export type Kind = keyof typeof KINDS;

/** A declared thing: its properties, and how it is doing. */
export interface Described {
  readonly kind: Kind;
  readonly name: string;
  readonly state: Readonly<Record<string, unknown>>;
  readonly [property: string]: unknown;
}

export async function listAll(client: Client, kind: Kind): Promise<Described[]> {
  const found: Described[] = [];
  let after: string | undefined;
  do {
    const page: { items: Described[]; next?: string } = await client.ask('GET', `/v1/${KINDS[kind]}`, { query: { after } });
    found.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return found;
}
