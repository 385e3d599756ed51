/** Log lines: one per event, readable by machines, and no way for a message to forge or disguise another. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimClock } from '../../src/host/simulated/sim-clock.ts';
import { type LogLevel, silentLogger, textLogger } from '../../src/host/text-logger.ts';

const clock = new SimClock({ wallMs: Date.UTC(2026, 0, 31, 12) });

function lines(level?: LogLevel) {
  const out: string[] = [];
  return { out, logger: textLogger(clock, { write: (line) => out.push(line), ...(level === undefined ? {} : { level }) }) };
}

test('logfmt: time, level, event, then the fields that have a value', () => {
  const { out, logger } = lines();
  logger.warn('disk-full', { free: 1024, path: '/a b/c', ok: false, none: undefined, empty: '' });
  assert.deepEqual(out, ['time=2026-01-31T12:00:00.000Z level=warn event=disk-full free=1024 path="/a b/c" ok=false empty=""\n']);
});

test('levels', () => {
  const counts = (['info', 'warn', 'error', 'silent'] as const).map((level) => {
    const { out, logger } = lines(level);
    logger.info('a');
    logger.warn('b');
    logger.error('c');
    return out.length;
  });
  assert.deepEqual(counts, [3, 2, 1, 0]);
  silentLogger.error('nothing happens');
});

test('what could break, colour or turn the line is escaped', () => {
  const { out, logger } = lines();
  logger.error('x', { name: 'a\n\u001b[31m\u202egnp\u0085\u2028\ufeff"\\\ud800', 'k y="': 1 });
  assert.deepEqual(out, [
    'time=2026-01-31T12:00:00.000Z level=error event=x name="a\\u000a\\u001b[31m\\u202egnp\\u0085\\u2028\\ufeff\\"\\\\\\ud800" k_y_\\_=1\n',
  ]);
  const { out: kept, logger: plain } = lines();
  plain.info('x', { name: 'Grüße-日本-😀' });
  assert.match(kept[0] ?? '', / name=Grüße-日本-😀\n$/);
});

test('any texts: one line, no control characters, and every value reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (event, value) => {
      const { out, logger } = lines();
      logger.info(event, { value });
      const line = out[0] ?? '';
      assert.equal(out.length, 1);
      assert.match(line, /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+\n$/u);
      const [, raw = ''] = / value=(.*)\n$/su.exec(line) ?? [];
      assert.equal(raw.startsWith('"') ? JSON.parse(raw) : raw, value);
    }),
    { numRuns: 500 },
  );
});
