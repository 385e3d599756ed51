/** Bindings that differ in their arguments, or in a routing key that means nothing to their exchange, are two. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, subject, unique } from './subject.ts';

test('bindings with other arguments, or another key, are others; a message that several take comes once', async (t) => {
  const { url } = await subject(t);
  const channel = await (await connected(t, url)).createConfirmChannel();
  for (const type of ['direct', 'fanout', 'headers'] as const) {
    const exchange = unique(type);
    await channel.assertExchange(exchange, type, { autoDelete: true });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const match = type === 'headers' ? { 'x-match': 'any', h: 1 } : {};
    const ways = [
      ['k', match],
      ['k', { ...match, a: 1, b: 'x' }],
      [type === 'direct' ? 'k' : 'l', { ...match, b: 'y', ...(type !== 'headers' && { c: { d: [true, null] } }) }],
    ] as const;
    for (const [key, given] of ways) await channel.bindQueue(queue, exchange, key, given);
    await channel.bindQueue(queue, exchange, 'k', { b: 'x', a: 1, ...match });
    const sent = async (): Promise<number> => {
      channel.publish(exchange, 'k', Buffer.from('x'), { headers: { h: 1 } });
      await channel.waitForConfirms();
      return (await channel.purgeQueue(queue)).messageCount;
    };
    assert.equal(await sent(), 1, type);
    for (const [i, [key, given]] of ways.entries()) {
      assert.equal(await sent(), 1, `${type}: ${ways.length - i} are left`);
      await channel.unbindQueue(queue, exchange, key, given);
    }
    // The last one took the exchange with it.
    await assert.rejects(
      connected(t, url).then(async (other) => (await other.createChannel()).checkExchange(exchange)),
      /NOT-FOUND/,
      type,
    );
  }
});
