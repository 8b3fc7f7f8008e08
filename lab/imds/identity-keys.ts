import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../exec.ts';
import type { LabPaths } from '../paths.ts';
import { writeFileWhole } from '../write-file.ts';

/**
 * The lab's own key pair in place of AWS's; the certificate verifies `signature`, `pkcs7` and `rsa2048` of identity
 * documents.
 */
export type IdentityKeys = {
  readonly privateKey: KeyObject;
  readonly privateKeyFile: string;
  readonly certificatePem: string;
  readonly certificateFile: string;
};

function read(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

/** Made once per state folder, with openssl. */
export async function loadIdentityKeys(paths: LabPaths): Promise<IdentityKeys> {
  const folder = join(paths.state, 'imds');
  const privateKeyFile = join(folder, 'identity-key.pem');
  const certificateFile = join(folder, 'identity-certificate.pem');
  let key = await read(privateKeyFile);
  let certificatePem = await read(certificateFile);
  if (key === null || certificatePem === null) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    key = await run('openssl', ['genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']);
    await writeFileWhole(privateKeyFile, `${key}\n`, 0o600);
    certificatePem = `${await run('openssl', ['req', '-x509', '-key', privateKeyFile, '-sha256', '-days', '3650', '-subj', '/O=ecs-host lab/CN=instance identity'])}\n`;
    await writeFileWhole(certificateFile, certificatePem);
  }
  return { privateKey: createPrivateKey(key), privateKeyFile, certificatePem, certificateFile };
}
