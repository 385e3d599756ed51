/**
 * Calls functions of a module in a thread of their own. The test runner listens to every promise of the threads it runs in, and what makes
 * millions of them, a simulated machine above all, takes twice as long there.
 */

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

type Answer = { readonly value: unknown } | { readonly error: unknown };

export class Apart {
  readonly #worker: Worker;
  readonly #waiting: ((answer: Answer) => void)[] = [];

  constructor(module: URL) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: module.href });
    this.#worker.on('message', (answer: Answer) => this.#waiting.shift()?.(answer));
    // A thread that ends answers nobody any more.
    const end = (error: unknown): void => {
      for (const tell of this.#waiting.splice(0)) tell({ error });
    };
    this.#worker.on('error', end);
    this.#worker.on('exit', (code) => end(new Error(`The thread of ${module.href} ended with ${code}.`)));
  }

  /** Calls an exported function there; arguments and what it gives are copied. Calls are answered in order. Rejects with what it threw. */
  async call<T>(name: string, ...args: unknown[]): Promise<T> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.push(resolve);
      this.#worker.postMessage({ name, args } satisfies Call);
    });
    if ('error' in answer) throw answer.error;
    return answer.value as T;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

if (!isMainThread && typeof workerData === 'string') {
  let turn = Promise.resolve();
  const loaded = import(workerData) as Promise<Readonly<Record<string, (...args: readonly unknown[]) => unknown>>>;
  const run = async (name: string, args: readonly unknown[]): Promise<unknown> => {
    const called = (await loaded)[name];
    if (called === undefined) throw new Error(`${workerData} exports no "${name}".`);
    return called(...args);
  };
  parentPort?.on('message', ({ name, args }: Call) => {
    turn = turn.then(async () => {
      const answer: Answer = await run(name, args).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      parentPort?.postMessage(answer);
    });
  });
}
