/** The emitter façade does what Node's EventEmitter does: the same script is played to both, and what they say is compared. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { EventBus } from '../../src/events/bus.ts';
import type { BusFailure } from '../../src/events/bus-handlers.ts';

type Both = Pick<
  EventEmitter,
  | 'on'
  | 'once'
  | 'off'
  | 'emit'
  | 'addListener'
  | 'removeListener'
  | 'prependListener'
  | 'prependOnceListener'
  | 'removeAllListeners'
  | 'listeners'
  | 'rawListeners'
  | 'listenerCount'
  | 'eventNames'
  | 'setMaxListeners'
  | 'getMaxListeners'
>;

/** Scripts: each is given an emitter and a pen. */
const scripts: Readonly<Record<string, (emitter: Both, write: (...words: unknown[]) => void) => void>> = {
  'listeners, in order, with all arguments and the emitter as this': (emitter, write) => {
    emitter.on('a', function (this: unknown, ...args: unknown[]) {
      write('first', this === emitter, ...args);
    });
    emitter.addListener('a', (...args: unknown[]) => write('second', ...args));
    write(emitter.emit('a', 1, 'two', undefined), emitter.emit('b'), emitter.emit('a'));
  },
  'once, prepended, both': (emitter, write) => {
    emitter.on('a', () => write('on'));
    emitter.once('a', () => write('once'));
    emitter.prependListener('a', () => write('prepended'));
    emitter.prependOnceListener('a', () => write('prepended once'));
    emitter.emit('a');
    emitter.emit('a');
  },
  'the same listener twice; off takes the newest': (emitter, write) => {
    const listener = (): void => write('called');
    emitter.on('a', listener).on('a', () => write('between'));
    emitter.on('a', listener);
    emitter.off('a', listener);
    emitter.emit('a');
    emitter.removeListener('a', listener).removeListener('a', listener);
    write(emitter.listenerCount('a'));
    emitter.emit('a');
  },
  'newListener and removeListener': (emitter, write) => {
    const listener = (): void => {};
    emitter.on('newListener', (type, added) => write('new', type, added === listener));
    emitter.on('removeListener', (type, removed) => write('removed', type, removed === listener));
    emitter.on('a', listener);
    emitter.once('b', listener);
    emitter.off('a', listener);
    emitter.emit('b');
    emitter.on('c', listener).on('c', listener);
    emitter.removeAllListeners('c');
    emitter.on('d', listener);
    emitter.removeAllListeners();
    emitter.on('e', listener);
    write(emitter.eventNames());
  },
  'what can be asked': (emitter, write) => {
    const listener = (): void => {};
    const name = Symbol('s');
    emitter.on('a', listener).once('a', listener).on(name, listener);
    write(emitter.listeners('a').length, emitter.listeners('a')[1] === listener);
    const raw = emitter.rawListeners('a')[1] as { (): void; listener?: unknown };
    write(raw !== listener, raw.listener === listener);
    raw();
    write(emitter.listenerCount('a'), emitter.listenerCount('a', listener), emitter.listenerCount('none'));
    write(emitter.eventNames(), emitter.emit(name), emitter.getMaxListeners(), emitter.setMaxListeners(3).getMaxListeners());
  },
  'error without a listener is thrown, with one it is not': (emitter, write) => {
    const attempt = (...args: unknown[]): void => {
      try {
        write(emitter.emit('error', ...args));
      } catch (cause) {
        write(cause instanceof Error, (cause as Error).message.includes('oh'));
      }
    };
    attempt(new Error('oh'));
    attempt('oh');
    emitter.on('error', (cause: Error) => write('heard', cause.message));
    attempt(new Error('oh'));
  },
  'a single listener that throws': (emitter, write) => {
    emitter.on('a', () => {
      throw new Error('mine');
    });
    try {
      emitter.emit('a');
    } catch (cause) {
      write((cause as Error).message);
    }
  },
  'changes while it emits are for the next time': (emitter, write) => {
    emitter.on('a', () => {
      write('outer');
      emitter.on('a', () => write('inner'));
    });
    emitter.emit('a');
    write(emitter.listenerCount('a'));
  },
  'what is no listener': (emitter, write) => {
    try {
      emitter.on('a', 'no' as never);
    } catch (cause) {
      write((cause as Error).name, (cause as { code?: string }).code);
    }
  },
  'names of all objects are names like others': (emitter, write) => {
    for (const type of ['__proto__', 'constructor', 'toString', 'a.*', '#']) {
      write(emitter.emit(type));
      emitter.on(type, () => write(type));
      write(emitter.emit(type));
    }
    write(emitter.emit('a.b'));
  },
};

