import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../exec.ts';
import { withLock } from '../lock.ts';
import { writeFileWhole } from '../write-file.ts';

/** Whose stand-in a key is, as its name says it. */
export const SIGNERS = {
  docker: 'Docker',
  'nvidia-container-toolkit': 'NVIDIA container toolkit',
  'amazon-ecs': 'Amazon ECS',
  'aws-cli': 'AWS CLI',
  'ubuntu-archive': 'Ubuntu archive',
} as const;

export type Signer = keyof typeof SIGNERS;

/** A key of the lab, which signs in the place of somebody's. */
export type SigningKey = {
  readonly signer: Signer;
  /** 40 hex digits, in capitals. */
  readonly fingerprint: string;
  /** The public half, armored. */
  readonly publicKey: string;
  readonly publicKeyFile: string;
  readonly secretKeyFile: string;
};

/** Every key has the same age, and may have expired since (`expiredCopy`). */
const CREATED = '20240101T000000';
const SHORTENED = '20240102T000000';

/**
 * A home of gpg's for a moment, at a short path: a path of the cache may be too long for the socket of its agent, and
 * nobody would end that.
 */
async function withHome<T>(work: (gpg: (...args: string[]) => Promise<string>, home: string) => Promise<T>) {
  const home = await mkdtemp(join(tmpdir(), 'lab-gpg-'));
  const common = ['--homedir', home, '--batch', '--no-tty', '--yes', '--passphrase', '', '--pinentry-mode', 'loopback'];
  try {
    return await work((...args) => run('gpg', [...common, ...args]), home);
  } finally {
    await run('gpgconf', ['--homedir', home, '--kill', 'all'], { accept: [0, 1, 2] });
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The fingerprint in what `gpg --with-colons` printed of one key. @throws Error when there is none */
function fingerprintIn(colons: string): string {
  const found = /^fpr:+([0-9A-F]{40}):/m.exec(colons)?.[1];
  if (found === undefined) throw new Error('gpg made no key');
  return found;
}

async function makeKey(signer: Signer, files: Pick<SigningKey, 'publicKeyFile' | 'secretKeyFile'>): Promise<void> {
  await withHome(async (gpg) => {
    const name = `ecs-host lab stand-in (${SIGNERS[signer]})`;
    await gpg('--faked-system-time', CREATED, '--quick-generate-key', name, 'ed25519', 'sign', 'never');
    await writeFileWhole(files.secretKeyFile, `${await gpg('--armor', '--export-secret-keys')}\n`, 0o600);
    await writeFileWhole(files.publicKeyFile, `${await gpg('--armor', '--export')}\n`);
  });
}

async function readKey(folder: string, signer: Signer): Promise<SigningKey | null> {
  const publicKeyFile = join(folder, `${signer}.asc`);
  const publicKey = await readFile(publicKeyFile, 'utf8').catch(() => null);
  if (publicKey === null) return null;
  const colons = await withHome((gpg) => gpg('--with-colons', '--show-keys', publicKeyFile));
  return {
    signer,
    fingerprint: fingerprintIn(colons),
    publicKey,
    publicKeyFile,
    secretKeyFile: join(folder, `${signer}.secret.asc`),
  };
}

/** The lab's key for a signer, kept in the cache and made by whoever asks first. Images hold its public half. */
export async function ensureKey(cache: string, signer: Signer): Promise<SigningKey> {
  const folder = join(cache, 'official', 'keys');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept = await readKey(folder, signer);
  if (kept !== null) return kept;
  return withLock(join(folder, `${signer}.lock`), async () => {
    const meanwhile = await readKey(folder, signer);
    if (meanwhile !== null) return meanwhile;
    await makeKey(signer, {
      publicKeyFile: join(folder, `${signer}.asc`),
      secretKeyFile: join(folder, `${signer}.secret.asc`),
    });
    const made = await readKey(folder, signer);
    if (made === null) throw new Error(`the key in ${folder} cannot be read`);
    return made;
  });
}

/** What stand-in base images know as Ubuntu's key. */
export function ensureArchiveKey(cache: string): Promise<SigningKey> {
  return ensureKey(cache, 'ubuntu-archive');
}

/** A signature over a file that stands beside it: armored (`.asc`) or not (`.sig`). */
export async function signFile(key: SigningKey, file: string, form: 'armored' | 'binary'): Promise<Buffer> {
  return withHome(async (gpg, home) => {
    const signature = join(home, 'signature');
    await gpg('--quiet', '--import', key.secretKeyFile);
    await gpg(...(form === 'armored' ? ['--armor'] : []), '--output', signature, '--detach-sign', file);
    return readFile(signature);
  });
}

export type SignedText = { readonly inRelease: string; readonly release: string; readonly signature: string };

/** A release in the three files that apt knows: with its signature inside, and the two apart. */
export async function signRelease(key: SigningKey, release: string): Promise<SignedText> {
  return withHome(async (gpg, home) => {
    const file = join(home, 'Release');
    await writeFile(file, release);
    await gpg('--quiet', '--import', key.secretKeyFile);
    const inRelease = `${await gpg('--digest-algo', 'SHA512', '--clearsign', '--output', '-', file)}\n`;
    const signature = `${await gpg('--digest-algo', 'SHA512', '--armor', '--detach-sign', '--output', '-', file)}\n`;
    return { inRelease, release, signature };
  });
}

/** The same key, with the same fingerprint, which says of itself that it expired long ago. */
export async function expiredCopy(key: SigningKey): Promise<string> {
  return withHome(async (gpg) => {
    await gpg('--quiet', '--import', key.secretKeyFile);
    await gpg('--faked-system-time', SHORTENED, '--quick-set-expire', key.fingerprint, '1m');
    return `${await gpg('--armor', '--export')}\n`;
  });
}
