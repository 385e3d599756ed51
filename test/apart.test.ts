/** Calls in a thread of their own: what they give comes back, and so does what they throw, else tests by them could not fail. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isMainThread } from 'node:worker_threads';
import { Apart } from './apart.ts';

export async function halfOf(number: number): Promise<{ half: number; isMainThread: boolean }> {
  assert.equal(number % 2, 0, `${number} is odd`);
  return { half: number / 2, isMainThread };
}

export function ends(): never {
  process.exit(3);
}

if (isMainThread) {
  const apart = new Apart(new URL(import.meta.url));
  after(() => apart.close());

  test('values and errors come back', async () => {
    const [four, three, six] = await Promise.allSettled([apart.call('halfOf', 4), apart.call('halfOf', 3), apart.call('halfOf', 6)]);
    assert.deepEqual(four, { status: 'fulfilled', value: { half: 2, isMainThread: false } });
    assert.deepEqual(six, { status: 'fulfilled', value: { half: 3, isMainThread: false } });
    assert.match(three?.status === 'rejected' ? String(three.reason) : '', /3 is odd/);
    await assert.rejects(apart.call('thirdOf', 3), /exports no "thirdOf"/);
  });

  test('a thread that ends answers with that', async () => {
    await assert.rejects(apart.call('ends'), /ended with 3/);
  });
}