function play(script: (emitter: Both, write: (...words: unknown[]) => void) => void, emitter: Both): unknown[][] {
  const written: unknown[][] = [];
  script(emitter, (...words) => written.push(words));
  return written;
}

describe('like EventEmitter', () => {
  for (const [name, script] of Object.entries(scripts)) {
    test(name, () => {
      const theirs = play(script, new EventEmitter());
      assert.ok(theirs.length > 0);
      // Symbols are made anew by each.
      assert.deepEqual(String(play(script, new EventBus().emitter as unknown as Both).map(text)), String(theirs.map(text)));
    });
  }

  test('it can be waited for by node:events', async () => {
    const { emitter } = new EventBus();
    const waiting = once(emitter as never, 'ready');
    emitter.emit('ready', 1, 2);
    assert.deepEqual(await waiting, [1, 2]);
    assert.deepEqual(emitter.eventNames(), []);
  });

  test('too many listeners of one type are warned of once', (t) => {
    const warned = t.mock.method(process, 'emitWarning', () => {});
    const { emitter } = new EventBus();
    for (let count = 0; count < 15; count++) emitter.on('a', () => {});
    assert.equal(warned.mock.callCount(), 1);
    assert.equal(warned.mock.calls[0]?.arguments[1], 'MaxListenersExceededWarning');
  });
});

describe('unlike EventEmitter, being a bus', () => {
  test('one that throws stops no other; emit throws the first, onError hears of the rest', () => {
    const failures: BusFailure[] = [];
    const bus = new EventBus({ onError: (failure) => failures.push(failure) });
    const seen: string[] = [];
    for (const name of ['x', 'y'])
      bus.emitter.on('a', () => {
        throw new Error(name);
      });
    bus.subscribe('a', () => {
      throw new Error('z');
    });
    bus.emitter.on('a', () => seen.push('last'));
    assert.throws(() => bus.emitter.emit('a'), /^Error: x$/);
    assert.deepEqual(seen, ['last']);
    assert.deepEqual(
      failures.map(({ cause }) => (cause as Error).message),
      ['y', 'z'],
    );
    // By publish there is nobody to throw it to.
    assert.equal(bus.publish('a', 0), 4);
    assert.equal(failures.length, 5);
  });

  test('an emit inside an emit throws to its own caller', () => {
    const { emitter } = new EventBus();
    const seen: string[] = [];
    emitter.on('inner', () => {
      throw new Error('inner');
    });
    emitter.on('outer', () => {
      assert.throws(() => emitter.emit('inner'), /inner/);
      seen.push('caught');
    });
    assert.equal(emitter.emit('outer'), true);
    assert.deepEqual(seen, ['caught']);
  });

  test('both sides hear of each other', () => {
    const bus = new EventBus();
    const seen: unknown[] = [];
    bus.emitter.on('a', (...args: unknown[]) => seen.push(['listener', ...args]));
    bus.subscribe('a', (data, type) => seen.push(['handler', data, type]));
    bus.subscribe('#', (data) => seen.push(['pattern', data]));
    bus.emitter.emit('a', 1, 2);
    bus.publish('a', 3);
    assert.deepEqual(seen, [
      ['listener', 1, 2],
      ['handler', 1, 'a'],
      ['pattern', 1],
      ['listener', 3],
      ['handler', 3, 'a'],
      ['pattern', 3],
    ]);
  });
});

function text(words: readonly unknown[]): string {
  return words.map((word) => (Array.isArray(word) ? `[${text(word)}]` : String(word))).join(' ');
}
