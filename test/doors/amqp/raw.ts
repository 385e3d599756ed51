/** A client that says exactly what a test wants it to say: frames by hand over a plain socket. */

import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type Args, decodeMethod, encodeMethod, FRAME, FrameReader, type Method, type MethodName } from '../../../src/wire/amqp/amqp.ts';

export const GREETING: Buffer = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

export function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(payload.length + 8);
  bytes[0] = type;
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(payload.length, 3);
  bytes.set(payload, 7);
  bytes[payload.length + 7] = 0xce;
  return bytes;
}

export function method<M extends MethodName>(channel: number, name: M, args: Args<M>): Buffer {
  return frame(FRAME.method, channel, encodeMethod(name, args));
}

/** A content header of so many bytes of body, without properties or with those given. */
export function header(channel: number, sizeBytes: number, properties: Uint8Array = new Uint8Array(2)): Buffer {
  const payload = Buffer.alloc(12 + properties.length);
  payload.writeUInt16BE(60, 0);
  payload.writeBigUInt64BE(BigInt(sizeBytes), 4);
  payload.set(properties, 12);
  return frame(FRAME.header, channel, payload);
}

export class RawClient {
  readonly socket: Socket;
  readonly heard: { readonly channel: number; readonly method: Method }[] = [];
  heartbeats = 0;
  /** The first bytes when they were a greeting instead of a frame. */
  greeted: Buffer | undefined;
  readonly closed: Promise<unknown>;
  #woken: () => void = () => undefined;

  constructor(t: TestContext, port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    t.after(() => this.socket.destroy());
    const reader = new FrameReader(
      {
        deaf: false,
        greeting: () => undefined,
        frame: (type, channel, bytes, _view, start, end) => {
          if (type === FRAME.heartbeat) this.heartbeats++;
          if (type === FRAME.method) this.heard.push({ channel, method: decodeMethod(bytes.subarray(start, end)) });
        },
      },
      1 << 20,
    );
    reader.push(GREETING);
    this.socket.on('data', (bytes: Buffer) => {
      if (bytes.subarray(0, 4).toString() === 'AMQP') this.greeted = Buffer.from(bytes);
      else reader.push(bytes);
      this.#woken();
    });
    this.socket.on('close', () => this.#woken());
    this.socket.on('error', () => undefined); // a server may cut us off: that is what some tests are for
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The next method of this name; undefined when the connection closes before. */
  async hears<M extends MethodName>(name: M): Promise<Args<M> | undefined> {
    for (;;) {
      const at = this.heard.findIndex((one) => one.method.name === name);
      if (at >= 0) return this.heard.splice(at, 1)[0]?.method.args as Args<M>;
      if (this.socket.destroyed) return undefined;
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
    }
  }

  async login(response = '\0guest\0guest', capabilities: readonly string[] = ['authentication_failure_close']): Promise<void> {
    this.send(GREETING);
    await this.hears('connection.start');
    this.send(
      method(0, 'connection.start-ok', {
        clientProperties: new Map([['capabilities', new Map(capabilities.map((name) => [name, true]))]]),
        mechanism: 'PLAIN',
        response: Buffer.from(response),
        locale: 'en_US',
      }),
    );
  }

  /** Logs in and opens `/`; `tune` is what it asks for. */
  async open(tune: Partial<Args<'connection.tune-ok'>> = {}, virtualHost = '/'): Promise<void> {
    await this.login();
    await this.hears('connection.tune');
    this.send(
      method(0, 'connection.tune-ok', { channelMax: 2047, frameMax: 131_072, heartbeat: 0, ...tune }),
      method(0, 'connection.open', { virtualHost, reserved1: '', reserved2: false }),
    );
  }

  async openChannel(id = 1): Promise<void> {
    this.send(method(id, 'channel.open', { reserved1: '' }));
    await this.hears('channel.open-ok');
  }

  /** Code and text of the goodbye; `reset` when there was none. */
  async farewell(): Promise<string> {
    const close = await this.hears('connection.close');
    return close === undefined ? 'reset' : `${close.replyCode} ${close.replyText}`;
  }
}
