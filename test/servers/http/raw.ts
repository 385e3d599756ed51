/** HTTP by hand: bytes onto a socket, and what comes back, for requests that no proper client would send. */

import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { until } from './opened.ts';

export interface Raw {
  readonly socket: Socket;
  readonly text: () => string;
  readonly closed: () => boolean;
  write(text: string): void;
  /** Waits for what has come to match. */
  seen(pattern: RegExp): Promise<string>;
  /** Waits for the other side to close. */
  end(): Promise<string>;
}

export function raw(t: TestContext, port: number, first = ''): Raw {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  t.after(() => socket.destroy());
  if (first !== '') socket.write(first, 'latin1');
  return {
    socket,
    text: () => text,
    closed: () => closed,
    write: (more) => socket.write(more, 'latin1'),
    seen: async (pattern) => {
      await until(() => pattern.test(text));
      return text;
    },
    end: async () => {
      await until(() => closed);
      return text;
    },
  };
}
