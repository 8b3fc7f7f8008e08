import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { userError } from '../io/errors.ts';
import { stateFolder } from '../io/paths.ts';
import { ownerName } from '../run/owner.ts';

/** What this machine keeps for dev hosts: the key, known hosts, what was synced last. */
export function devHostsFolder(): string {
  return join(stateFolder(), 'dev-hosts');
}

/** The private key of this user on this machine, for all dev hosts; its public half goes into their user data. */
export function devKeyFile(): string {
  return join(devHostsFolder(), 'id_ed25519');
}

/** As the first of those who make it at once: a link, unlike a rename, replaces nothing. */
async function makeKey(file: string): Promise<void> {
  const folder = await mkdtemp(join(devHostsFolder(), 'new-key-'));
  const made = join(folder, 'id_ed25519');
  try {
    const words = ['-q', '-t', 'ed25519', '-N', '', '-C', `ecs-host ${ownerName()}`, '-f', made];
    await execa('ssh-keygen', words, { stdin: 'ignore' });
    await link(made, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The public half of the key, which is made when there is none. All who make it at once, in one process or in several,
 * end with the same one; the public half is always made of the private one that is there.
 */
export async function ensureDevKey(): Promise<string> {
  const file = devKeyFile();
  await mkdir(devHostsFolder(), { recursive: true, mode: 0o700 });
  if (!existsSync(file)) await makeKey(file);
  const { stdout } = await execa('ssh-keygen', ['-y', '-f', file], { stdin: 'ignore' });
  return stdout.trim();
}

const PUBLIC_KEY =
  /^(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/=]+(?: [^\n]*)?$/;

/**
 * The keys in a file that `--authorize` names. @throws EcsHostError `AUTHORIZED_KEY` (user) when it holds anything but
 * public keys, above all a private one
 */
export async function readPublicKeys(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > 0 && lines.every((line) => PUBLIC_KEY.test(line))) return lines;
  throw userError(
    'AUTHORIZED_KEY',
    `${file} holds no public keys of ssh.`,
    'name the file that ends in .pub, such as ~/.ssh/id_ed25519.pub; a private key stays where it is',
  );
}
