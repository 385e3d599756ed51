/** What works at a door while its broker is killed: a client, and its ledger of what was confirmed to it. */

export interface Verdict {
  readonly confirmed: number;
  readonly lost: number;
  readonly wrong: readonly string[];
}

export interface Load {
  /** So much was confirmed in this life. */
  readonly confirmed: number;
  /** Connects, and works until the broker is gone. */
  start(port: number): Promise<void>;
  /** The end begins: what is confirmed from now on may be about anything. */
  freeze(): void;
  /** The broker is gone: resolves when nothing works any more. */
  stop(): Promise<void>;
  /** The broker is there again: what is left is compared with what was confirmed. `resumes`: what was not answered is sent again first. */
  verify(port: number, resumes: boolean): Promise<Verdict>;
}

/** Says at most so many things that are wrong. */
export class Wrongs {
  readonly list: string[] = [];
  lost = 0;

  say(text: string): void {
    if (this.list.length < 20) this.list.push(text);
  }

  lose(text: string): void {
    this.lost++;
    this.say(text);
  }
}

export const textOf = (id: number): string => `${id} ${'x'.repeat((id * 7919) % 3000)}`;

/** The number in a text; undefined, and said, when it is not whole. */
export function idIn(text: string, wrongs: Wrongs, where: string): number | undefined {
  const id = Number.parseInt(text, 10);
  if (text === textOf(id)) return id;
  wrongs.say(`${where}: ${text.slice(0, 20)} is not what was sent`);
  return undefined;
}

/** What the promise brings, or `late` when that takes longer than `ms`. */
export async function within<T, L>(ms: number, promise: Promise<T>, late: L): Promise<T | L> {
  const { promise: timeUp, resolve } = Promise.withResolvers<L>();
  const timer = setTimeout(() => resolve(late), ms);
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
