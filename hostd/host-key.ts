import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Ed25519, made once in a boot. It lives below /run, which is memory and not disk, and only root reads it: with it a
 * service that was restarted is the host that shook hands before, and nobody else is.
 */
export const HOST_KEY_PATH = '/run/ecs-host/host-key.pem';

export type HostKey = {
  /** SPKI, base64. */
  readonly publicKey: string;
  /** base64. */
  sign(text: Buffer): string;
};

function asHostKey(privateKey: KeyObject): HostKey {
  return {
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    sign: (text) => sign(null, text, privateKey).toString('base64'),
  };
}

/** The key of this boot; a file that holds none is replaced. */
export async function loadHostKey(path: string = HOST_KEY_PATH): Promise<HostKey> {
  const pem = await readFile(path, 'utf8').catch(() => null);
  if (pem !== null) {
    try {
      return asHostKey(createPrivateKey(pem));
    } catch {
      // Half written by a life that was killed: nobody has seen its public half.
    }
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await rename(`${path}.partial`, path);
  return asHostKey(privateKey);
}
