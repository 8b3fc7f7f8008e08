/**
 * A real sshd on an address of its own below 127.0.0.0/8, so that it can have port 22; for tests of what ssh itself
 * does. It lets in the user who runs the tests, by a key of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { SshTarget } from '../../src/host-access/ssh-options.ts';

const SSHD = '/usr/sbin/sshd';
/** sshd as root will not start without it; systemd makes it where sshd is a service. */
const EMPTY_FOLDER = '/run/sshd';

/** Why there can be none here, or null. */
export function noSshd(): string | null {
  if (!existsSync(SSHD)) return 'no sshd (Debian package openssh-server) on this machine';
  return process.getuid?.() === 0 ? null : 'port 22 needs root';
}

export type LocalSshd = {
  readonly target: SshTarget;
  /** As after a host was replaced by another one: with other host keys. */
  restart(options?: { readonly newKey?: boolean; readonly lets?: 'in' | 'nobody in' }): Promise<void>;
  /** Ends it with every connection. */
  kill(): Promise<void>;
};

async function newKey(file: string): Promise<string> {
  await rm(file, { force: true });
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], { stdin: 'ignore' });
  return readFile(`${file}.pub`, 'utf8');
}

async function untilItListens(address: string): Promise<void> {
  for (let left = 500; left > 0; left -= 1) {
    const socket = createConnection({ host: address, port: 22 });
    const answers = await Promise.race([
      once(socket, 'data').then(
        () => true,
        () => false,
      ),
      once(socket, 'close').then(() => false),
    ]);
    socket.destroy();
    if (answers) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no sshd at ${address}`);
}

export async function startLocalSshd(folder: string): Promise<LocalSshd> {
  const address = `127.${randomInt(1, 255)}.${randomInt(0, 255)}.${randomInt(2, 255)}`;
  const keyFile = join(folder, 'id_ed25519');
  const hostKey = join(folder, 'host_key');
  const allowed = join(folder, 'authorized_keys');
  const publicKey = existsSync(keyFile) ? await readFile(`${keyFile}.pub`, 'utf8') : await newKey(keyFile);
  await mkdir(EMPTY_FOLDER, { recursive: true });
  let child: ChildProcess | null = null;
  const kill = async (): Promise<void> => {
    if (child === null || child.pid === undefined) return;
    // The sessions are its children, each with processes of its own.
    const { stdout } = await execa('pgrep', ['-P', String(child.pid)], { reject: false });
    const ended = once(child, 'exit');
    for (const pid of [
      child.pid,
      ...stdout
        .split('\n')
        .filter((line) => line !== '')
        .map(Number),
    ])
      process.kill(pid, 'SIGKILL');
    await ended;
    child = null;
  };
  const start = async (): Promise<void> => {
    const options = [
      `ListenAddress=${address}:22`,
      `HostKey="${hostKey}"`,
      `AuthorizedKeysFile="${allowed}"`,
      'StrictModes=no',
      'PermitRootLogin=yes',
      'UsePAM=no',
      'PasswordAuthentication=no',
      'KbdInteractiveAuthentication=no',
      'PidFile=none',
      'MaxStartups=100',
    ];
    // Also when the tests are killed.
    const bound = ['--pdeathsig', 'KILL', '--', SSHD];
    child = spawn(
      'setpriv',
      [...bound, '-D', '-e', '-f', '/dev/null', ...options.flatMap((option) => ['-o', option])],
      {
        stdio: 'ignore',
      },
    );
    await untilItListens(address);
  };
  await newKey(hostKey);
  await writeFile(allowed, publicKey);
  await start();
  return {
    target: {
      instanceId: 'i-0123456789abcdef0',
      address,
      user: userInfo().username,
      keyFile,
      transport: 'ssh',
      apiRegion: 'us-east-2',
      endpointUrl: null,
    },
    restart: async ({ newKey: isNew = false, lets = 'in' } = {}) => {
      await kill();
      if (isNew) await newKey(hostKey);
      await writeFile(allowed, lets === 'in' ? publicKey : '');
      await start();
    },
    kill,
  };
}
