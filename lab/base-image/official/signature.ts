import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../exec.ts';

/**
 * Pure: whether gpgv's status lines say that this primary key made a good signature. A list may have signatures of
 * further keys, which are not in the keyring; they say nothing. The last field of VALIDSIG is the primary key's
 * fingerprint.
 */
export function isSignedBy(status: string, fingerprint: string): boolean {
  const lines = status.split('\n').filter((line) => line.startsWith('[GNUPG:] '));
  if (lines.some((line) => /^\[GNUPG:\] (?:BADSIG|REVKEYSIG|EXPSIG) /.test(line))) return false;
  return lines.some((line) => line.startsWith('[GNUPG:] VALIDSIG ') && line.trim().split(' ').at(-1) === fingerprint);
}

/** Whether the pinned key signed a text. @param keyring binary; whatever else is in it is not trusted */
export async function isSigned(signed: {
  readonly text: Buffer;
  readonly signature: Buffer;
  readonly keyring: Buffer;
  readonly fingerprint: string;
}): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-signature-'));
  try {
    const file = async (name: string, content: Buffer): Promise<string> => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    const keyring = await file('keyring.gpg', signed.keyring);
    const files = [await file('signature', signed.signature), await file('text', signed.text)];
    const status = await run('gpgv', ['--homedir', folder, '--status-fd', '1', '--keyring', keyring, ...files], {
      accept: [0, 1, 2],
    });
    return isSignedBy(status, signed.fingerprint);
  } finally {
    await rm(folder, { recursive: true });
  }
}
