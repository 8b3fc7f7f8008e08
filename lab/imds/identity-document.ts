import { sign } from 'node:crypto';
import { run } from '../exec.ts';
import type { IdentityKeys } from './identity-keys.ts';
import type { ImdsInstance } from './instance.ts';

/**
 * The text of dynamic/instance-identity/document: keys and layout as on EC2, where the signatures cover these very
 * bytes.
 */
export function identityDocument({ spec, address, launchedAt }: ImdsInstance): string {
  return JSON.stringify(
    {
      accountId: spec.accountId,
      architecture: 'x86_64',
      availabilityZone: spec.availabilityZone,
      billingProducts: null,
      devpayProductCodes: null,
      marketplaceProductCodes: null,
      imageId: spec.imageId,
      instanceId: spec.instanceId,
      instanceType: spec.instanceType,
      kernelId: null,
      pendingTime: launchedAt.toISOString().replace(/\.\d+Z$/, 'Z'),
      privateIp: address.address,
      ramdiskId: null,
      region: spec.region,
      version: '2017-09-30',
    },
    null,
    2,
  );
}

/** base64 in lines of 64, without a line end at the end, as EC2 gives it. */
function inLines(text: string): string {
  return (text.match(/.{1,64}/g) ?? []).join('\n');
}

export function signature(document: string, keys: IdentityKeys): string {
  return inLines(sign('RSA-SHA256', Buffer.from(document), keys.privateKey).toString('base64'));
}

/** A PKCS #7 signature with the document inside; without the PEM header and footer, as EC2 gives it. */
export async function pkcs7(document: string, keys: IdentityKeys): Promise<string> {
  const pem = await run(
    'openssl',
    [
      'cms',
      '-sign',
      '-binary',
      '-nodetach',
      '-outform',
      'PEM',
      '-signer',
      keys.certificateFile,
      '-inkey',
      keys.privateKeyFile,
    ],
    { input: document },
  );
  return pem
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-----'))
    .join('\n');
}
