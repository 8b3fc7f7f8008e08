import { isUtf8 } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '#contracts/printable.ts';
import { EcsHostError, userError } from '../io/errors.ts';
import { nearest } from '../io/nearest.ts';
import type { TextCode } from './mistake.ts';

const MOST_BYTES = 1024 * 1024;
/** A pipe gives all of its data within this; nothing here may wait for ever. */
const PIPE_MS = 5000;
const POLL_MS = 20;
/** What the shell's `<(...)` and `|` make. A pipe with a name of its own is none of them: nobody may be writing. */
const SHELL_PIPE = /^\/(?:dev\/stdin|dev\/fd\/\d+|proc\/self\/fd\/\d+)$/;
const ANOTHER = 'name another file with --config';

function unreadable(file: string, why: string, hint = ANOTHER): EcsHostError {
  return userError('CONFIG_UNREADABLE', `${printable(resolve(file), 500)} ${why}.`, hint);
}

/** What lies beside a file that is not there, as a hint. */
async function beside(file: string): Promise<string> {
  if (file === '-') return 'write /dev/stdin to read from a pipe';
  const folder = dirname(resolve(file));
  const names = await readdir(folder).catch(() => null);
  if (names === null) return `there is no folder ${printable(folder, 500)}; ${ANOTHER}`;
  const candidates = names.filter((name) => /\.ya?ml$/i.test(name)).toSorted();
  const close = nearest(basename(file), candidates);
  if (close !== null) return `did you mean ${printable(join(folder, close), 500)}?`;
  const listed = candidates.slice(0, 5).map((name) => printable(name, 60));
  return listed.length === 0
    ? `go to the folder of the checkout, or ${ANOTHER}`
    : `beside it lies ${listed.join(', ')}; ${ANOTHER}`;
}

async function refuseKind(file: string, stats: Stats): Promise<void> {
  if (stats.isFile() || (stats.isFIFO() && SHELL_PIPE.test(file))) return;
  if (stats.isDirectory()) {
    const inside = join(resolve(file), 'hosts.yaml');
    const found = await stat(inside).catch(() => null);
    throw unreadable(file, 'is a folder', found ? `did you mean ${printable(inside, 500)}?` : ANOTHER);
  }
  const kind = stats.isFIFO() ? 'a named pipe' : stats.isSocket() ? 'a socket' : 'a device';
  throw unreadable(file, `is ${kind}, not a file`);
}

/** Reads to the end without ever being held: what is opened without blocking says EAGAIN while a pipe has nothing. */
async function readAll(file: string, handle: FileHandle): Promise<Buffer> {
  const bytes = Buffer.alloc(MOST_BYTES + 1);
  const deadline = Date.now() + PIPE_MS;
  let length = 0;
  while (length < bytes.length) {
    if (Date.now() > deadline) throw unreadable(file, `did not end within ${PIPE_MS / 1000} seconds`);
    const read = await handle.read(bytes, length, bytes.length - length, null).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EAGAIN') return null;
      throw error;
    });
    if (read === null) await sleep(POLL_MS);
    else if (read.bytesRead === 0) return bytes.subarray(0, length);
    else length += read.bytesRead;
  }
  throw unreadable(file, 'is larger than 1 MiB', 'a hosts.yaml is a few kilobytes; is this the right file?');
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    await refuseKind(file, await stat(file));
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    // Another one may have been put in its place meanwhile.
    await refuseKind(file, await handle.stat());
    return await readAll(file, handle);
  } catch (error) {
    if (error instanceof EcsHostError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw unreadable(file, 'does not exist', await beside(file));
    if (code === 'EACCES') throw unreadable(file, 'may not be read by this user', 'change its permissions');
    if (code === 'ELOOP') throw unreadable(file, 'is a link that leads back to itself');
    throw unreadable(file, `cannot be read (${printable(code ?? message, 100)})`);
  }
}

/**
 * The text of a configuration file.
 *
 * @throws EcsHostError (user) `CONFIG_UNREADABLE`, at once, for whatever is no file of at most 1 MiB of UTF-8
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readBytes(file);
  if (isUtf8(bytes)) return new TextDecoder('utf-8').decode(bytes);
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf('\n', start);
    const stop = end === -1 ? bytes.length : end + 1;
    if (!isUtf8(bytes.subarray(start, stop))) break;
    start = stop;
  }
  const isUtf16 = bytes.subarray(0, 2).equals(Buffer.from([0xff, 0xfe])) || bytes[0] === 0xfe;
  throw userError('CONFIG_UNREADABLE', `${printable(file, 500)} is not UTF-8 text.`, 'save it as UTF-8', [
    {
      code: 'NOT_UTF8' satisfies TextCode,
      where: `${printable(file, 500)}:${line}:1`,
      reason: isUtf16 ? 'the file is UTF-16' : 'this line holds bytes that are no UTF-8',
      hint: 'save the file as UTF-8 in the editor',
    },
  ]);
}
