import type { KeyObject } from 'node:crypto';
import type { LabPaths } from '../paths.ts';

/** The lab's own key pair in place of AWS's; the certificate verifies `signature`, `pkcs7` and `rsa2048` of identity documents. */
export type IdentityKeys = {
  readonly privateKey: KeyObject;
  readonly certificatePem: string;
  readonly certificateFile: string;
};

/** Made once per state folder. */
export const loadIdentityKeys = async (_paths: LabPaths): Promise<IdentityKeys> => {
  throw new Error('being written');
};
