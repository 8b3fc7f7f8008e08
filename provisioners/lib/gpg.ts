import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, tool } from './tool.ts';

/** Pure: fingerprints of the primary keys in what `gpg --with-colons --show-keys` printed. */
export function primaryFingerprints(colons: string): string[] {
  const found: string[] = [];
  let isPrimary = false;
  for (const line of colons.split('\n')) {
    const fields = line.split(':');
    if (fields[0] === 'pub') isPrimary = true;
    else if (fields[0] === 'sub') isPrimary = false;
    else if (fields[0] === 'fpr' && isPrimary) {
      found.push(fields[9] ?? '');
      isPrimary = false;
    }
  }
  return found;
}

/**
 * Pure: whether gpg's status lines say that this primary key made a good signature. The last field of VALIDSIG is the
 * primary key's fingerprint. A key that has expired since our copy was taken is still the pinned key; a revoked one is
 * not trusted.
 */
export function isSignedBy(status: string, fingerprint: string): boolean {
  const lines = status.split('\n').filter((line) => line.startsWith('[GNUPG:] '));
  const has = (word: string): boolean => lines.some((line) => line.startsWith(`[GNUPG:] ${word}`));
  if (has('BADSIG') || has('ERRSIG') || has('REVKEYSIG') || has('EXPSIG ')) return false;
  return lines.some((line) => line.startsWith('[GNUPG:] VALIDSIG ') && line.trim().split(' ').at(-1) === fingerprint);
}

async function withKeyring<T>(work: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'gpg-'));
  try {
    return await work(home);
  } finally {
    await ask`gpgconf --homedir ${home} --kill all`;
    await rm(home, { recursive: true, force: true });
  }
}

/** @throws Error unless the file holds exactly the one pinned key */
export function requireKey(file: string, fingerprint: string): Promise<void> {
  return withKeyring(async (home) => {
    const { stdout } = await tool`gpg --homedir ${home} --batch --with-colons --show-keys ${file}`;
    const found = primaryFingerprints(stdout);
    if (found.length !== 1 || found[0] !== fingerprint)
      throw new Error(`${file} holds the keys ${found.join(', ') || '(none)'}, and ${fingerprint} is pinned`);
  });
}

/** @throws Error unless the pinned key, which is in `keyFile`, signed the file */
export function requireSignature(options: {
  readonly file: string;
  readonly signature: string;
  readonly keyFile: string;
  readonly fingerprint: string;
}): Promise<void> {
  return withKeyring(async (home) => {
    const { file, signature, keyFile, fingerprint } = options;
    await requireKey(keyFile, fingerprint);
    await tool`gpg --homedir ${home} --batch --import ${keyFile}`;
    const { stdout, stderr } = await ask`gpg --homedir ${home} --batch --status-fd 1 --verify ${signature} ${file}`;
    if (!isSignedBy(stdout, fingerprint))
      throw new Error(`${file} is not signed by ${fingerprint}: ${stderr.trim().split('\n').at(-1) ?? 'no signature'}`);
  });
}
