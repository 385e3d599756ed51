/**
 * One process per directory, held by the kernel and not by a file's existence: it ends with the process, whatever ended it, and a
 * recycled process id cannot be taken for the holder.
 *
 * Linux: a listening socket in the abstract name space, which is atomic but seen only within one network name space; and, against a
 * container that shares nothing but the directory, a listening socket in the directory · Windows: a listening pipe · macOS and the
 * BSDs: an open with O_EXLOCK. Names are made from device and inode, so another road to the same directory (a symbolic link, a bind
 * mount) is the same lock. Machines that share a directory over a network do not see each other's locks.
 */

import fs, { promises } from 'node:fs';
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Refused } from '../model/refusal.ts';

/** What `<directory>/lock` holds: only for the text of the error; nothing is decided by it. */
interface Holder {
  readonly pid: number;
  readonly machine: string;
  readonly since: string;
}

/** Ends one of the things that make up a lock. */
type Hold = () => Promise<void>;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** The flag of open(2) for an exclusive lock, where there is one; `fs.constants` does not name it. */
const O_EXLOCK: number | undefined = ['darwin', 'freebsd', 'openbsd'].includes(process.platform) ? 0x20 : undefined;

/** Rejects with `Refused('locked')` when another process, or another opening in this one, holds the directory. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock');
  if (O_EXLOCK !== undefined) return lockFile(directory, path, O_EXLOCK);
  const held: Hold[] = [];
  try {
    held.push(await listen(kernelName(directory)));
    if (process.platform === 'linux') await lockAcrossContainers(directory, held);
    fs.writeFileSync(path, holder(), { mode: 0o600 });
  } catch (error) {
    await letGo(held);
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? locked(directory, path, error) : error;
  }
  return {
    async release() {
      // First the text, then the lock: the other way round this could remove the next holder's.
      await promises.rm(path, { force: true });
      await letGo(held);
    },
  };
}

async function lockFile(directory: string, path: string, exclusive: number): Promise<DirectoryLock> {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = fs.constants;
  const file = await promises.open(path, O_RDWR | O_CREAT | O_NONBLOCK | exclusive, 0o600).catch((error: NodeJS.ErrnoException) => {
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

/** Not awaited, like all that is asked of the directory here: small questions, each of which would wait longer for a thread than for the disk. */
function kernelName(directory: string): string {
  const { dev, ino } = fs.statSync(directory, { bigint: true });
  if (process.platform === 'win32') return `\\\\.\\pipe\\signalbox-${dev}-${ino}`;
  if (process.platform === 'linux' || process.platform === 'android') return `\0signalbox-${dev}-${ino}`;
  throw new Refused(
    'unsupported',
    `On ${process.platform} there is no lock that ends with its process, so ${directory} cannot be opened safely.`,
  );
}

/** Errors of bind(2) on file systems that hold no sockets. There the lock reaches as far as the network name space, no further. */
const NO_SOCKETS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL']);

async function lockAcrossContainers(directory: string, held: Hold[]): Promise<void> {
  // The name of a socket may have 107 bytes; by way of the directory's descriptor it always fits. Closing the server unlinks that
  // name, so the descriptor has to outlive it: in another directory's hands it would be that one's socket.
  const fd = fs.openSync(directory, fs.constants.O_RDONLY);
  held.push(async () => fs.closeSync(fd));
  const path = `/proc/self/fd/${fd}/lock.socket`;
  try {
    // A holder that ended in order has taken its socket away: then there is nobody to ask.
    if (fs.existsSync(path)) {
      if (await answers(path)) throw inUse();
      await removeDead(path);
    }
    held.push(await listen(path));
  } catch (error) {
    if (!NO_SOCKETS.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}

/** Takes the socket of a dead holder away; under a name of its own first, in case a living one has come in its place since we looked. */
async function removeDead(path: string): Promise<void> {
  const aside = `${path}.${process.getBuiltinModule('node:crypto').randomUUID()}`;
  const there = await promises.rename(path, aside).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return false;
    },
  );
  if (!there) return;
  const alive = await answers(aside);
  if (alive) await promises.link(aside, path);
  await promises.unlink(aside);
  if (alive) throw inUse();
}

/** Whether a process listens on this socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((done, fail) => {
    const socket = connect(path, () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') done(false);
      // Its queue of connections is full: so there is somebody.
      else if (error.code === 'EAGAIN') done(true);
      else fail(error);
    });
  });
}

function listen(name: string): Promise<Hold> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', fail);
    // exclusive: workers of node:cluster would otherwise all be given one and the same socket.
    server.listen({ path: name, exclusive: true }, () => {
      server.off('error', fail);
      server.unref();
      done(() => new Promise((closed) => server.close(() => closed())));
    });
  });
}

/** In the reverse order of taking: when the first is free for the next holder, the others are. */
async function letGo(held: readonly Hold[]): Promise<void> {
  for (const close of [...held].reverse()) await close();
}

function holder(): string {
  const value: Holder = { pid: process.pid, machine: hostname(), since: new Date().toISOString() };
  return `${JSON.stringify(value)}\n`;
}

function inUse(): Error {
  return Object.assign(new Error('A process listens on the socket in the directory.'), { code: 'EADDRINUSE' });
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
  const found = /^\{"pid":(\d{1,10}),"machine":"([\w.-]{1,255})"/.exec(text);
  if (found === null) return 'another process';
  const [, pid, machine] = found;
  if (machine !== hostname()) return `process ${pid} of ${machine}`;
  return Number(pid) === process.pid ? `this process (${pid}) already` : `process ${pid}`;
}
