/** The real machine is put together, and takes a logger or makes one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeHost } from '../../src/host/node-host.ts';
import { silentLogger } from '../../src/host/text-logger.ts';

test('logger: lines to where they are wanted, or the one that was given', () => {
  const out: string[] = [];
  const host = nodeHost({ level: 'warn', write: (line) => out.push(line) });
  host.logger.info('quiet');
  host.logger.warn('loud');
  assert.equal(out.length, 1);
  assert.ok(Math.abs(Date.parse(/time=(\S+)/.exec(out[0] ?? '')?.[1] ?? '') - host.clock.wallMs()) < 10_000);
  assert.equal(nodeHost({ logger: silentLogger }).logger, silentLogger);
  assert.equal(host.random.bytes(4).length, 4);
});
