/**
 * One process per directory, held by the kernel and not by a file's existence: it ends with the process, whatever ended it, and a
 * recycled process id cannot be taken for the holder.
 *
 * Linux: a listening socket in the abstract name space · Windows: a listening pipe · macOS and the BSDs: an open with O_EXLOCK.
 * Names are made from device and inode, so another road to the same directory (a symbolic link, a bind mount) is the same lock.
 */

import fs from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Refused } from '../model/refusal.ts';

/** What `<directory>/lock` holds: only for the text of the error; nothing is decided by it. */
interface Holder {
  readonly pid: number;
  readonly machine: string;
  readonly since: string;
}

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Rejects with `Refused('locked')` when another process, or another opening in this one, holds the directory. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock');
  if (O_EXLOCK !== undefined) return lockFile(directory, path, O_EXLOCK);
  const server = await listen(await socketName(directory)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? locked(directory, path, error) : error;
  });
  try {
    await fs.promises.writeFile(path, holder(), { mode: 0o600 });
  } catch (error) {
    await closed(server);
    throw error;
  }
  return {
    async release() {
      // First the text, then the lock: the other way round this could remove the next holder's.
      await fs.promises.rm(path, { force: true });
      await closed(server);
    },
  };
}

/** The flag of open(2) for an exclusive lock, where there is one; `fs.constants` does not name it. */
const O_EXLOCK: number | undefined = ['darwin', 'freebsd', 'openbsd'].includes(process.platform) ? 0x20 : undefined;

async function lockFile(directory: string, path: string, exclusive: number): Promise<DirectoryLock> {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = fs.constants;
  const file = await fs.promises.open(path, O_RDWR | O_CREAT | O_NONBLOCK | exclusive, 0o600).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EAGAIN' ? locked(directory, path, error) : error;
  });
  await file.truncate(0);
  await file.write(holder(), 0);
  return {
    async release() {
      await file.truncate(0);
      await file.close();
    },
  };
}

async function socketName(directory: string): Promise<string> {
  const { dev, ino } = await fs.promises.stat(directory, { bigint: true });
  if (process.platform === 'win32') return `\\\\.\\pipe\\signalbox-${dev}-${ino}`;
  if (process.platform === 'linux' || process.platform === 'android') return `\0signalbox-${dev}-${ino}`;
  throw new Refused(
    'unsupported',
    `On ${process.platform} there is no lock that ends with its process, so ${directory} cannot be opened safely.`,
  );
}

function listen(name: string): Promise<Server> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', fail);
    // exclusive: workers of node:cluster would otherwise all be given one and the same socket.
    server.listen({ path: name, exclusive: true }, () => {
      server.off('error', fail);
      server.unref();
      done(server);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}

function holder(): string {
  const value: Holder = { pid: process.pid, machine: hostname(), since: new Date().toISOString() };
  return `${JSON.stringify(value)}\n`;
}

function locked(directory: string, path: string, cause: unknown): Refused {
  return new Refused('locked', `${directory} is open in ${described(path)}; close it there first, or use another directory.`, { cause });
}

function described(path: string): string {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch {
    return 'another process'; // It may be between taking the lock and writing its name; the lock is what counts.
  }
  const found = /^\{"pid":(\d{1,10}),/.exec(text);
  if (found === null) return 'another process';
  return Number(found[1]) === process.pid ? `this process (${process.pid}) already` : `process ${found[1]}`;
}
