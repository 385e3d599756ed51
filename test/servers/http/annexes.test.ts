/** Paths that other doors furnish: found after the door's own, past its guard, loaded when they are first asked for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnnexCall, Annexes } from '../../../src/servers/annexes.ts';
import { basicOf } from '../../../src/servers/basic.ts';
import { opened } from './opened.ts';

test('an annex answers for its roots and what is below them, and for nothing else', async (t) => {
  const annexes = new Annexes();
  const { ask } = await opened(t, { annexes });
  let loads = 0;
  const remove = annexes.add({
    roots: ['/api', '/'],
    load: async () => {
      loads++;
      return async ({ method, path, query, headers, body, isLoopback }) => ({
        status: 201,
        headers: { 'x-method': method },
        body: JSON.stringify({ path, query: [...query], user: basicOf(headers.authorization), body: String(await body()), isLoopback }),
      });
    },
  });
  assert.equal((await ask('GET', '/livez')).status, 200, 'the door knows this itself');
  assert.equal(loads, 0);
  const authorization = `Basic ${Buffer.from('ann:a:b').toString('base64')}`;
  const { status, json, headers } = await ask('PATCH', '/api/queues/%2F/a?x=1', { body: 'hello', headers: { authorization } });
  assert.deepEqual(
    [status, headers.get('x-method'), json],
    [
      201,
      'PATCH',
      { path: '/api/queues/%2F/a', query: [['x', '1']], user: { user: 'ann', secret: 'a:b' }, body: 'hello', isLoopback: true },
    ],
  );
  for (const path of ['/', '/api']) assert.equal((await ask('GET', path)).status, 201, path);
  for (const path of ['/apis', '/other']) assert.equal((await ask('GET', path)).status, 404, path);
  assert.equal((await ask('GET', '/api', { headers: { origin: 'http://elsewhere.example' } })).status, 403, 'the guard stands before it');
  assert.equal(loads, 1);
  remove();
  assert.equal((await ask('GET', '/api')).status, 404);
});

test('what an annex throws is answered as any fault of the door', async (t) => {
  const annexes = new Annexes();
  const { ask } = await opened(t, { annexes });
  const fails = async (call: AnnexCall): Promise<never> => {
    await call.body(4);
    throw new Error('a secret of the inside');
  };
  annexes.add({ roots: ['/api'], load: async () => fails });
  const failed = await ask('POST', '/api', { body: 'abcd' });
  assert.equal(failed.status, 500);
  assert.doesNotMatch(failed.text, /secret/);
  assert.equal((await ask('POST', '/api', { body: 'abcde' })).status, 413);
});

test('credentials are read of a header of that scheme only', () => {
  assert.deepEqual(basicOf('basic YTo='), { user: 'a', secret: '' });
  for (const header of [undefined, '', 'Bearer YTo=', 'Basic YQ==', 'Basic ?']) assert.equal(basicOf(header), undefined, header);
});
