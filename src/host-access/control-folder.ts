import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const CONTROL = 'control';
/** Room for the path of a unix socket, less what ssh appends while it makes one. */
const MAX_SOCKET_PATH = 107 - 18;
const FORM = /^ecs-host-ssh-(\d+)-/;

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** What a killed process left beside its key; a process that has its number now only makes it stay a while longer. */
async function removeOld(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(FORM.exec(name)?.[1] ?? process.pid);
    if (isGone(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/**
 * The place of one connection's socket: each has its own, so that none ends another's. Beside the key; only where that
 * path is too long for a socket, in the temporary folder.
 */
export async function makeControlFolder(keyFile: string): Promise<string> {
  const beside = dirname(keyFile);
  const longest = join(beside, `ecs-host-ssh-${process.pid}-123456`, CONTROL).length;
  const parent = longest > MAX_SOCKET_PATH ? tmpdir() : beside;
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeOld(parent);
  return mkdtemp(join(parent, `ecs-host-ssh-${process.pid}-`));
}
