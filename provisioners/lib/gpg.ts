import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PinnedKey } from '#contracts/target-config.ts';
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
 * Pure: why gpg's status lines are no proof that this primary key signed, or null when they are. The last field of
 * VALIDSIG is the primary key's fingerprint, its third the time of the signature. A key that has expired by now was
 * good when it was not yet; what it signed later does not count, and neither does what a revoked one signed at any
 * time.
 */
export function signatureProblem(status: string, fingerprint: string): string | null {
  const lines = status.split('\n').flatMap((line) => {
    const [prefix, ...words] = line.trim().split(' ');
    return prefix === '[GNUPG:]' ? [words] : [];
  });
  const wordsOf = (word: string): readonly string[] | undefined => lines.find(([first]) => first === word);
  if (wordsOf('BADSIG')) return 'the signature is of another content';
  if (wordsOf('NO_PUBKEY')) return 'another key signed it';
  if (wordsOf('ERRSIG')) return 'the signature cannot be checked';
  if (wordsOf('REVKEYSIG')) return 'its key was revoked';
  if (wordsOf('EXPSIG')) return 'the signature has expired';
  const valid = wordsOf('VALIDSIG');
  if (valid === undefined || valid.at(-1) !== fingerprint) return 'no signature';
  const expiredS = wordsOf('EXPKEYSIG') === undefined ? null : Number(wordsOf('KEYEXPIRED')?.[1] ?? 0);
  const signedS = Number(valid[3]);
  if (expiredS === null || signedS <= expiredS) return null;
  const [expired, signed] = [expiredS, signedS].map((second) => new Date(second * 1000).toISOString().slice(0, 10));
  return `its key, as it is pinned, expired on ${expired}, and signed on ${signed}`;
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

/** @throws Error unless the pinned key signed the file */
export function requireSignature(options: {
  readonly file: string;
  readonly signature: string;
  readonly pinned: PinnedKey;
}): Promise<void> {
  return withKeyring(async (home) => {
    const { file, signature, pinned } = options;
    const keyFile = join(home, 'pinned.asc');
    await writeFile(keyFile, pinned.key);
    await requireKey(keyFile, pinned.fingerprint);
    await tool`gpg --homedir ${home} --batch --import ${keyFile}`;
    const { stdout } = await ask`gpg --homedir ${home} --batch --status-fd 1 --verify ${signature} ${file}`;
    const problem = signatureProblem(stdout, pinned.fingerprint);
    if (problem !== null) throw new Error(`${file} is not signed by ${pinned.fingerprint}: ${problem}`);
  });
}
