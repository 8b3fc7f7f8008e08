import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteKeyPairCommand, ImportKeyPairCommand, type Tag } from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import type { AwsClients } from './clients.ts';

export const KEY_FILE = 'id_ed25519';

export type KeyPair = {
  readonly keyName: string;
  readonly keyFile: string;
  readonly release: () => Promise<void>;
};

/** A key pair that lives as long as the run; the private half never leaves the folder, which is the key's alone. */
export async function createKeyPair(
  { ec2 }: AwsClients,
  keyName: string,
  folder: string,
  Tags: readonly Tag[],
): Promise<KeyPair> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keyFile = join(folder, KEY_FILE);
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', keyName, '-f', keyFile], { stdin: 'ignore' });
  await chmod(keyFile, 0o600);
  await ec2.send(
    new ImportKeyPairCommand({
      KeyName: keyName,
      PublicKeyMaterial: await readFile(`${keyFile}.pub`),
      TagSpecifications: [{ ResourceType: 'key-pair', Tags: [...Tags] }],
    }),
  );
  const release = async (): Promise<void> => {
    await ec2.send(new DeleteKeyPairCommand({ KeyName: keyName }));
    await rm(folder, { recursive: true, force: true });
  };
  return { keyName, keyFile, release };
}
