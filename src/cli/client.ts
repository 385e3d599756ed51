/** Talks to a running broker by its HTTP door: finds it, asks it, and makes its refusals into sentences and exit codes. */

import type { ClientRequest, Agent as HttpAgent, IncomingMessage, RequestOptions } from 'node:http';
import { join, resolve } from 'node:path';
import { exitOfCode, Failure } from './exits.ts';
import { type Option, text } from './options.ts';
import { isStale, readRunning } from './running.ts';
import { addressOf } from './screen.ts';
import { DATA_DEFAULT } from './settings.ts';

/** Not imported: a module that imports node:http has all its exports looked at, and some load a second HTTP client. */
const { Agent, request: requestHttp } = process.getBuiltinModule('node:http');

/** How the commands that need a running broker find it. */
export const CONNECTION: Readonly<Record<'data' | 'url' | 'token', Option<string | undefined>>> = {
  data: text('DIR', `The data directory of the broker that is meant. Default ${DATA_DEFAULT}.`, { env: 'SIGNALBOX_DATA', of: 'directory' }),
  url: text('URL', 'Where its HTTP door is, instead of looking into the data directory.', { env: 'SIGNALBOX_URL' }),
  token: text('TOKEN', 'Who asks, once there are users. Better given by the environment, where others do not see it.', {
    env: 'SIGNALBOX_TOKEN',
  }),
};

export interface Connection {
  readonly data: string | undefined;
  readonly url: string | undefined;
  readonly token: string | undefined;
}

/** Parameters that are undefined are left out; of a list, each is given. */
export type Query = Readonly<Record<string, string | number | boolean | readonly (string | number)[] | undefined>>;

export interface Ask {
  readonly query?: Query;
  readonly body?: Uint8Array | object;
  /** The body's type, when it is bytes. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What a broker says when it refuses: RFC 9457, with what had been published before it did. */
interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly path?: string;
  readonly published?: { readonly count: number };
}

/** The broker's no. */
export class Refusal extends Failure {
  readonly problem: Problem;

  constructor(problem: Problem) {
    const where = problem.path === undefined || problem.path === '' ? '' : ` (at ${problem.path})`;
    super(exitOfCode(problem.code), `${problem.detail}${where}`, { code: problem.code });
    this.problem = problem;
  }
}

export class Client {
  readonly url: URL;
  readonly #token: string | undefined;
  readonly #absent: () => string;
  readonly #agent: HttpAgent = new Agent({ keepAlive: true, maxSockets: 4 });

  /** Throws `Failure('unreachable')` when nothing says that a broker runs there. */
  static find({ data, url, token }: Connection): Client {
    if (url !== undefined)
      return new Client(checkedUrl(url), token, () => `No broker answers at ${url}; start one with "signalbox start".`);
    const directory = data ?? DATA_DEFAULT;
    const absent = `No broker is running on ${directory}; start one with "signalbox start", or say where one is with --url.`;
    const running = readRunning(resolve(directory));
    if (running === undefined) throw new Failure('unreachable', absent);
    const stale = `${absent} (${join(directory, 'running.json')} was left behind by process ${running.pid}, which did not end well.)`;
    if (isStale(running)) throw new Failure('unreachable', stale);
    const { http } = running.doors;
    if (http === undefined) {
      throw new Failure(
        'unreachable',
        `The broker on ${directory} (process ${running.pid}) has no HTTP door open, by which this command speaks; start it with --http PORT.`,
      );
    }
    return new Client(new URL(addressOf('http', reachable(running.host), http)), token, () => stale);
  }

  private constructor(url: URL, token: string | undefined, absent: () => string) {
    this.url = url;
    this.#token = token;
    this.#absent = absent;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  /** The answer as JSON; undefined when it has no body. Throws `Refusal`, `Failure('unreachable')`. */
  async ask<T>(method: string, path: string, ask: Ask = {}): Promise<T> {
    const bytes = await wholeOf(await this.open(method, path, ask));
    return (bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'))) as T;
  }

  /** As `ask`, but the answer's bytes as they came. */
  async bytes(method: string, path: string, ask: Ask = {}): Promise<Uint8Array> {
    return wholeOf(await this.open(method, path, ask));
  }

  /** An answer of 2xx, its body still to be read. */
  async open(method: string, path: string, { query = {}, body, type, headers, signal }: Ask = {}): Promise<IncomingMessage> {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) params.append(name, String(one));
    }
    // Not by way of `URL`, which would walk up at a name that is two dots.
    const target = `${this.url.pathname.replace(/\/$/, '')}${path}${params.size === 0 ? '' : `?${params}`}`;
    const bytes = body === undefined ? undefined : body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    const options: RequestOptions = {
      method,
      path: target,
      headers: {
        ...this.headers,
        ...(bytes === undefined ? {} : { 'content-type': type ?? 'application/json', 'content-length': bytes.length }),
        ...headers,
      },
      ...(signal === undefined ? {} : { signal }),
    };
    const request = this.#request(options);
    const reply = await new Promise<IncomingMessage>((done, fail) => {
      request.once('response', done);
      request.once('error', fail);
      request.end(bytes);
    }).catch((error: unknown) => {
      throw this.failureOf(error);
    });
    const status = reply.statusCode ?? 0;
    if (status >= 200 && status < 300) return reply;
    throw problemOf(await wholeOf(reply), `${this.url.origin}${target}`, status);
  }

  /** An error of the connection as a sentence. */
  failureOf(error: unknown): Error {
    const { code, name } = error as NodeJS.ErrnoException;
    if (name === 'AbortError' || error instanceof Failure) return error as Error;
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EHOSTUNREACH') {
      return new Failure('unreachable', this.#absent(), { cause: error });
    }
    return new Failure('unreachable', `The connection to the broker at ${this.url.origin} broke off (${(error as Error).message}).`, {
      cause: error,
    });
  }

  /** Lets go of idle connections, so that the process can end. */
  close(): void {
    this.#agent.destroy();
  }

  #request(options: RequestOptions): ClientRequest {
    if (this.url.protocol === 'http:') return requestHttp(this.url, { ...options, agent: this.#agent });
    return process.getBuiltinModule('node:https').request(this.url, options);
  }
}

/** Reads it to its end. Throws `Failure('unreachable')` when it breaks off. */
async function wholeOf(reply: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of reply) chunks.push(chunk as Buffer);
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new Failure('unreachable', `The broker's answer broke off (${(error as Error).message}).`, { cause: error });
  }
  return Buffer.concat(chunks);
}

function problemOf(bytes: Buffer, target: string, status: number): Failure {
  try {
    const problem = JSON.parse(bytes.toString('utf8')) as Partial<Problem>;
    if (typeof problem.code === 'string' && typeof problem.detail === 'string') return new Refusal(problem as Problem);
  } catch {
    // It is no JSON: something else than a broker answers there.
  }
  return new Failure('failed', `What answers there is no signalbox: ${target} was answered with status ${status}.`);
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new Failure('usage', `--url is ${JSON.stringify(text)}; give an address such as http://127.0.0.1:7465.`);
  }
  return url;
}

/** Who listens on every address is reached by loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** One piece of a path; names hold whatever they like. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}
